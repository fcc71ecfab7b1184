import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { readTimes } from './binary-arrays.ts';

/** The points whose readings have not been looked at for an hour, those first that have waited longest. */
export async function listUnlearned(db: Db, limit: number): Promise<{ pointId: string; seriesId: number }[]> {
  const { rows } = await sql<{ pointId: string; seriesId: number }>`
    select p.id as "pointId", p.series_id as "seriesId"
    from point p left join point_interval i on i.point_id = p.id
    where p.merged_into is null and (i.looked_at is null or i.looked_at < now() - interval '1 hour')
    order by i.looked_at nulls first, p.series_id limit ${limit}`.execute(db);
  return rows;
}

/** The instants of the newest readings of the last two days, newest first, by series; in epoch milliseconds. */
export async function listNewestTimes(
  db: Db,
  { seriesIds, limit }: { seriesIds: readonly number[]; limit: number },
): Promise<ReadonlyMap<number, number[]>> {
  const { rows } = await sql<{ series_id: number; times: Buffer }>`
    select s.series_id, array_send(newest.times) as times
    from unnest(${seriesIds}::int4[]) as s (series_id), lateral (
      select array_agg(time) as times from (
        select time from reading where series_id = s.series_id and time > now() - interval '2 days' and time <= now()
        order by time desc limit ${limit}) r
    ) newest
    where newest.times is not null`.execute(db);
  return new Map(rows.map(({ series_id, times }) => [series_id, readTimes(times)]));
}

type Learned = {
  readonly pointId: string;
  /** Null: they come unevenly. Undefined: too few to tell, so that what was learned before stays. */
  readonly learnedMs: number | null | undefined;
};

/** Saves what was learned, and that these points have been looked at. */
export async function saveLearned(db: Db, learned: readonly Learned[]): Promise<void> {
  await sql`
    insert into point_interval (point_id, learned_ms, learned_at, looked_at)
    select point_id, learned_ms, case when is_told then now() end, now()
    from unnest(${learned.map(({ pointId }) => pointId)}::uuid[], ${learned.map(({ learnedMs }) => learnedMs ?? null)}::int4[],
      ${learned.map(({ learnedMs }) => learnedMs !== undefined)}::boolean[]) as given (point_id, learned_ms, is_told)
    order by point_id
    on conflict (point_id) do update set looked_at = excluded.looked_at,
      learned_ms = case when excluded.learned_at is null then point_interval.learned_ms else excluded.learned_ms end,
      learned_at = coalesce(excluded.learned_at, point_interval.learned_at)`.execute(db);
}
