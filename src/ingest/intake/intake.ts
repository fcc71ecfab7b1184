/**
 * Between the doors and the database: one queue, committed batch after batch, never on a timer. While one batch is on its
 * way to the disk the next one gathers, and what it means is found out: the database waits for nobody, and a slow disk makes
 * bigger batches and not a longer wait.
 *
 *   door ─offer─▶ queue ─take─▶ interpret ─▶ ready ─all of it─▶ commit ─▶ settle each, in order ─▶ flush each origin once
 *           │       │            one after    └─ full: nothing   └─ database away: the same batch again, nothing is
 *           │       │            the other       is taken           acknowledged meanwhile
 *           │       └─ full: doors stop reading
 *           └─▶ spool: what nobody sends again, while the database is away or the spool is not nearly empty
 *
 * Every message has a number in the order in which they came, and batches follow it through queue and spool alike: no
 * message overtakes an older one, of its device or of another. There is one transaction at a time. Memory holds
 * `queueBytesMax` of messages, those under way included, and what doors had read when they were told to stop: 64 kB a
 * connection at most.
 */
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Log } from '../../platform/log.ts';
import { type Availability, type AvailabilityState, createAvailability } from './availability.ts';
import type { IngestCounters } from './counters.ts';
import { isSpoolable, type Message } from './message.ts';
import { type Batch, createMessageQueue, type MessageQueue } from './message-queue.ts';
import {
  type CommitOptions,
  type CommitSteps,
  commitUntilDone,
  interpretUntilDone,
  type Part,
} from './persistent-commit.ts';
import { createDrop, flush, type Spool, settle } from './spool.ts';
import { createUnderWay, type UnderWay } from './under-way.ts';

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

export type IntakeOptions<P extends Part> = CommitSteps<P> & {
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
};
/**
 * What is taken in one turn of the event loop is a batch as well: a turn may read more than that from the sockets, and with
 * smaller parts what has been read would grow while small batches are committed.
 */
const batchMax = { messages: 5_000, bytes: 8 * megabyte };
const roomShare = 0.75;
/**
 * Of what waits a third is taken at a time, and this many at least: devices that send their window and wait for all of it would
 * leave the database idle while what they send is understood, and this program while it is stored.
 */
const shareMin = 500;
/** With fewer messages in the spool, what comes goes into memory again: a batch or two, and the spool is empty. */
const nearlyEmpty = 4_000;

/** Starts an intake; it works as soon as something is offered, or at once when the spool has messages. */
export function createIntake<P extends Part>(options: IntakeOptions<P>): Intake {
  const { counters, log, spool, awayMs = 2_000, shedAfterMs = 60_000 } = options;
  const queue = createMessageQueue();
  const underWay = createUnderWay();
  const roomListeners: (() => void)[] = [];
  const gauge = createGauge(
    () => queue.bytes() + underWay.bytes() + (spool?.gatheredBytes() ?? 0),
    () => {
      for (const listener of roomListeners) listener();
    },
  );
  const inside: Inside<P> = {
    options: {
      ...options,
      onCommitted: ({ length }) => noteCommitted(length, inside),
      isGivenUp: () => inside.isGivenUp,
    },
    counters,
    log,
    queue,
    underWay,
    spool,
    gauge,
    availability: createAvailability({ awayMs, shedAfterMs, onAway: () => spoolAll(inside), log }),
    ready: nothing(),
    throughTaken: 0,
    interpreting: undefined,
    committing: undefined,
    isClosed: false,
    isGivenUp: false,
  };
  const drop = createDrop(counters, log);
  let sequence = spool?.lastSequence() ?? 0;
  spool?.onWritten(gauge.look);
  start(inside);

  return {
    offer: (message) => {
      sequence++;
      switch (placeOf(message, inside)) {
        case 'memory':
          queue.push(message, sequence);
          return start(inside);
        case 'spool':
          spool?.keep({ message, sequence });
          return start(inside);
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
      inside.isGivenUp = await Promise.race([untilIdle(inside).then(() => false), timeout]);
      timer.abort();
      inside.availability.close();
      if (inside.isGivenUp) giveUp(inside);
      await turn(); // What is committed last is settled now.
      spool?.close();
      return !inside.isGivenUp;
    },
  };
}

type State = {
  readonly counters: IngestCounters;
  readonly log: Log;
  readonly queue: MessageQueue;
  readonly underWay: UnderWay;
  readonly spool: Spool | undefined;
  readonly gauge: Gauge;
  readonly availability: Availability;
  /** Interpreted, for the next batch. */
  ready: Ready<unknown>;
  /** The place of the last message that was taken. */
  throughTaken: number;
  interpreting: Promise<void> | undefined;
  committing: Promise<void> | undefined;
  isClosed: boolean;
  isGivenUp: boolean;
};

type Ready<P> = { readonly parts: P[]; messages: number; bytes: number };
type Inside<P extends Part> = State & { readonly options: CommitOptions<P>; ready: Ready<P> };

function nothing<P>(): Ready<P> {
  return { parts: [], messages: 0, bytes: 0 };
}

function placeOf(message: Message, { isClosed, availability, gauge, spool, queue, underWay }: State): Place {
  if (!isSpoolable(message)) return isClosed ? 'nowhere' : 'memory';
  const isAway = availability.state() !== 'working';
  const isBehind = isAway || isClosed || gauge.isFull() || (spool?.messages() ?? 0) > nearlyEmpty;
  if (isBehind && spool?.hasRoom(message)) return 'spool';
  // While commits go on a spool that is full makes nobody lose anything: the queue fills, and doors stop reading.
  const isLost = isClosed || (isAway && spool) || queue.bytes() + underWay.bytes() >= limits.dropBytes;
  return isLost ? 'nowhere' : 'memory';
}

type Place = 'memory' | 'spool' | 'nowhere';

function start<P extends Part>(inside: Inside<P>): void {
  if (!inside.interpreting && mayTake(inside)) inside.interpreting = interpretOn(inside);
}

function mayTake({ queue, spool, underWay, ready, isClosed, isGivenUp }: State): boolean {
  if (isGivenUp) return false;
  // The disk is read behind what is committed: while something is there, one batch comes after the other.
  if (spool && spool.messages() > 0) return underWay.isEmpty() && (queue.length() > 0 || !isClosed);
  if (underWay.isEmpty()) return queue.length() > 0;
  return queue.length() > 0 && ready.messages < batchMax.messages && ready.bytes < batchMax.bytes;
}

async function interpretOn<P extends Part>(inside: Inside<P>): Promise<void> {
  const { underWay, availability, options } = inside;
  // Everything that comes in the same turn of the event loop is taken together.
  for (await turn(); mayTake(inside); await turn()) {
    const taken = take(inside);
    if (taken.messages.length === 0) continue;
    if (underWay.isEmpty()) availability.begin();
    underWay.add(taken);
    const parts = await interpretUntilDone(taken.messages, options);
    if (inside.isGivenUp) break;
    inside.ready.parts.push(...parts);
    inside.ready.messages += taken.messages.length;
    inside.ready.bytes += taken.bytes;
    inside.committing ??= commitOn(inside);
  }
  // In the same turn as the last look: what comes next starts it again.
  inside.interpreting = undefined;
}

function take(inside: State): Batch {
  const { spool, queue, ready, throughTaken } = inside;
  const room = { messagesMax: batchMax.messages - ready.messages, bytesMax: batchMax.bytes - ready.bytes };
  const share = Math.max(shareMin, Math.ceil(queue.length() / 3));
  const batch =
    spool && spool.messages() > 0
      ? queue.take(room, spool.read(throughTaken))
      : queue.take({ ...room, messagesMax: Math.min(share, room.messagesMax) });
  inside.throughTaken = batch.sequences.at(-1) ?? throughTaken;
  return batch;
}

async function commitOn<P extends Part>(inside: Inside<P>): Promise<void> {
  while (inside.ready.parts.length > 0 && !inside.isGivenUp) {
    const { parts } = inside.ready;
    inside.ready = nothing();
    start(inside);
    await commitUntilDone(parts, inside.options);
  }
  inside.committing = undefined;
  start(inside);
}

function noteCommitted(count: number, { underWay, availability, spool, queue, gauge, counters }: State): void {
  const unsettled = underWay.end(count);
  availability.end();
  if (!underWay.isEmpty()) availability.begin();
  if (spool && spool.messages() > 0) spool.forgetThrough(underWay.throughCommitted());
  // In the next turn: the next batch is on its way by then, and the database has not waited for the writes of these.
  setImmediate(() => {
    settle(unsettled, { isCommitted: true });
    counters.waiting.set(queue.length());
    gauge.look();
  });
}

async function untilIdle(inside: State): Promise<void> {
  while (inside.interpreting || inside.committing) await Promise.all([inside.interpreting, inside.committing]);
}

/** Moves what may be spooled from memory to the disk: of what is under way a copy, since it may be stored already. */
function spoolAll({ spool, queue, underWay }: State): void {
  if (!spool) return;
  underWay.noteSpooled(spool.copy(underWay.copyable()));
  const entries = queue.extract(isSpoolable);
  for (const entry of entries) spool.keep(entry);
  flush(entries.map(({ message }) => message));
}

function giveUp(inside: State): void {
  spoolAll(inside);
  const { underWay, queue, counters, log } = inside;
  const left = [...underWay.rest(), ...queue.rest()];
  const messages = left.filter((message) => !isSpoolable(message)).length;
  counters.abandoned.inc(messages);
  if (messages > 0) log.error({ messages }, 'closing with messages neither stored nor acknowledged');
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
