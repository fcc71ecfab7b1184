/**
 * Between the doors and the database: one queue, committed batch after batch, never on a timer. While one batch is on its
 * way to the disk the next one gathers, so that a slow disk makes bigger batches and not a longer wait.
 *
 *   door ─offer─▶ queue ─take─▶ batch ─commit─▶ settle each, in order ─▶ flush each origin once
 *           │       │             └─ database away: the same batch again, nothing is acknowledged meanwhile
 *           │       └─ full: doors stop reading
 *           └─▶ spool: what nobody sends again, while the database is away or the spool is not nearly empty
 *
 * Every message has a number in the order in which they came, and batches follow it through queue and spool alike: no
 * message overtakes an older one, of its device or of another. Memory holds `queueBytesMax` of messages, the batch under
 * way included, and what doors had read when they were told to stop: 64 kB a connection at most.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Log } from '../../platform/log.ts';
import { type Availability, type AvailabilityState, createAvailability } from './availability.ts';
import type { IngestCounters } from './counters.ts';
import { isSpoolable, type Message, type Sequenced } from './message.ts';
import { type Batch, createMessageQueue, type MessageQueue } from './message-queue.ts';
import { type CommitSteps, commitUntilDone } from './persistent-commit.ts';
import { createDrop, flush, type Spool, settle } from './spool.ts';

export type Intake = {
  /** Takes a message. The door must not offer more while `isFull`. */
  offer(message: Message): void;
  isFull(): boolean;
  /** Whether messages are committed; while `shedding`, doors let nobody in and close those whose messages wait. */
  state(): AvailabilityState;
  /** Calls `listener` whenever a full queue has room again. */
  onRoom(listener: () => void): void;
  /**
   * Takes nothing more; resolves with true once everything in memory has been committed, with false after `waitMsMax`:
   * then what may be spooled is on the disk, and the rest is not acknowledged.
   */
  drain(waitMsMax: number): Promise<boolean>;
};

export type IntakeOptions = CommitSteps & {
  readonly counters: IngestCounters;
  readonly log: Log;
  /** Absent: what nobody sends again waits in memory, and is dropped when that is full. */
  readonly spool?: Spool | undefined;
  /** After so long without a commit, in milliseconds, the database counts as away. */
  readonly awayMs?: number;
  /** After so long without a commit doors close the connections whose messages wait. */
  readonly shedAfterMs?: number | undefined;
};

const megabyte = 1_024 * 1_024;
const limits = {
  /** Doors stop reading. */
  queueBytesMax: 64 * megabyte,
  /** What connections had handed over already when they were told to stop: beyond it QoS 0 is dropped. */
  dropBytes: 96 * megabyte,
  batchMessagesMax: 5_000,
  batchBytesMax: 8 * megabyte,
};
const roomShare = 0.75;
/** With fewer messages in the spool, what comes goes into memory again: a batch or two, and the spool is empty. */
const nearlyEmpty = 4_000;

/** Starts an intake; it works as soon as something is offered, or at once when the spool has messages. */
export function createIntake(options: IntakeOptions): Intake {
  const { counters, log, spool, awayMs = 2_000, shedAfterMs = 60_000 } = options;
  const queue = createMessageQueue(limits);
  const roomListeners: (() => void)[] = [];
  const gauge = createGauge(
    () => queue.bytes() + (spool?.gatheredBytes() ?? 0),
    () => {
      for (const listener of roomListeners) listener();
    },
  );
  const inside: Inside = {
    options,
    queue,
    spool,
    gauge,
    availability: createAvailability({ awayMs, shedAfterMs, onAway: () => spoolAll(inside), log }),
    underWay: undefined,
    throughTaken: 0,
    isWorking: false,
    isClosed: false,
    isGivenUp: false,
  };
  const drop = createDrop(counters, log);
  let sequence = spool?.lastSequence() ?? 0;
  let working: Promise<void> | undefined;
  const start = () => {
    if (inside.isWorking) return;
    inside.isWorking = true;
    working = work(inside);
  };
  spool?.onWritten(gauge.look);
  if (hasWork(inside)) start();

  return {
    offer: (message) => {
      sequence++;
      switch (placeOf(message, inside)) {
        case 'memory':
          queue.push(message, sequence);
          return start();
        case 'spool':
          spool?.keep({ message, sequence });
          return start();
        case 'nowhere':
          if (isSpoolable(message)) drop([message], spool ? 'the spool takes no more' : 'the intake is full');
          else abandon(message, counters);
      }
    },
    isFull: gauge.isFull,
    state: inside.availability.state,
    onRoom: (listener) => {
      roomListeners.push(listener);
    },
    drain: async (waitMsMax) => {
      inside.isClosed = true;
      const timer = new AbortController();
      const timeout = sleep(waitMsMax, true, { signal: timer.signal }).catch(() => true); // Aborted: it lost the race.
      inside.isGivenUp = await Promise.race([Promise.resolve(working).then(() => false), timeout]);
      timer.abort();
      inside.availability.close();
      if (inside.isGivenUp) giveUp(inside);
      spool?.close();
      return !inside.isGivenUp;
    },
  };
}

type Inside = {
  readonly options: IntakeOptions;
  readonly queue: MessageQueue;
  readonly spool: Spool | undefined;
  readonly gauge: Gauge;
  readonly availability: Availability;
  underWay: UnderWay | undefined;
  /** The place of the last message that was taken into a batch. */
  throughTaken: number;
  isWorking: boolean;
  isClosed: boolean;
  isGivenUp: boolean;
};

type UnderWay = {
  readonly batch: Batch;
  /** Of its messages, in order, so many are committed. */
  count: number;
  /** Those that are spooled meanwhile, and have been settled so. */
  readonly settled: Set<Message>;
};

function placeOf(message: Message, { isClosed, availability, gauge, spool, queue }: Inside): Place {
  if (!isSpoolable(message)) return isClosed ? 'nowhere' : 'memory';
  const isAway = availability.state() !== 'working';
  const isBehind = isAway || isClosed || gauge.isFull() || (spool?.messages() ?? 0) > nearlyEmpty;
  if (isBehind && spool?.hasRoom(message)) return 'spool';
  // While commits go on a spool that is full makes nobody lose anything: the queue fills, and doors stop reading.
  const isLost = isClosed || (isAway && spool) || queue.bytes() >= limits.dropBytes;
  return isLost ? 'nowhere' : 'memory';
}

type Place = 'memory' | 'spool' | 'nowhere';

function hasWork({ queue, spool, isClosed }: Inside): boolean {
  return queue.length() > 0 || (!isClosed && (spool?.messages() ?? 0) > 0);
}

async function work(inside: Inside): Promise<void> {
  const { options, queue, spool, gauge, availability } = inside;
  const commitOptions = {
    ...options,
    onCommitted: (messages: readonly Message[]) => noteCommitted(messages, inside),
    isGivenUp: () => inside.isGivenUp,
  };
  // Everything that comes in the same turn of the event loop goes into the first batch.
  await new Promise<void>((resolve) => setImmediate(resolve));
  while (hasWork(inside) && !inside.isGivenUp) {
    const batch = take(inside);
    if (batch.messages.length === 0) continue;
    inside.underWay = { batch, count: 0, settled: new Set() };
    availability.begin();
    await commitUntilDone(batch.messages, commitOptions);
    if (inside.isGivenUp) return;
    inside.underWay = undefined;
    if (spool && spool.messages() > 0) spool.forgetThrough(inside.throughTaken);
    queue.release();
    options.counters.waiting.set(queue.length());
    gauge.look();
  }
  // In the same turn as the last look for work: what comes next starts it again.
  inside.isWorking = false;
}

function take(inside: Inside): Batch {
  const { spool, queue, throughTaken } = inside;
  const batch = spool && spool.messages() > 0 ? queue.take(spool.read(throughTaken)) : queue.take();
  inside.throughTaken = batch.sequences.at(-1) ?? throughTaken;
  return batch;
}

function noteCommitted(messages: readonly Message[], { underWay, availability }: Inside): void {
  const { settled, batch } = underWay as UnderWay;
  (underWay as UnderWay).count += messages.length;
  settle(settled.size > 0 ? messages.filter((one) => !settled.has(one)) : messages, { isCommitted: true });
  availability.end();
  if ((underWay as UnderWay).count < batch.messages.length) availability.begin();
}

/** Moves what may be spooled from memory to the disk: of the batch under way a copy, since it may be stored already. */
function spoolAll({ spool, queue, underWay }: Inside): void {
  if (!spool) return;
  if (underWay) for (const message of spool.copy(copyable(underWay))) underWay.settled.add(message);
  const entries = queue.extract(isSpoolable);
  for (const entry of entries) spool.keep(entry);
  flush(entries.map(({ message }) => message));
}

function copyable({ batch, count, settled }: UnderWay): Sequenced[] {
  return batch.messages.flatMap((message, i) =>
    i >= count && isSpoolable(message) && !settled.has(message)
      ? [{ message, sequence: batch.sequences[i] as number }]
      : [],
  );
}

function giveUp(inside: Inside): void {
  spoolAll(inside);
  const { underWay, queue, options } = inside;
  const left = [...(underWay?.batch.messages.slice(underWay.count) ?? []), ...queue.rest()];
  const messages = left.filter((message) => !isSpoolable(message)).length;
  options.counters.abandoned.inc(messages);
  if (messages > 0) options.log.error({ messages }, 'closing with messages neither stored nor acknowledged');
}

function abandon(message: Message, counters: IngestCounters): void {
  counters.abandoned.inc();
  message.origin.settle(message, { isCommitted: false });
}

type Gauge = { isFull(): boolean; look(): void };

/** Whether memory is full, and then until a quarter of it is free again, so that doors are not told at each message. */
function createGauge(bytes: () => number, onRoom: () => void): Gauge {
  let isShut = false;
  return {
    isFull: () => {
      isShut ||= bytes() >= limits.queueBytesMax;
      return isShut;
    },
    look: () => {
      if (!isShut || bytes() > limits.queueBytesMax * roomShare) return;
      isShut = false;
      onRoom();
    },
  };
}
