/**
 * Devices of which most messages are not understood wait in front of the intake, and go in together at a beat. Names that
 * nobody knows are asked of the database, several questions one after the other: a part that has one such message takes as
 * long as one that has hundreds, and everybody's messages wait for it. So a seventh of the time is what these may take.
 *
 *   understood ──more rejected than not, `slowLevel` of them──▶ slow ──half of that is made good, by messages or by time──▶ understood
 *    passes at once                                             waits for the beat, neither stored nor acknowledged
 *
 * The order of a device's messages stays, and one that sends some bad messages among many good ones is never slow.
 */
import type { Rejected } from '../decode/protocol.ts';
import { type Message, weightBytes } from './message.ts';

export type SlowLane = {
  /** Passes a message on, now or at a beat. */
  offer(message: Message): void;
  /** Of messages that were interpreted, in so many milliseconds, these were rejected, or parts of them. */
  note(messages: readonly Message[], rejected: readonly Rejected[], tookMs: number): void;
  /** Passes on whatever waits. */
  release(): void;
};

const beatMs = { min: 100, max: 1_000 };
const shareOfTime = 0.15;
/** Of a device in one beat. */
const passedMax = 400;
const slowLevel = 100;
/** Rejected messages a second that count for nothing. */
const forgivenPerSecond = 10;
const heldBytesMax = 16 * 1_024 * 1_024;
const devicesMax = 50_000;

type Watched = {
  /** Rejected messages, less those that were not and those that are forgiven; at most twice the level of slow ones. */
  level: number;
  notedAt: number;
  isSlow: boolean;
  held: Message[];
};

/** A lane that knows nothing bad of anybody. */
export function createSlowLane(pass: (message: Message) => void): SlowLane {
  const watched = new Map<string, Watched>();
  let heldBytes = 0;
  let timer: NodeJS.Timeout | undefined;
  let tookMsLast = 0;

  const letGo = (one: Watched, countMax: number) => {
    const some = one.held.slice(0, countMax);
    one.held = one.held.slice(countMax);
    for (const message of some) {
      heldBytes -= weightBytes(message);
      pass(message);
    }
  };
  /** Time makes good, also of those that are silent now; who has nothing against it any more is not watched. */
  const forgive = (now: number) => {
    for (const [id, one] of watched) {
      settle(one, now);
      if (one.level === 0 && one.held.length === 0) watched.delete(id);
    }
  };
  const beat = () => {
    for (const one of watched.values()) letGo(one, passedMax);
    forgive(performance.now());
    timer = undefined;
    if (heldBytes > 0) start();
  };
  const start = () => {
    timer ??= setTimeout(beat, Math.min(beatMs.max, Math.max(beatMs.min, tookMsLast / shareOfTime))).unref();
  };

  return {
    offer: (message) => {
      const one = watched.get(message.origin.device.id);
      // Behind what waits there is no overtaking.
      if (!one || (!one.isSlow && one.held.length === 0)) return pass(message);
      one.held.push(message);
      heldBytes += weightBytes(message);
      if (heldBytes > heldBytesMax) letGo(one, one.held.length);
      else start();
    },
    note: (messages, rejected, tookMs) => {
      if (rejected.length === 0 && watched.size === 0) return;
      if (rejected.length > 0) tookMsLast = tookMs;
      const bad = new Set(rejected.map(({ message }) => message));
      const now = performance.now();
      forgive(now);
      for (const message of messages) {
        const { id } = message.origin.device;
        const one = watched.get(id);
        if (one) settle(one, now, bad.has(message) ? 1 : -1);
        else if (bad.has(message) && watched.size < devicesMax)
          watched.set(id, { level: 1, notedAt: now, isSlow: false, held: [] });
      }
    },
    release: () => {
      clearTimeout(timer);
      timer = undefined;
      for (const one of watched.values()) letGo(one, one.held.length);
    },
  };
}

function settle(one: Watched, now: number, more = 0): void {
  const forgiven = ((now - one.notedAt) / 1_000) * forgivenPerSecond;
  one.level = Math.min(2 * slowLevel, Math.max(0, one.level - forgiven + more));
  one.notedAt = now;
  one.isSlow = one.level >= (one.isSlow ? slowLevel / 2 : slowLevel);
}
