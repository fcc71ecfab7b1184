import { isSpoolable, type Message, type Sequenced } from './message.ts';
import type { Batch } from './message-queue.ts';

/** Messages that were taken out of the queue and are not committed yet, in their order. */
export type UnderWay = {
  add(batch: Batch): void;
  /** So many of the first are committed now: those of them that have not been settled meanwhile. */
  end(count: number): readonly Message[];
  /** Those that may wait on the disk instead, and have not been settled. */
  copyable(): Sequenced[];
  /** They are on the disk as well now, and were settled so. */
  noteSpooled(messages: readonly Message[]): void;
  rest(): Message[];
  isEmpty(): boolean;
  /** What the queue said they weigh. */
  bytes(): number;
  /** The place in the order of the last message that is committed; 0 before the first. */
  throughCommitted(): number;
};

/** Nothing under way. */
export function createUnderWay(): UnderWay {
  const batches: Batch[] = [];
  /** Of the first batch. */
  let done = 0;
  let bytes = 0;
  let through = 0;
  const spooled = new Set<Message>();

  const left = (): Sequenced[] =>
    batches.flatMap(({ messages, sequences }, i) =>
      messages.map((message, n) => ({ message, sequence: sequences[n] as number })).slice(i === 0 ? done : 0),
    );
  const endFirst = ({ messages, sequences, bytes: weight }: Batch, count: number): readonly Message[] => {
    const ended = messages.slice(done, done + count);
    done += ended.length;
    through = sequences[done - 1] ?? through;
    if (done === messages.length) {
      batches.shift();
      bytes -= weight;
      done = 0;
    }
    return ended;
  };

  return {
    add: (batch) => {
      batches.push(batch);
      bytes += batch.bytes;
    },
    end: (count) => {
      const ended: Message[] = [];
      for (let batch = batches[0]; batch && ended.length < count; batch = batches[0]) {
        for (const message of endFirst(batch, count - ended.length)) ended.push(message);
      }
      if (spooled.size === 0) return ended;
      return ended.filter((message) => !spooled.delete(message));
    },
    copyable: () => left().filter(({ message }) => isSpoolable(message) && !spooled.has(message)),
    noteSpooled: (messages) => {
      for (const message of messages) spooled.add(message);
    },
    rest: () => left().map(({ message }) => message),
    isEmpty: () => batches.length === 0,
    bytes: () => bytes,
    throughCommitted: () => through,
  };
}
