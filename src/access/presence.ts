/**
 * Which devices are connected, as the processes that let them in tell the database. A process notes each start and end of
 * a session in memory and writes what changed in one transaction, at most every `flushMs`; it never makes the broker wait.
 *
 *   record ─▶ sessions a device (counted) ─┐
 *          └▶ events (bounded) ────────────┼─▶ flush ─▶ device_session, device_event, device
 *   seen ────▶ last seen a device ─────────┘     └─ also every `beatMs`, with a sign of life of the process
 *
 * A device is online while it has a session at a process that is alive. A process that died leaves its sessions behind;
 * another one, which has been alive itself all that time, ends them. One that was only away finds that out by its own
 * row, which is gone, and writes all its sessions again.
 */
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import type { Log } from '../platform/log.ts';
import type { Device } from './device.ts';
import { createPresenceBook } from './presence-book.ts';
import {
  beat,
  deadMs,
  endDeadProcesses,
  endProcess,
  type TellPresence,
  updateLastSeen,
  writePresence,
} from './presence-store.ts';

export type PresenceReason =
  | 'connected'
  /** DISCONNECT (MQTT 3.1.1, 3.14). */
  | 'disconnected'
  | 'keep_alive'
  | 'taken_over'
  | 'revoked'
  | 'connection_lost'
  | 'protocol_violation'
  | 'shutdown'
  /** Its process died, and the connection with it. */
  | 'process_lost';

/** The start of a session of a device (reason `connected`), or its end; `at` is in ms since 1970. */
export type Presence = {
  readonly device: Device;
  readonly clientId: string;
  readonly isOnline: boolean;
  readonly reason: PresenceReason;
  readonly at: number;
  /** The address it comes from, where it is known. */
  readonly address?: string | undefined;
};

export type PresenceRecorder = {
  /** Notes a start or an end of a session; returns at once and never throws. */
  record(presence: Presence): void;
  /** Notes that a device was heard at `at` (ms since 1970); a few words in memory, so it may be called for each message. */
  seen(deviceId: string, at: number): void;
  /** Writes what is still to be written, within `closeMsMax`, and says that this process lets nobody in any more. */
  close(): Promise<void>;
};

type Options = {
  readonly db: Db;
  readonly log: Log;
  readonly tell?: TellPresence | undefined;
  /** How long after a change it is written, so that many are written at once. */
  readonly flushMs?: number;
  /** How often the process gives a sign of life. */
  readonly beatMs?: number;
};

const retryMs = 1_000;
const closeMsMax = 3_000;
const devicesAtOnce = 1_000;
/** Every so many signs of life it is written when devices were last seen. */
const beatsASeen = 2;

/** Gives signs of life from now on, and records until it is closed. */
export function createPresenceRecorder({ db, log, tell, flushMs = 250, beatMs = 10_000 }: Options): PresenceRecorder {
  const processId = newId();
  const book = createPresenceBook();
  const alarm = createAlarm();
  let isClosing = false;
  let isAway = false;
  let beats = 0;
  let beatDueAt = 0;
  /** Since when this process has reached the database without a gap; only then may it judge others. */
  let aliveSince = Number.POSITIVE_INFINITY;

  const giveSignOfLife = async () => {
    if (await beat(db, processId)) book.markAll();
    const now = performance.now();
    aliveSince = Math.min(aliveSince, now);
    beatDueAt = now + beatMs;
    if (now - aliveSince > deadMs) await endDeadProcesses(db, tell);
    if (beats++ % beatsASeen === 0) await updateLastSeen(db, book.takeSeen());
  };
  /** Resolves with whether there are more devices than go together. */
  const flush = async () => {
    const devices = book.take(devicesAtOnce);
    try {
      await writePresence(db, { processId, devices, tell });
      return devices.length === devicesAtOnce;
    } catch (error) {
      book.giveBack(devices);
      throw error;
    }
  };
  const turn = async () => {
    if (performance.now() >= beatDueAt) await giveSignOfLife();
    // What changes meanwhile has its own time: clients that come and go without end are not written without end.
    while (await flush());
    const lost = book.takeLost();
    if (lost > 0) log.warn({ lost }, 'more connections began and ended than could be recorded');
  };
  const loop = async () => {
    while (!isClosing) {
      try {
        await turn();
        isAway = false;
        alarm.set(Math.max(0, beatDueAt - performance.now()));
      } catch (error) {
        if (!isAway) log.warn({ err: error }, 'it cannot be recorded at present which devices are connected');
        isAway = true;
        aliveSince = Number.POSITIVE_INFINITY;
        beatDueAt = 0;
        alarm.set(retryMs);
      }
      await alarm.rung();
    }
    while (book.hasChanges()) await turn();
    await updateLastSeen(db, book.takeSeen());
    await endProcess(db, processId);
  };
  const looping = loop().catch((error: unknown) =>
    log.warn({ err: error }, 'the last changes of connected devices were not recorded'),
  );

  return {
    record: (presence) => {
      book.note(presence);
      if (!isAway) alarm.set(flushMs);
    },
    seen: book.noteSeen,
    close: async () => {
      isClosing = true;
      alarm.set(0);
      await Promise.race([looping, new Promise((resolve) => setTimeout(resolve, closeMsMax).unref())]);
    },
  };
}

/** Rings at the earliest of the times that it was set to since it rang last; who comes later hears it all the same. */
function createAlarm(): { set(ms: number): void; rung(): Promise<void> } {
  let dueAt = Number.POSITIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let hasRung = Promise.withResolvers<void>();
  return {
    set: (ms) => {
      const at = performance.now() + ms;
      if (at >= dueAt) return;
      dueAt = at;
      clearTimeout(timer);
      timer = setTimeout(() => {
        dueAt = Number.POSITIVE_INFINITY;
        hasRung.resolve();
      }, ms);
    },
    rung: async () => {
      await hasRung.promise;
      hasRung = Promise.withResolvers();
    },
  };
}
