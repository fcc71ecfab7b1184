import { monthsBefore, parseInstant, startOfDate } from '../../platform/instant.ts';

export const instantForms =
  'must be an instant (ISO 8601, such as 2026-03-17T17:00:00Z), a date, now, or so long ago (-24h, -7d, -1mo, -1y)';

const agoPattern = /^(?:now)?-(\d{1,9})(s|m|h|d|w|mo|y)$/;
const unitsMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const unitsMonths: Record<string, number> = { mo: 1, y: 12 };
const monthsMax = 12 * 1_000;
const earliestMs = Date.UTC(1900, 0, 1);

type Reader = { readonly timeZone: string; readonly nowMs: number };

/**
 * The instant that a text names, in epoch milliseconds: ISO 8601, read in `timeZone` where it has no zone; a date, which is
 * the start of that day there; `now`; or `-24h`, so long before now, where months and years are those of a calendar.
 * Undefined: none of them.
 */
export function parseWhen(text: string, { timeZone, nowMs }: Reader): number | undefined {
  if (text === 'now') return nowMs;
  const [, amount = '', unit = ''] = agoPattern.exec(text) ?? [];
  if (amount !== '') {
    const atMs = agoMs(Number(amount), unit, { timeZone, nowMs });
    return atMs >= earliestMs ? atMs : undefined;
  }
  return (startOfDate(text, timeZone) ?? parseInstant(text, timeZone))?.getTime();
}

/** NaN: longer ago than any clock can tell. */
function agoMs(amount: number, unit: string, { timeZone, nowMs }: Reader): number {
  const months = amount * (unitsMonths[unit] ?? 0);
  if (months === 0) return nowMs - amount * (unitsMs[unit] ?? 0);
  return months > monthsMax ? Number.NaN : monthsBefore(nowMs, { months, timeZone }).getTime();
}

const lengthPattern = /^(\d{1,9})(s|m|h|d|w)$/;

/** A length of time such as 90s, 15m, 2h or 7d, in milliseconds; undefined where it is none, or longer than `maxMs`. */
export function parseLength(text: string, maxMs: number): number | undefined {
  const [, amount = '', unit = ''] = lengthPattern.exec(text) ?? [];
  const ms = Number(amount) * (unitsMs[unit] ?? Number.NaN);
  return ms > 0 && ms <= maxMs ? ms : undefined;
}
