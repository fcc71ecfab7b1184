/**
 * Time that counts only while somebody is at work: minutes on the clock of a site, within hours of the week.
 *
 *   Friday 17:30 ──30 min──▶ 18:00 ┄┄ the weekend does not count ┄┄ Monday 08:00 ──30 min──▶ 08:30
 *
 * It is the clock on the wall that counts: an hour that a zone skips or has twice within those hours is one like any other.
 */
import { instantOfLocal, localMsAt } from '../../platform/instant.ts';

export const days = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;

/** Hours of a weekday, `HH:MM` each; `to` may be 24:00. */
export type BusinessHours = readonly {
  readonly day: (typeof days)[number];
  readonly from: string;
  readonly to: string;
}[];

const dayMs = 86_400_000;
const minuteMs = 60_000;

/**
 * The instant at which so much time of the business hours has passed since `since`; on the clock of `timeZone`. Hours of one day
 * must not overlap; there must be some.
 */
export function addBusinessMs(
  since: Date,
  ms: number,
  { hours, timeZone }: { hours: BusinessHours; timeZone: string },
): Date {
  const week = spansOf(hours);
  const weekMs = week.reduce((sum, { from, to }) => sum + to - from, 0);
  const localMs = localMsAt(timeZone, since);
  // Whole weeks are skipped at once; a rest of nothing would end at the beginning of one instead of at the end of the last.
  const weeks = Math.max(0, Math.ceil(ms / weekMs) - 1);
  let restMs = ms - weeks * weekMs;
  let mondayMs = mondayOf(localMs) + weeks * 7 * dayMs;
  for (let fromMs = localMs + weeks * 7 * dayMs; ; mondayMs += 7 * dayMs) {
    for (const { from, to } of week) {
      const start = Math.max(fromMs, mondayMs + from);
      const lastsMs = mondayMs + to - start;
      if (lastsMs <= 0) continue;
      if (restMs <= lastsMs) return instantOfLocal(start + restMs, timeZone);
      restMs -= lastsMs;
    }
    fromMs = mondayMs + 7 * dayMs;
  }
}

/** The hours as milliseconds since Monday's midnight, in their order. */
function spansOf(hours: BusinessHours): { from: number; to: number }[] {
  return hours
    .map(({ day, from, to }) => {
      const midnight = days.indexOf(day) * dayMs;
      return { from: midnight + minutesOf(from) * minuteMs, to: midnight + minutesOf(to) * minuteMs };
    })
    .sort((one, other) => one.from - other.from);
}

/** Minutes since midnight of a time `HH:MM`. */
export function minutesOf(time: string): number {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return hour * 60 + minute;
}

function mondayOf(localMs: number): number {
  const day = Math.floor(localMs / dayMs);
  // 1 January 1970 was a Thursday.
  return (day - ((((day + 3) % 7) + 7) % 7)) * dayMs;
}
