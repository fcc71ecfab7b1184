/** A database whose readings are rolled up step by step, at times that the test chooses. */
import { randomUUID } from 'node:crypto';
import type { PointRef } from '../../src/assets/point-store.ts';
import { type Quality, qualities } from '../../src/assets/quality.ts';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { createAppender } from '../../src/telemetry/append-store.ts';
import type { SeriesBuckets } from '../../src/telemetry/rollups/bucket.ts';
import { prepareStorage, type StorageEngine } from '../../src/telemetry/storage/engine-store.ts';
import { createTestDatabase } from './database.ts';
import type { PlainBucket, PlainReading, PlainRow } from './plain-rollups.ts';

const log = createLog('silent');
const dayMs = 86_400_000;

export type RolledUp = {
  readonly database: Database;
  readonly engine: StorageEngine;
  /** Appends readings; as `live` they are in time for a roll-up that settles nothing younger than twenty days by itself. */
  append(readings: readonly PlainReading[], how?: 'live' | 'late'): Promise<void>;
  readings(): Promise<PlainReading[]>;
  rows(table: string): Promise<PlainRow[]>;
  /** Says that everything before an instant is about to be settled, and, where given, how far it is by now. */
  announce(throughMs: number, settledMs?: number): Promise<void>;
  /** As it was at first. */
  empty(settledMs: number): Promise<void>;
  close(): Promise<void>;
};

export async function openRolledUp(): Promise<RolledUp> {
  const own = await createTestDatabase();
  const database = openDatabase(own.url, { connectionsMax: 8, log });
  const engine = await prepareStorage(database.pool, log);
  const live = createAppender(database.pool, { engine, graceMs: 40 * dayMs, lagMs: 40 * dayMs });
  const late = createAppender(database.pool, { engine, graceMs: 40 * dayMs });
  const query = async (text: string, values: unknown[] = []) => (await database.pool.query(text, values)).rows;
  return {
    database,
    engine,
    append: async (readings, how = 'late') => {
      const rows = readings.map((one) => ({ ...one, quality: one.quality as Quality, point: pointOf(one.seriesId) }));
      if (rows.length > 0) await (how === 'live' ? live : late).append(rows);
    },
    readings: async () =>
      (
        await query(
          `select series_id, (extract(epoch from time) * 1000)::float8 as ms, value, quality from reading order by 1, 2`,
        )
      ).map((row) => ({
        seriesId: row.series_id,
        timeMs: row.ms,
        value: row.value,
        quality: qualities[row.quality] as string,
      })),
    rows: async (table) =>
      query(`
        select series_id as "seriesId", (extract(epoch from bucket) * 1000)::float8 as "bucketMs", quality, count, nulls,
          (extract(epoch from first_time) * 1000)::float8 as "firstMs", (extract(epoch from last_time) * 1000)::float8 as "lastMs",
          first, last, min, max, sum, held_s as "heldS", held_sum + 0 as "heldSum"
        from ${table} order by series_id, bucket, quality`),
    announce: async (throughMs, settledMs) => {
      await query(
        `update rollup_progress set announced_through = to_timestamp($1), announced_xid = pg_current_xact_id(),
           settled_through = coalesce(to_timestamp($2), settled_through)`,
        [throughMs / 1_000, settledMs === undefined ? null : settledMs / 1_000],
      );
    },
    empty: async (settledMs) => {
      for (const table of [
        'reading',
        'rollup_1m',
        'rollup_15m',
        'rollup_1h',
        'rollup_1d',
        'rollup_dirty',
        'rollup_touched',
        'retention_horizon',
      ]) {
        await query(`delete from ${table}`);
      }
      await query(
        `update rollup_progress set announced_through = to_timestamp($1), settled_through = to_timestamp($1)`,
        [settledMs / 1_000],
      );
    },
    close: async () => {
      await database.close();
      await own.drop();
    },
  };
}

const assetId = randomUUID();

function pointOf(seriesId: number): PointRef {
  return { pointId: assetId, seriesId, assetId, shard: 0, states: null };
}

/** The buckets of a series as rows, as the plain computation has them. */
export function rowsOf(buckets: SeriesBuckets | undefined): PlainBucket[] {
  if (buckets === undefined) return [];
  const orNull = (value: number | undefined) => (value === undefined || Number.isNaN(value) ? null : value);
  return Array.from(buckets.index, (index, i) => ({
    index,
    count: buckets.count[i] as number,
    nulls: buckets.nulls[i] as number,
    firstMs: buckets.firstMs[i] as number,
    lastMs: buckets.lastMs[i] as number,
    first: orNull(buckets.first[i]),
    last: orNull(buckets.last[i]),
    min: orNull(buckets.min[i]),
    max: orNull(buckets.max[i]),
    sum: orNull(buckets.sum[i]),
    heldS: buckets.heldS[i] as number,
    twa: orNull(buckets.twa[i]),
  }));
}
