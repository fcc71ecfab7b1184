/**
 * Roll-ups: what the readings of each minute, quarter of an hour, hour and day of UTC say, kept exact.
 *
 *   ───── rolled up, but for what is touched ─────▶ settled ───── as it came ─────▶ now
 *                                                      └── lag, and less than 30 min ──┘
 *
 * What is settled moves on by half an hour. A reading that comes within half of the lag is ahead of it for certain, and costs nothing
 * more than before; one that comes later says in its own commit which minutes it touches, and these are rolled up again.
 * Whoever reads takes what is touched, and what is not settled, from the readings themselves: no answer is behind.
 */
import type { RollupTable } from '../storage/time-table.ts';

export const minuteMs = 60_000;

/** From the narrowest to the widest; each is composed of the one before it. */
export const levels: readonly { readonly table: RollupTable; readonly widthMs: number }[] = [
  { table: 'rollup_1m', widthMs: minuteMs },
  { table: 'rollup_15m', widthMs: 15 * minuteMs },
  { table: 'rollup_1h', widthMs: 60 * minuteMs },
  { table: 'rollup_1d', widthMs: 1_440 * minuteMs },
];

/** How far behind the clock readings are settled; those that come later than half of it are noted one by one. */
export const lagMsDefault = 5 * minuteMs;

/**
 * What is settled moves on by so much: the minutes of a series that are written together lie together. Measured for a day of 50 of
 * 2,000 points by the minute, with other load: 1,045 ms of the server's time where each minute was written by itself, 220 by the
 * quarter of an hour, 113 by the hour. The longer it is, the more has to be read from readings, which lie as they came.
 */
export const settledAtOnceMs = 30 * minuteMs;

/** Minutes of a series, counted from 1970-01-01 UTC, both within. */
export type MinuteRun = { readonly seriesId: number; readonly fromMinute: number; throughMinute: number };

/** Minutes between two touched ones that are rolled up with them rather than told apart: most histories are regular. */
const gapMinutesMax = 60;

/** Which minutes are touched by readings at or before an instant; the columns are ordered by series and time. */
export function touchedRuns(
  { seriesIds, timesMs }: { readonly seriesIds: ArrayLike<number>; readonly timesMs: ArrayLike<number> },
  throughMs: number,
): MinuteRun[] {
  const runs: MinuteRun[] = [];
  let last: MinuteRun | undefined;
  for (let i = 0; i < timesMs.length; i++) {
    const timeMs = timesMs[i] as number;
    if (timeMs > throughMs) continue;
    const seriesId = seriesIds[i] as number;
    const minute = minuteOf(timeMs);
    if (last?.seriesId === seriesId && minute - last.throughMinute <= gapMinutesMax) {
      last.throughMinute = Math.max(last.throughMinute, minute);
      continue;
    }
    last = { seriesId, fromMinute: minute, throughMinute: minute };
    runs.push(last);
  }
  return runs;
}

/** Runs as rollup_touched holds them: by columns, with the least and the greatest of their minutes. */
export function runColumns(runs: readonly MinuteRun[]) {
  let leastMinute = Number.POSITIVE_INFINITY;
  let greatestMinute = Number.NEGATIVE_INFINITY;
  for (const { fromMinute, throughMinute } of runs) {
    leastMinute = Math.min(leastMinute, fromMinute);
    greatestMinute = Math.max(greatestMinute, throughMinute);
  }
  return {
    seriesIds: runs.map(({ seriesId }) => seriesId),
    fromMinutes: runs.map(({ fromMinute }) => fromMinute),
    throughMinutes: runs.map(({ throughMinute }) => throughMinute),
    leastMinute,
    greatestMinute,
  };
}

/** The minute that holds an instant. */
export function minuteOf(timeMs: number): number {
  return Math.floor(timeMs / minuteMs);
}

/** A span of one series, in milliseconds: its start is within, its end is not. */
export type SeriesSpan = { readonly seriesId: number; readonly fromMs: number; readonly toMs: number };

/** Spans widened to whole buckets of `widthMs` and cut at `endMs`, those that then meet made one; ordered by series and time. */
export function alignSpans(
  spans: readonly SeriesSpan[],
  { widthMs, endMs }: { readonly widthMs: number; readonly endMs: number },
): SeriesSpan[] {
  const aligned: { seriesId: number; fromMs: number; toMs: number }[] = [];
  for (const span of spans.toSorted((a, b) => a.seriesId - b.seriesId || a.fromMs - b.fromMs)) {
    const fromMs = floorTo(span.fromMs, widthMs);
    const toMs = Math.min(endMs, -floorTo(-span.toMs, widthMs));
    if (toMs <= fromMs) continue;
    const last = aligned.at(-1);
    if (last?.seriesId === span.seriesId && last.toMs >= fromMs) last.toMs = Math.max(last.toMs, toMs);
    else aligned.push({ seriesId: span.seriesId, fromMs, toMs });
  }
  return aligned;
}

/** The start of the bucket that holds an instant; widths are divisors of a day. */
export function floorTo(timeMs: number, widthMs: number): number {
  return Math.floor(timeMs / widthMs) * widthMs;
}
