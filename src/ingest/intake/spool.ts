/**
 * Messages that nobody sends again, while the database is away or behind: they wait on the disk instead of in memory.
 *
 *   keep ─▶ gathered ─turn of the event loop─▶ written, settled as spooled ─read─▶ a batch of the intake ─forget─▶ gone
 *             └─ full, or the disk refuses: dropped, counted, and logged every ten seconds at most
 *
 * When it is full and nothing can be committed what comes is dropped, and what has been taken is kept: a gap has one
 * beginning, which the log names.
 * A write of a thousand messages holds the event loop up for 1 to 3 ms (measured: 1.1 µs a message, 0.9 to read, 0.4 to
 * delete), so there is no thread of its own.
 */
import type { Log } from '../../platform/log.ts';
import type { IngestCounters } from './counters.ts';
import { type Message, type Outcome, type Sequenced, weightBytes } from './message.ts';
import type { SpooledPart } from './message-queue.ts';
import { openSpoolStore, type SpoolStore, storedBytes } from './spool-store.ts';

export type Spool = {
  /** Whether a message may still be kept. */
  hasRoom(message: Message): boolean;
  /** Takes a message for the disk; it is settled when it has been written, or dropped when there is no room. */
  keep(entry: Sequenced): void;
  /** Writes messages whose origins wait for their commit still; those that are written are settled now. */
  copy(entries: readonly Sequenced[]): readonly Message[];
  /** The first messages behind a place in the order. */
  read(after: number): SpooledPart;
  /** Messages up to this place are committed. */
  forgetThrough(sequence: number): void;
  /** What waits, on the disk and for it. */
  messages(): number;
  /** Calls `listener` whenever some of what was gathered has left the memory. */
  onWritten(listener: () => void): void;
  /** What waits to be written and is in memory. */
  gatheredBytes(): number;
  lastSequence(): number;
  /** Writes what is gathered, and closes the file. */
  close(): void;
};

export type SpoolOptions = { readonly directory: string; readonly bytesMax: number };

const writtenAtOnce = { messagesMax: 1_000, bytesMax: 4 * 1_024 * 1_024 };
const readAtOnce = { messagesMax: 2_000, bytesMax: 4 * 1_024 * 1_024 };
const complaintMs = 10_000;

type Options = SpoolOptions & { readonly counters: IngestCounters; readonly log: Log };

/** Opens the spool under `directory`; throws when that cannot be used, or another process uses it. */
export function openSpool({ directory, bytesMax, counters, log }: Options): Spool {
  const { store, damaged } = openSpoolStore(directory, bytesMax);
  if (damaged !== undefined) log.error({ damaged }, 'the spool could not be read, and was put aside');
  if (store.messages() > 0) log.info({ messages: store.messages() }, 'the spool has messages of an earlier run');
  counters.recovered.inc(store.messages());
  const inside: Inside = {
    store,
    bytesMax,
    counters,
    log,
    drop: createDrop(counters, log),
    gathered: [],
    gatheredBytes: 0,
    comingBytes: 0,
    isScheduled: false,
    isBroken: false,
    onWritten: () => {},
  };
  note(inside);
  return createSpool(inside);
}

type Inside = {
  readonly store: SpoolStore;
  readonly bytesMax: number;
  readonly counters: IngestCounters;
  readonly log: Log;
  readonly drop: Drop;
  gathered: Sequenced[];
  gatheredBytes: number;
  /** What the gathered messages will take on the disk. */
  comingBytes: number;
  isScheduled: boolean;
  isBroken: boolean;
  onWritten: () => void;
};

function createSpool(inside: Inside): Spool {
  const { store, log, drop } = inside;
  return {
    hasRoom: (message) => hasRoom(message, inside),
    keep: (entry) => {
      if (!hasRoom(entry.message, inside)) return drop([entry.message], 'the spool is full');
      inside.gathered.push(entry);
      inside.gatheredBytes += weightBytes(entry.message);
      inside.comingBytes += storedBytes(entry.message);
      writeLater(inside);
    },
    copy: (entries) => {
      const bytesMax = inside.bytesMax - store.bytes() - inside.comingBytes;
      const rows = entries.slice(0, countWithin(entries, { messagesMax: entries.length, bytesMax }));
      if (rows.length === 0 || insert(rows, inside)) return []; // They are in memory still.
      const messages = rows.map(({ message }) => message);
      settle(messages, { isCommitted: false, isSpooled: true });
      return messages;
    },
    read: (after) => {
      if ((inside.isBroken || store.messages() === 0) && inside.gathered.length > 0) write(inside);
      const part = guarded(inside, () => readSome(store, after), { rows: [], isWhole: true });
      return { rows: part.rows, isWhole: part.isWhole && inside.gathered.length === 0 };
    },
    forgetThrough: (sequence) => {
      guarded(inside, () => store.deleteThrough(sequence), undefined);
      note(inside);
    },
    messages: () => (inside.isBroken ? 0 : store.messages()) + inside.gathered.length,
    onWritten: (listener) => {
      inside.onWritten = listener;
    },
    gatheredBytes: () => inside.gatheredBytes,
    lastSequence: store.lastSequence,
    close: () => {
      while (inside.gathered.length > 0) write(inside);
      if (store.messages() > 0) log.warn({ messages: store.messages() }, 'the spool keeps messages for the next start');
      store.close();
    },
  };
}

function hasRoom(message: Message, { store, bytesMax, comingBytes, isBroken }: Inside): boolean {
  return !isBroken && store.bytes() + comingBytes + storedBytes(message) <= bytesMax;
}

function writeLater(inside: Inside): void {
  if (inside.isScheduled || inside.gathered.length === 0) return;
  inside.isScheduled = true;
  setImmediate(() => {
    inside.isScheduled = false;
    if (inside.gathered.length > 0) write(inside);
    writeLater(inside);
  });
}

/** Writes the first of what is gathered. */
function write(inside: Inside): void {
  const { gathered, drop } = inside;
  const rows = gathered.slice(0, countWithin(gathered, writtenAtOnce));
  inside.gathered = gathered.slice(rows.length);
  const messages = rows.map(({ message }) => message);
  for (const message of messages) {
    inside.gatheredBytes -= weightBytes(message);
    inside.comingBytes -= storedBytes(message);
  }
  const refusal = insert(rows, inside);
  if (!refusal) settle(messages, { isCommitted: false, isSpooled: true });
  else {
    drop(messages, refusal.message);
    flush(messages);
  }
  inside.onWritten();
}

function insert(rows: readonly Sequenced[], inside: Inside): Error | undefined {
  const { store, counters, isBroken } = inside;
  if (isBroken) return new Error('the spool cannot be used');
  try {
    counters.spooled.inc(store.insert(rows));
  } catch (error) {
    return error as Error;
  }
  note(inside);
  return undefined;
}

function note({ store, counters }: Inside): void {
  counters.spoolMessages.set(store.messages());
  counters.spoolBytes.set(store.bytes());
}

/** What the file cannot give is lost for this run; the program goes on without it. */
function guarded<T>(inside: Inside, work: () => T, otherwise: T): T {
  if (inside.isBroken) return otherwise;
  try {
    return work();
  } catch (error) {
    inside.isBroken = true;
    const detail = { err: error, messages: inside.store.messages() };
    inside.log.error(detail, 'the spool cannot be read; what is in it stays there');
    return otherwise;
  }
}

function readSome(store: SpoolStore, after: number): SpooledPart {
  const part = store.read(after, readAtOnce);
  if (part.rows.length === 0 && store.messages() > 0) throw new Error('the spool counts messages that are not there');
  return part;
}

type Drop = (messages: readonly Message[], reason: string) => void;

/**
 * Drops messages and tells their origins, without a flush, since their door may be about to hand over the next. Says so:
 * at once, and then every ten seconds at most with how many there were.
 */
export function createDrop(counters: IngestCounters, log: Log): Drop {
  let dropped = 0;
  let saidAt = Number.NEGATIVE_INFINITY;
  return (messages, reason) => {
    counters.dropped.inc(messages.length);
    dropped += messages.length;
    if (performance.now() - saidAt >= complaintMs) {
      const [message] = messages;
      const detail = { messages: dropped, reason, username: message?.origin.device.username, topic: message?.topic };
      log.error(detail, 'messages of QoS 0 were dropped');
      saidAt = performance.now();
      dropped = 0;
    }
    for (const one of messages) one.origin.settle(one, { isCommitted: false });
  };
}

/** Tells each message's origin, in order, and each origin once that these were all. */
export function settle(messages: readonly Message[], outcome: Outcome): void {
  for (const message of messages) message.origin.settle(message, outcome);
  flush(messages);
}

/** Tells each origin of these messages once that no more are settled now. */
export function flush(messages: readonly Message[]): void {
  for (const origin of new Set(messages.map(({ origin }) => origin))) origin.flush();
}

function countWithin(entries: readonly Sequenced[], limits: { messagesMax: number; bytesMax: number }): number {
  let count = 0;
  let bytes = 0;
  while (count < entries.length && count < limits.messagesMax && bytes < limits.bytesMax) {
    bytes += storedBytes((entries[count] as Sequenced).message);
    count++;
  }
  return count;
}
