/** What lies before and after a window of buckets, where its first or last buckets are empty and are to be filled from there. */
import type { Db } from '../../platform/database.ts';
import { Refusal } from '../../platform/refusal.ts';
import type { BucketQuery, Buckets, BucketValue, BucketWidth, SeriesBuckets } from '../rollups/bucket.ts';
import { readBuckets } from '../rollups/bucket-store.ts';
import type { KnownValue } from './fill.ts';
import type { BucketForm, Query } from './query.ts';
import { carryOf } from './query-column.ts';
import { advance, retreat } from './query-grid.ts';
import { queryLimits } from './query-limits.ts';

/** A row of a series' buckets: the nearest one with readings, and where it begins. */
export type Neighbour = { readonly timeMs: number; readonly buckets: SeriesBuckets; readonly row: number };

type Window = {
  readonly width: BucketWidth;
  readonly startMs: number;
  readonly endMs: number;
  readonly reachMs: number;
  readonly values: readonly BucketValue[];
};

const dayMs = 86_400_000;
/** Buckets that are looked at first; then eight times as many, and so on, as far as a filled value reaches. */
const bucketsFirst = 32;
const bucketsGrowth = 8;

/** How far a value reaches where nothing is said: a day or ten buckets, but not over more buckets than are looked through. */
export function reachOf({ reachMs }: BucketForm, width: BucketWidth): number {
  if (reachMs !== undefined) return reachMs;
  const wideMs = widestMs(width);
  return Math.min(Math.max(dayMs, 10 * wideMs), queryLimits.reachBucketsMax * wideMs);
}

/** The last reading of each of some series before a window, as far as it reaches into it. */
export async function findHeldBefore(
  db: Db,
  query: Query<BucketForm>,
  { seriesIds, window, buckets }: { seriesIds: readonly number[]; window: Window; buckets: Buckets },
): Promise<ReadonlyMap<number, KnownValue>> {
  const held = new Map<number, KnownValue>();
  const unknown = seriesIds.filter((seriesId) => {
    const before = buckets.before.get(seriesId);
    if (!before || !query.qualities.includes(before.quality)) return true;
    held.set(seriesId, { timeMs: before.timeMs, value: before.value ?? Number.NaN });
    return false;
  });
  for (const [seriesId, { buckets: found, row }] of await findNeighbours(db, query, {
    seriesIds: unknown,
    window,
    side: 'before',
    isAny: true,
  })) {
    held.set(seriesId, { timeMs: found.lastMs[row] as number, value: found.last[row] as number });
  }
  return held;
}

type Sought = {
  readonly seriesIds: readonly number[];
  readonly window: Window;
  readonly side: 'before' | 'after';
  /** Also one whose readings are no numbers. */
  readonly isAny: boolean;
};

/** The nearest bucket with readings of each of some series before or after a window; absent where none is within reach. */
export async function findNeighbours(
  db: Db,
  { qualities, nowMs, form }: Query<BucketForm>,
  { seriesIds, window, side, isAny }: Sought,
): Promise<ReadonlyMap<number, Neighbour>> {
  const { width, reachMs, values } = window;
  const found = new Map<number, Neighbour>();
  let missing = [...seriesIds];
  let edgeMs = side === 'before' ? window.startMs : window.endMs;
  // The bucket beside a window begins before its end, so lines reach one bucket less far back than they are long.
  const farthestMs = side === 'before' ? edgeMs - reachMs - widestMs(width) : edgeMs + reachMs;
  for (let count = bucketsFirst; missing.length > 0; count *= bucketsGrowth) {
    const nextMs = side === 'before' ? retreat(width, edgeMs, count) : advance(width, edgeMs, count);
    const startMs = side === 'before' ? Math.max(nextMs, farthestMs) : edgeMs;
    const endMs = side === 'before' ? edgeMs : Math.min(nextMs, farthestMs);
    if (startMs >= endMs) break;
    const span = { startMs, endMs, width, qualities, values, nowMs };
    const carryMsMax = form.fill === 'linear' ? carryOf(form) : 0;
    for (const ids of inParts(missing, Math.max(1, Math.floor(queryLimits.windowBuckets / count)))) {
      const buckets = await readKept(db, { ...span, seriesIds: ids, carryMsMax });
      if (!buckets) return found;
      for (const [seriesId, series] of buckets.series) {
        const rows = Array.from(series.index.keys()).filter((row) => isAny || (series.count[row] as number) > 0);
        const row = rows.at(side === 'before' ? -1 : 0);
        if (row !== undefined) found.set(seriesId, neighbourAt(row, { series, edgesMs: buckets.edgesMs }));
      }
    }
    missing = missing.filter((seriesId) => !found.has(seriesId));
    edgeMs = nextMs;
  }
  return found;
}

/** Many series over many buckets, a part at a time: no more is in hand than a window of one series has. */
function inParts(seriesIds: readonly number[], length: number): number[][] {
  const parts = Math.ceil(seriesIds.length / length);
  return Array.from({ length: parts }, (_, part) => seriesIds.slice(part * length, (part + 1) * length));
}

/** A row for itself: the columns that it is of may be long. */
function neighbourAt(
  row: number,
  { series, edgesMs }: { series: SeriesBuckets; edgesMs: readonly number[] },
): Neighbour {
  const own = Object.entries(series).map(([name, column]) => [name, column.slice(row, row + 1)]);
  const timeMs = edgesMs[series.index[row] as number] as number;
  return { timeMs, buckets: Object.fromEntries(own) as SeriesBuckets, row: 0 };
}

/** Buckets; undefined where retention has dropped them: then nothing is known there to fill from. */
async function readKept(db: Db, query: BucketQuery): Promise<Buckets | undefined> {
  try {
    return await readBuckets(db, query);
  } catch (error) {
    if (error instanceof Refusal && error.code === 'resolution_dropped') return undefined;
    throw error;
  }
}

function widestMs(width: BucketWidth): number {
  switch (width.unit) {
    case 'fixed':
      return width.ms;
    case 'day':
      return 25 * 3_600_000;
    case 'week':
      return 7 * dayMs;
    case 'month':
      return 31 * dayMs;
  }
}
