/**
 * The newest reading of each of some series, exact whatever is under way:
 *
 *   the last two days of readings ──none there──▶ readings since what is rolled up ──none──▶ the last day that is rolled up
 *                                                             └── touched since ──▶ all of its readings
 *
 * To ask all readings at once is exact too, and slow: of 400 partitions each is planned for and locked, which takes 20 times as
 * long as the search itself.
 */
import { type RawBuilder, sql } from 'kysely';
import { type Quality, qualityOf } from '../assets/quality.ts';
import type { Db } from '../platform/database.ts';
import { instant } from '../platform/instant-store.ts';
import { floorTo } from './rollups/rollup.ts';
import { getProgress } from './rollups/rollup-store.ts';
import { listPending } from './rollups/rollup-touched-store.ts';

export type LatestReading = { readonly time: Date; readonly value: number | null; readonly quality: Quality };

const dayMs = 86_400_000;
const recentMs = 2 * dayMs;

/** The newest readings of some series, also where the reading itself is not kept any more; a series without any has no entry. */
export function listLatest(db: Db, seriesIds: readonly number[]): Promise<ReadonlyMap<number, LatestReading>> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (trx) => {
      const found = new Map<number, LatestReading>();
      const missing = () => seriesIds.filter((id) => !found.has(id));
      const take = async (from: (ids: readonly number[]) => RawBuilder<Row>, ids = missing()) => {
        if (ids.length === 0) return;
        for (const row of (await from(ids).execute(trx)).rows) found.set(row.series_id, toLatest(row));
      };
      const recentFromMs = Date.now() - recentMs;
      await take((ids) => newestReadings(ids, sql`r.time > ${instant(recentFromMs)}`));
      if (missing().length === 0) return found;
      const { settledMs } = await getProgress(trx);
      const rolledUpMs = floorTo(settledMs, dayMs);
      if (rolledUpMs < recentFromMs) await take((ids) => newestReadings(ids, sql`r.time >= ${instant(rolledUpMs)}`));
      const pending = await listPending(trx, { seriesIds: missing(), fromMs: 0, toMs: rolledUpMs });
      await take((ids) => newestReadings(ids, sql`true`), among(missing(), pending));
      await take((ids) => newestRolledUp(ids, rolledUpMs));
      return found;
    });
}

function among(ids: readonly number[], pending: readonly { readonly seriesId: number }[]): number[] {
  const touched = new Set(pending.map(({ seriesId }) => seriesId));
  return ids.filter((id) => touched.has(id));
}

type Row = { series_id: number; time: Date; value: number | null; quality: number };

function newestReadings(ids: readonly number[], condition: RawBuilder<unknown>): RawBuilder<Row> {
  return sql<Row>`
    select s.series_id, newest.time, newest.value, newest.quality from unnest(${[...ids]}::int4[]) as s (series_id)
    join lateral (
      select r.time, r.value, r.quality from reading r
      where r.series_id = s.series_id and ${condition} order by r.time desc limit 1
    ) newest on true`;
}

function newestRolledUp(ids: readonly number[], beforeMs: number): RawBuilder<Row> {
  return sql<Row>`
    select s.series_id, newest.last_time as time, newest.last as value, newest.quality
    from unnest(${[...ids]}::int4[]) as s (series_id)
    join lateral (
      select r.last_time, r.last, r.quality from rollup_1d r
      where r.series_id = s.series_id and r.bucket < ${instant(beforeMs)}
      order by r.bucket desc, r.last_time desc limit 1
    ) newest on true`;
}

function toLatest({ time, value, quality }: Row): LatestReading {
  return { time, value, quality: qualityOf(quality) };
}

/** The series of some points, by the ids of these. */
export async function listSeriesIds(db: Db, pointIds: readonly string[]): Promise<ReadonlyMap<string, number>> {
  if (pointIds.length === 0) return new Map();
  const rows = await db
    .selectFrom('point')
    .select(['id', 'series_id'])
    .where('id', 'in', [...pointIds])
    .execute();
  return new Map(rows.map(({ id, series_id }) => [id, series_id]));
}
