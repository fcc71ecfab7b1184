/** Holds back what comes until something is written down, in the order in which it came. */
import { setTimeout as sleep } from 'node:timers/promises';

export type Hold = {
  /** Nothing passes before `work` has been done; it is tried again until it is, or the signal comes. */
  until(work: () => Promise<void>): Promise<void>;
  /** Does `work` now, or when all that is held before it has been let go. */
  pass(work: () => void): void;
  isHolding(): boolean;
};

const retryMs = 1_000;

export function createHold(signal: AbortSignal, onFree: () => void): Hold {
  const waiting: (() => void)[] = [];
  let holding = 0;

  const free = () => {
    holding--;
    if (holding > 0) return;
    for (const work of waiting.splice(0)) work();
    onFree();
  };
  const untilDone = async (work: () => Promise<void>) => {
    for (;;) {
      signal.throwIfAborted();
      try {
        return await work();
      } catch {
        await sleep(retryMs, undefined, { signal });
      }
    }
  };

  return {
    until: (work) => {
      holding++;
      // Who is let go after the signal sees by it that it is too late.
      return untilDone(work).finally(free);
    },
    pass: (work) => {
      if (holding > 0 || waiting.length > 0) waiting.push(work);
      else work();
    },
    isHolding: () => holding > 0,
  };
}
