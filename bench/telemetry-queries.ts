/** What people ask for, through the program's functions, and by the hand-written statement on the same database. */

import { qualities } from '../src/assets/quality.ts';
import { listLatest } from '../src/telemetry/latest-store.ts';
import { readReadings } from '../src/telemetry/query/query-store.ts';
import type { BucketWidth } from '../src/telemetry/rollups/bucket.ts';
import { readBuckets } from '../src/telemetry/rollups/bucket-store.ts';
import type { BenchDatabase, BenchPoint } from './telemetry-database.ts';
import { dayMs, minuteMs } from './telemetry-fill.ts';

/** One question, asked of other points each time; resolves with the number of values in its answer. */
export type Question = {
  readonly name: string;
  readonly program: (run: number) => Promise<number>;
  /** By hand from the readings, and from the roll-ups where these serve. */
  readonly fromReadings: (run: number) => Promise<number>;
  readonly fromRollUps?: (run: number) => Promise<number>;
};

export type Asked = {
  readonly points: readonly BenchPoint[];
  /** Those with a year of readings; none where there is no year. */
  readonly yearPoints: readonly BenchPoint[];
  /** The start of a day of which all points have readings. */
  readonly dayStartMs: number;
  readonly yearStartMs: number;
  readonly yearEndMs: number;
};

const hour: BucketWidth = { unit: 'fixed', ms: 60 * minuteMs };
const minute: BucketWidth = { unit: 'fixed', ms: minuteMs };
const latestPoints = 500;
const chartPoints = 50;

/** The questions of the benchmark. */
export function questionsOf(bench: BenchDatabase, asked: Asked): Question[] {
  return [dayOfOne(bench, asked), ...yearOfOne(bench, asked), latestOfMany(bench, asked), dayOfMany(bench, asked)];
}

function dayOfOne({ database }: BenchDatabase, { points, dayStartMs }: Asked): Question {
  const span = { fromMs: dayStartMs, isAfter: false, endMs: dayStartMs + dayMs, qualities, order: 'asc' } as const;
  return {
    name: "one point's day, raw",
    program: async (run) =>
      (await readReadings(database.db, { seriesId: pick(points, run).seriesId, ...span, limit: 10_000 })).timesMs
        .length,
    fromReadings: async (run) =>
      rowsOf(
        database,
        `select time, value, quality from reading where series_id = $1 and time >= $2 and time < $3 order by time`,
        [pick(points, run).seriesId, new Date(span.fromMs), new Date(span.endMs)],
      ),
  };
}

function yearOfOne({ database }: BenchDatabase, { yearPoints, yearStartMs, yearEndMs }: Asked): Question[] {
  if (yearPoints.length === 0) return [];
  const span = [new Date(yearStartMs), new Date(yearEndMs)];
  return [
    {
      name: "one point's year by hour",
      program: (run) =>
        countBuckets(
          readBuckets(database.db, {
            seriesIds: [pick(yearPoints, run).seriesId],
            startMs: yearStartMs,
            endMs: yearEndMs,
            width: hour,
            values: ['mean', 'min', 'max'],
          }),
        ),
      fromReadings: (run) =>
        rowsOf(
          database,
          `select date_bin('1 hour', time, '2000-01-03Z') as bucket, avg(value), min(value), max(value) from reading
           where series_id = $1 and time >= $2 and time < $3 and quality < 2 group by 1 order by 1`,
          [pick(yearPoints, run).seriesId, ...span],
        ),
      fromRollUps: (run) =>
        rowsOf(
          database,
          `select bucket, sum(sum) / sum(count), min(min), max(max) from rollup_1h
           where series_id = $1 and bucket >= $2 and bucket < $3 and quality < 2 group by 1 order by 1`,
          [pick(yearPoints, run).seriesId, ...span],
        ),
    },
  ];
}

function latestOfMany({ database }: BenchDatabase, { points }: Asked): Question {
  const size = Math.min(latestPoints, points.length);
  return {
    name: `${size} points' last values`,
    program: async (run) =>
      (
        await listLatest(
          database.db,
          pickMany(points, run, size).map(({ seriesId }) => seriesId),
        )
      ).size,
    fromReadings: (run) =>
      rowsOf(
        database,
        `select s.series_id, r.* from unnest($1::int4[]) s (series_id)
         cross join lateral (select time, value, quality from reading where series_id = s.series_id order by time desc limit 1) r`,
        [pickMany(points, run, size).map(({ seriesId }) => seriesId)],
      ),
  };
}

function dayOfMany({ database }: BenchDatabase, { points, dayStartMs }: Asked): Question {
  const size = Math.min(chartPoints, points.length);
  const span = [new Date(dayStartMs), new Date(dayStartMs + dayMs)];
  const ids = (run: number) => pickMany(points, run, size).map(({ seriesId }) => seriesId);
  return {
    name: `${size} points' day at 1 min`,
    program: (run) =>
      countBuckets(
        readBuckets(database.db, {
          seriesIds: ids(run),
          startMs: dayStartMs,
          endMs: dayStartMs + dayMs,
          width: minute,
          values: ['mean', 'min', 'max'],
        }),
      ),
    fromReadings: (run) =>
      rowsOf(
        database,
        `select series_id, date_bin('1 minute', time, '2000-01-03Z') as bucket, avg(value), min(value), max(value) from reading
         where series_id = any($1) and time >= $2 and time < $3 and quality < 2 group by 1, 2 order by 1, 2`,
        [ids(run), ...span],
      ),
    fromRollUps: (run) =>
      rowsOf(
        database,
        `select series_id, bucket, sum(sum) / sum(count), min(min), max(max) from rollup_1m
         where series_id = any($1) and bucket >= $2 and bucket < $3 and quality < 2 group by 1, 2 order by 1, 2`,
        [ids(run), ...span],
      ),
  };
}

async function rowsOf({ pool }: BenchDatabase['database'], text: string, values: unknown[]): Promise<number> {
  return (await pool.query({ text, values, name: text.slice(0, 60) })).rowCount ?? 0;
}

async function countBuckets(read: ReturnType<typeof readBuckets>): Promise<number> {
  const { series } = await read;
  return [...series.values()].reduce((sum, { index }) => sum + index.length, 0);
}

/** Other points at each run, the same ones in every benchmark: a stride that meets them all. */
function pick(points: readonly BenchPoint[], run: number): BenchPoint {
  return points[(run * 7_919) % points.length] as BenchPoint;
}

function pickMany(points: readonly BenchPoint[], run: number, count: number): BenchPoint[] {
  const stride = Math.max(1, Math.floor(points.length / count));
  return Array.from({ length: count }, (_, i) => points[(run * 31 + i * stride) % points.length] as BenchPoint);
}
