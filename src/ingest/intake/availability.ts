/**
 * Whether the database takes what comes, told by how long a batch has been under way. Nothing asks it: an intake without
 * messages counts as working.
 *
 *   working ──a batch has been under way for awayMs──▶ away ──shedAfterMs in all──▶ shedding
 *      ▲                                                │                               │
 *      └──────────────────── the batch is committed ◀───┴───────────────────────────────┘
 */
import type { Log } from '../../platform/log.ts';

export type AvailabilityState = 'working' | 'away' | 'shedding';

export type Availability = {
  state(): AvailabilityState;
  /** A batch is on its way to the database. */
  begin(): void;
  /** It is committed, or given up. */
  end(): void;
  close(): void;
};

export type AvailabilityOptions = {
  readonly awayMs: number;
  readonly shedAfterMs: number;
  /** Called when the state becomes `away`. */
  readonly onAway: () => void;
  readonly log: Log;
};

const lookMsMax = 250;

/** Begins as working, and looks at the clock four times a second, or four times in `awayMs`. */
export function createAvailability({ awayMs, shedAfterMs, onAway, log }: AvailabilityOptions): Availability {
  let state: AvailabilityState = 'working';
  let beganAt = Number.POSITIVE_INFINITY;

  const look = () => {
    const elapsedMs = performance.now() - beganAt;
    if (state === 'working' && elapsedMs >= awayMs) {
      state = 'away';
      log.warn({ seconds: seconds(elapsedMs) }, 'nothing could be committed for some time; messages wait');
      onAway();
    }
    if (state === 'away' && elapsedMs >= shedAfterMs) {
      state = 'shedding';
      log.warn({ seconds: seconds(elapsedMs) }, 'closing connections whose messages wait, and letting nobody in');
    }
  };
  const timer = setInterval(look, Math.min(lookMsMax, awayMs / 4)).unref();

  return {
    state: () => state,
    begin: () => {
      beganAt = performance.now();
    },
    end: () => {
      if (state !== 'working')
        log.info({ seconds: seconds(performance.now() - beganAt) }, 'the database takes commits');
      state = 'working';
      beganAt = Number.POSITIVE_INFINITY;
    },
    close: () => clearInterval(timer),
  };
}

function seconds(ms: number): number {
  return Math.round(ms / 100) / 10;
}
