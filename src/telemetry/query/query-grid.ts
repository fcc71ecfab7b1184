/**
 * The widths of buckets as people write them, and where buckets of a width begin.
 *
 *   30s 1m 15m PT1H   of one length, counted from 2000-01-03T00:00Z, a Monday
 *   1d 1w 1mo P1D     the calendar's, of a clock in a time zone: a day may have 23, 24 or 25 hours, and a week begins on Monday
 */
import { dateIn, instantOfLocal } from '../../platform/instant.ts';
import type { BucketWidth } from '../rollups/bucket.ts';

/** What `bucket` may say: the readings themselves, a width that is found from the pixels, a length, or a calendar's unit. */
export type AskedBucket =
  | { readonly kind: 'raw' }
  | { readonly kind: 'auto' }
  | { readonly kind: 'fixed'; readonly ms: number }
  | { readonly kind: 'calendar'; readonly unit: CalendarUnit };

export type CalendarUnit = 'day' | 'week' | 'month';

export const bucketForms =
  'must be raw, auto, a length such as 30s, 1m, 15m or 1h (a divisor of a minute or whole minutes, 31 days at most), or a day, a week or a month: 1d, 1w, 1mo';

const secondMs = 1_000;
const minuteMs = 60_000;
const hourMs = 3_600_000;
const dayMs = 86_400_000;
const fixedMsMax = 31 * dayMs;
const originMs = Date.UTC(2000, 0, 3);
/** Outside of these nobody looks for readings, and calendars of zones end somewhere. */
const calendarStartMs = Date.UTC(1850, 0, 1);
const calendarEndMs = Date.UTC(10_000, 0, 1);

/** Reads a bucket's width; undefined where `bucketForms` says what it must be. */
export function parseBucket(text: string): AskedBucket | undefined {
  if (text === 'raw' || text === 'auto') return { kind: text };
  const unit = calendarUnits[text];
  if (unit !== undefined) return { kind: 'calendar', unit };
  const [, plain, plainUnit = '', iso, isoUnit = ''] = /^(?:(\d{1,9})(s|m|h)|PT(\d{1,9})(S|M|H))$/.exec(text) ?? [];
  if (plain === undefined && iso === undefined) return undefined;
  const ms = Number(plain ?? iso) * (unitsMs[(plainUnit || isoUnit).toLowerCase()] ?? Number.NaN);
  const isWhole = ms % minuteMs === 0 || (ms >= secondMs && minuteMs % ms === 0);
  return ms > 0 && ms <= fixedMsMax && isWhole ? { kind: 'fixed', ms } : undefined;
}

const calendarUnits: Record<string, CalendarUnit | undefined> = {
  __proto__: null as never,
  '1d': 'day',
  P1D: 'day',
  '1w': 'week',
  P1W: 'week',
  P7D: 'week',
  '1mo': 'month',
  P1M: 'month',
};
const unitsMs: Record<string, number> = { s: secondMs, m: minuteMs, h: hourMs };

/** A width as `bucket` would have to name it. */
export function nameOfWidth(width: BucketWidth): string {
  switch (width.unit) {
    case 'day':
      return '1d';
    case 'week':
      return '1w';
    case 'month':
      return '1mo';
    case 'fixed': {
      const [name = 's', ms = secondMs] =
        Object.entries(unitsMs)
          .reverse()
          .find(([, unitMs]) => width.ms % unitMs === 0) ?? [];
      return `${width.ms / ms}${name}`;
    }
  }
}

/** The bucket in which an instant lies begins here. */
export function bucketStart(width: BucketWidth, atMs: number): number {
  if (width.unit === 'fixed') return originMs + Math.floor((atMs - originMs) / width.ms) * width.ms;
  const localMs = startOfLocal(width.unit, Date.parse(dateIn(width.timeZone, new Date(atMs))));
  return instantOfLocal(localMs, width.timeZone).getTime();
}

/** The bucket after the one that begins at `startMs` begins here. */
export function nextBucketStart(width: BucketWidth, startMs: number): number {
  if (width.unit === 'fixed') return startMs + width.ms;
  let localMs = Date.parse(dateIn(width.timeZone, new Date(startMs)));
  // Where a zone has changed the side of the date line, a day is missing: it begins with the day after it.
  for (;;) {
    localMs = startOfLocal(width.unit, localMs + stepMs[width.unit]);
    const nextMs = instantOfLocal(localMs, width.timeZone).getTime();
    if (nextMs > startMs) return nextMs;
  }
}

/** The edge so many buckets after an edge, and the one so many before it. */
export function advance(width: BucketWidth, edgeMs: number, buckets: number): number {
  if (width.unit === 'fixed') return edgeMs + buckets * width.ms;
  let atMs = edgeMs;
  for (let i = 0; i < buckets && atMs < calendarEndMs; i++) atMs = nextBucketStart(width, atMs);
  return atMs;
}

export function retreat(width: BucketWidth, edgeMs: number, buckets: number): number {
  if (width.unit === 'fixed') return edgeMs - buckets * width.ms;
  let atMs = edgeMs;
  for (let i = 0; i < buckets && atMs > calendarStartMs; i++) atMs = bucketStart(width, atMs - 1);
  return atMs;
}

/** About how many buckets a span has, of the calendar's as many as it can have at most. */
export function countBuckets(width: BucketWidth, { startMs, endMs }: { startMs: number; endMs: number }): number {
  if (width.unit === 'fixed')
    return Math.ceil((endMs - originMs) / width.ms) - Math.floor((startMs - originMs) / width.ms);
  return Math.ceil((endMs - startMs) / shortestMs[width.unit]) + 1;
}

/** Long enough to come into the unit after, from its first day. */
const stepMs: Record<CalendarUnit, number> = { day: dayMs, week: 7 * dayMs, month: 31 * dayMs };
const shortestMs: Record<CalendarUnit, number> = { day: 23 * hourMs, week: 166 * hourMs, month: 27 * dayMs };

/** The local day, week or month in which a local midnight lies, as its first midnight. */
function startOfLocal(unit: CalendarUnit, midnightMs: number): number {
  switch (unit) {
    case 'day':
      return midnightMs;
    case 'week':
      return originMs + Math.floor((midnightMs - originMs) / (7 * dayMs)) * 7 * dayMs;
    case 'month': {
      const at = new Date(midnightMs);
      return Date.UTC(at.getUTCFullYear(), at.getUTCMonth(), 1);
    }
  }
}

/** The widths that `auto` knows. The roll-ups that they are made of are few: a wide bucket of hours is not made of minutes. */
export const autoWidthsMs: readonly number[] = [
  ...[1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30].map((seconds) => seconds * secondMs),
  ...[1, 2, 3, 4, 5, 6, 8, 10, 15, 30, 45].map((minutes) => minutes * minuteMs),
  ...[1, 2, 3, 4, 6, 8, 12].map((hours) => hours * hourMs),
  ...[1, 2, 3, 4, 5, 7, 10, 14, 21, 28].map((days) => days * dayMs),
];

type FixedWidth = Extract<BucketWidth, { unit: 'fixed' }>;

/** The narrowest width with which a span has so many buckets at most; the widest there is where none has. */
export function widthForPixels(span: { startMs: number; endMs: number }, pixels: number): FixedWidth {
  const widths = autoWidthsMs.map((ms) => ({ unit: 'fixed', ms }) as const);
  return widths.find((width) => countBuckets(width, span) <= pixels) ?? { unit: 'fixed', ms: 28 * dayMs };
}
