import type { Log } from '../../../platform/log.ts';
import type { IngestCounters } from '../../intake/counters.ts';

/** What is known of a connection that is refused or ended; never a password. */
export type RefusalDetail = { readonly address: string; readonly username?: string | undefined } & Readonly<
  Record<string, unknown>
>;

export type NoteRefusal = (reason: string, detail: RefusalDetail) => void;

const linesMax = 100;
const linesPerSecond = 10;
const usernameShownMax = 64;

/**
 * Counts every connection that is refused or ended, and logs it, as long as they are no flood: of that the log tells ten a
 * second, and how many it left out.
 */
export function createRefusals(counters: Pick<IngestCounters, 'refused'>, log: Log): NoteRefusal {
  let lines = linesMax;
  let leftOut = 0;
  let filledAt = performance.now();
  return (reason, { username, ...detail }) => {
    counters.refused.inc({ reason });
    const now = performance.now();
    lines = Math.min(linesMax, lines + ((now - filledAt) / 1_000) * linesPerSecond);
    filledAt = now;
    if (lines < 1) {
      leftOut++;
      return;
    }
    lines--;
    // Whoever connects may have made the name up.
    const shown = username === undefined ? {} : { username: username.slice(0, usernameShownMax) };
    log.info({ reason, ...shown, ...detail, ...(leftOut > 0 && { leftOut }) }, 'a connection was refused or ended');
    leftOut = 0;
  };
}
