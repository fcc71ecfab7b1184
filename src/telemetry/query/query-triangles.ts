import type { Db } from '../../platform/database.ts';
import type { SeriesBuckets } from '../rollups/bucket.ts';
import { readBuckets } from '../rollups/bucket-store.ts';
import { type Piece, type Query, seriesAt, type TriangleForm } from './query.ts';
import { widthForPixels } from './query-grid.ts';
import { findKeptWidth } from './query-kept.ts';
import { queryLimits } from './query-limits.ts';
import { inUnitOf } from './query-readings.ts';
import { readReadings } from './query-store.ts';
import { largestTriangles } from './sampling.ts';

/** Narrow buckets a point that is kept, from whose extremes LTTB chooses where there are too many readings. */
const bucketsPerPoint = 4;

/**
 * The few readings of a series that draw the line of all of them. Of more readings than can be looked at, and of those that only
 * roll-ups remember, the first, lowest, highest and last of narrow buckets are looked at instead; the lowest and the highest
 * then stand at a third and two thirds of their bucket, which is far less than a pixel.
 */
export async function readTriangles(db: Db, query: Query<TriangleForm>, of: number): Promise<Piece> {
  const { form, startMs, endMs, qualities, nowMs } = query;
  const shown = seriesAt(query, of);
  const { seriesId } = shown;
  const { ms } = widthForPixels({ startMs, endMs }, form.pointsMax * bucketsPerPoint);
  const width = await findKeptWidth(db, { seriesIds: [seriesId], startMs, ms });
  const values = ['count', 'first', 'last', 'min', 'max'] as const;
  const asked = { seriesIds: [seriesId], startMs, endMs, width, qualities, values, carryMsMax: 0, nowMs };
  const { series, edgesMs } = await readBuckets(db, asked);
  const found = series.get(seriesId);
  if (!found) return { of, timesMs: [], columns: [[]], qualities: undefined };
  const whole = { startMs: edgesMs[0] as number, endMs: edgesMs.at(-1) as number };
  const line =
    (await readLine(db, { ...query, ...whole }, { of, count: sumOf(found.count) })) ?? extremesOf(found, edgesMs);
  const within = line.filter(({ timeMs }) => timeMs >= startMs && timeMs < endMs);
  const timesMs = within.map(({ timeMs }) => timeMs);
  const column = within.map(({ value }) => value);
  const kept = largestTriangles({ timesMs, values: column }, form.pointsMax);
  const pick = (numbers: readonly number[]) => kept.map((index) => numbers[index] as number);
  return { of, timesMs: pick(timesMs), columns: [inUnitOf(shown, pick(column))], qualities: undefined };
}

type Dot = { readonly timeMs: number; readonly value: number };

/** The readings themselves; undefined where they are too many, or fewer than the buckets know of. */
async function readLine(
  db: Db,
  query: Query<TriangleForm>,
  { of, count }: { of: number; count: number },
): Promise<Dot[] | undefined> {
  const { series, startMs, endMs, qualities } = query;
  const inAll = Math.floor(queryLimits.trianglesReadingsInAllMax / series.length);
  if (count > Math.min(queryLimits.trianglesReadingsMax, inAll)) return undefined;
  const { seriesId } = seriesAt(query, of);
  const span = { seriesId, fromMs: startMs, isAfter: false, endMs, qualities, order: 'asc' } as const;
  // Twice as many: some are no numbers, and some may have come since they were counted.
  const { timesMs, values } = await readReadings(db, { ...span, limit: 2 * count + 1_000 });
  const dots = timesMs.map((timeMs, i) => ({ timeMs, value: values[i] as number }));
  const numbers = dots.filter(({ value }) => !Number.isNaN(value));
  return numbers.length < count ? undefined : numbers;
}

function extremesOf(buckets: SeriesBuckets, edgesMs: readonly number[]): Dot[] {
  const rows = Array.from(buckets.index.keys()).filter((row) => (buckets.count[row] as number) > 0);
  return rows.flatMap((row) => {
    const fromMs = edgesMs[buckets.index[row] as number] as number;
    const wideMs = (edgesMs[(buckets.index[row] as number) + 1] as number) - fromMs;
    const at = (column: Float64Array) => column[row] as number;
    const dots = [
      { timeMs: at(buckets.firstMs), value: at(buckets.first) },
      { timeMs: fromMs + wideMs / 3, value: at(buckets.min) },
      { timeMs: fromMs + (2 * wideMs) / 3, value: at(buckets.max) },
      { timeMs: at(buckets.lastMs), value: at(buckets.last) },
    ];
    return dots.filter(({ value }) => !Number.isNaN(value)).sort((left, right) => left.timeMs - right.timeMs);
  });
}

function sumOf(numbers: Float64Array): number {
  return numbers.reduce((sum, number) => sum + number, 0);
}
