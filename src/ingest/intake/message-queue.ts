import { type Message, type Sequenced, weightBytes } from './message.ts';

/**
 * Messages in memory in the order in which they came, weighed. The order has numbers, by which what waits on the disk
 * finds its place between them.
 */
export type MessageQueue = {
  push(message: Message, sequence: number): void;
  /** The first messages, up to the limits; none when there are none. Those of the disk are merged in. */
  take(limits: TakeLimits, spooled?: SpooledPart): Batch;
  /** Takes those out that are wanted, and leaves the others as they are. */
  extract(isWanted: (message: Message) => boolean): Sequenced[];
  rest(): readonly Message[];
  length(): number;
  bytes(): number;
};

/** The first of the messages that are on the disk, and whether there are no others. */
export type SpooledPart = { readonly rows: readonly Sequenced[]; readonly isWhole: boolean };

type Line = { readonly messages: readonly Message[]; readonly sequences: readonly number[] };
/** What was taken, and what it weighs. */
export type Batch = Line & { readonly bytes: number };

export type TakeLimits = { readonly messagesMax: number; readonly bytesMax: number };

/** An empty queue, which takes what it is given: to bound it is the caller's part. */
export function createMessageQueue(): MessageQueue {
  let queue: Message[] = [];
  let numbers: number[] = [];
  let queuedBytes = 0;

  const cut = (count: number): Line => {
    const isAll = count === queue.length;
    const batch = isAll
      ? { messages: queue, sequences: numbers }
      : { messages: queue.slice(0, count), sequences: numbers.slice(0, count) };
    queue = isAll ? [] : queue.slice(count);
    numbers = isAll ? [] : numbers.slice(count);
    return batch;
  };

  const takeFirst = ({ messagesMax, bytesMax }: TakeLimits): Batch => {
    let count = 0;
    let bytes = 0;
    while (count < queue.length && count < messagesMax && bytes < bytesMax) {
      bytes += weightBytes(queue[count] as Message);
      count++;
    }
    queuedBytes -= bytes;
    return { ...cut(count), bytes };
  };

  const takeMerged = (limits: TakeLimits, spooled: SpooledPart): Batch => {
    const { batch, ofMemory } = merge({ messages: queue, sequences: numbers }, spooled, limits);
    cut(ofMemory.count);
    queuedBytes -= ofMemory.bytes;
    return batch;
  };

  return {
    push: (message, sequence) => {
      queue.push(message);
      numbers.push(sequence);
      queuedBytes += weightBytes(message);
    },
    take: (limits, spooled) => (spooled ? takeMerged(limits, spooled) : takeFirst(limits)),
    extract: (isWanted) => {
      const found: Sequenced[] = [];
      const kept: number[] = [];
      for (const [i, message] of queue.entries()) {
        if (isWanted(message)) found.push({ message, sequence: numbers[i] as number });
        else kept.push(i);
      }
      for (const { message } of found) queuedBytes -= weightBytes(message);
      numbers = kept.map((i) => numbers[i] as number);
      queue = kept.map((i) => queue[i] as Message);
      return found;
    },
    rest: () => queue,
    length: () => queue.length,
    bytes: () => queuedBytes,
  };
}

/** The first messages of both, in their order; those of memory only as far as what is on the disk is known. */
function merge(memory: Line, { rows, isWhole }: SpooledPart, { messagesMax, bytesMax }: TakeLimits) {
  const messages: Message[] = [];
  const sequences: number[] = [];
  const ofMemory = { count: 0, bytes: 0 };
  let next = 0;
  let bytes = 0;
  while (messages.length < messagesMax && bytes < bytesMax) {
    const row = rows[next];
    const number = memory.sequences[ofMemory.count];
    // Behind the last row that was read there may be others, older than what is in memory.
    if (row === undefined && (!isWhole || number === undefined)) break;
    const isOfDisk = row !== undefined && (number === undefined || row.sequence < number);
    const message = isOfDisk ? row.message : (memory.messages[ofMemory.count] as Message);
    const weight = weightBytes(message);
    if (isOfDisk) next++;
    else {
      ofMemory.count++;
      ofMemory.bytes += weight;
    }
    messages.push(message);
    sequences.push(isOfDisk ? row.sequence : (number as number));
    bytes += weight;
  }
  return { batch: { messages, sequences, bytes }, ofMemory };
}
