import { parseInstant } from '../../platform/instant.ts';

export const instantForms =
  'must be an instant (ISO 8601, such as 2026-03-17T17:00:00Z), now, or so long ago (-24h, -7d)';

const agoPattern = /^(?:now)?-(\d{1,9})(s|m|h|d|w)$/;
const unitsMs: Record<string, number> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };
const earliestMs = Date.UTC(1900, 0, 1);

/**
 * The instant that a text names, in epoch milliseconds: ISO 8601, read in `timeZone` where it has no zone; `now`; or `-24h`, so long before now. Undefined: none of them.
 */
export function parseWhen(text: string, { timeZone, nowMs }: { timeZone: string; nowMs: number }): number | undefined {
  if (text === 'now') return nowMs;
  const [, amount = '', unit = ''] = agoPattern.exec(text) ?? [];
  if (amount !== '') {
    const atMs = nowMs - Number(amount) * (unitsMs[unit] ?? Number.NaN);
    return atMs >= earliestMs ? atMs : undefined;
  }
  return parseInstant(text, timeZone)?.getTime();
}

const lengthPattern = /^(\d{1,9})(s|m|h|d|w)$/;

/** A length of time such as 90s, 15m, 2h or 7d, in milliseconds; undefined where it is none, or longer than `maxMs`. */
export function parseLength(text: string, maxMs: number): number | undefined {
  const [, amount = '', unit = ''] = lengthPattern.exec(text) ?? [];
  const ms = Number(amount) * (unitsMs[unit] ?? Number.NaN);
  return ms > 0 && ms <= maxMs ? ms : undefined;
}
