/** The rows of mergings: of points, whose readings move step by step, and of assets, whose rows all change at once. */
import { sql } from 'kysely';
import type { Area } from '../../access/api-key.ts';
import { withinSites } from '../../access/site-store.ts';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { formatInstant } from '../../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import type { LockedPoint } from '../point-change-store.ts';
import { qualityOf } from '../quality.ts';
import type { Conversion } from '../units.ts';
import {
  type Conflicts,
  type MergeConflict,
  type Moved,
  PointMerge,
  type PointMergeFilter,
  type SeriesMove,
} from './point-merge.ts';

type Merging = {
  readonly source: LockedPoint;
  readonly target: LockedPoint;
  readonly conversion: Conversion | null;
  readonly reason: string;
  readonly author: string;
};

/** Makes a point stand for another, with those that stand for it already, and puts that on record; gives its id. */
export async function insertMerge(trx: Db, { source, target, conversion, reason, author }: Merging): Promise<string> {
  const { scale, offset, steps } = conversion ?? { scale: null, offset: null, steps: null };
  await sql`
    update point set merged_into = ${target.pointId}, updated_at = now(),
      merge_scale = case when ${scale}::float8 is null then merge_scale else coalesce(merge_scale, 1) * ${scale}::float8 end,
      merge_offset = case when ${scale}::float8 is null then merge_offset
        else coalesce(merge_offset, 0) * ${scale}::float8 + ${offset}::float8 end,
      merge_steps = coalesce(${steps}::float8, merge_steps)
    where tenant_id = ${target.tenantId} and ${source.pointId}::uuid in (id, merged_into)`.execute(trx);
  await sql`
    update point t set unit = coalesce(t.unit, s.unit), states = coalesce(t.states, s.states), class = coalesce(t.class, s.class),
      part_of = case when t.class is null then coalesce(t.part_of, s.part_of) else t.part_of end,
      expected_interval_ms = coalesce(t.expected_interval_ms, s.expected_interval_ms),
      own_external_id = coalesce(t.own_external_id, s.own_external_id), metadata = s.metadata || t.metadata, updated_at = now()
    from point s where t.id = ${target.pointId} and s.id = ${source.pointId}`.execute(trx);
  await sql`
    insert into point_interval (point_id, learned_ms, learned_at, looked_at)
    select ${target.pointId}, learned_ms, learned_at, looked_at from point_interval where point_id = ${source.pointId}
    on conflict (point_id) do nothing`.execute(trx);
  await moveEvidence(trx, { source, target });
  const id = newId();
  const { tenantId } = target;
  await trx
    .insertInto('point_merge')
    .values({
      id,
      tenant_id: tenantId,
      source_point_id: source.pointId,
      target_point_id: target.pointId,
      state: 'moving',
      reason,
      author,
    })
    .execute();
  return id;
}

/** What insights remember of the one is evidence of the other. */
async function moveEvidence(trx: Db, { source, target }: Pick<Merging, 'source' | 'target'>): Promise<void> {
  // Kept readings have no index by their series: they are found by the insights that have the point, or one that stands for it.
  await sql`update insight_reading r set series_id = ${target.seriesId}
    where series_id = ${source.seriesId} and insight_id in (
      select insight_id from insight_input join point on point.series_id = insight_input.series_id
      where point.merged_into = ${target.pointId}
    ) and not exists (select from insight_reading o where o.insight_id = r.insight_id and o.series_id = ${target.seriesId}
      and o.from_at = r.from_at and o.first_at = r.first_at)`.execute(trx);
  await sql`update insight_input set point_id = ${target.pointId}, series_id = ${target.seriesId}
    where series_id = ${source.seriesId}`.execute(trx);
}

/** A merging whose readings may still move. */
export type OpenMerge = SeriesMove & {
  readonly id: string;
  /** How long ago it was asked for, in milliseconds, by the clock of the database. */
  readonly ageMs: number;
};

/** The ids of mergings whose readings may still move, oldest first. */
export async function listOpenMerges(db: Db, limit: number): Promise<string[]> {
  const rows = await db
    .selectFrom('point_merge')
    .select('id')
    .where('state', '=', 'moving')
    .orderBy('created_at')
    .limit(limit)
    .execute();
  return rows.map(({ id }) => id);
}

/** A merging held for one step; undefined while another process takes one, and when it is done. */
export async function lockOpenMerge(trx: Db, id: string): Promise<OpenMerge | undefined> {
  const { rows } = await sql<OpenMerge>`
    select m.id, (extract(epoch from clock_timestamp() - m.created_at) * 1000)::float8 as "ageMs",
      json_build_object('seriesId', s.series_id, 'assetId', s.asset_id, 'shard', sa.shard) as source,
      json_build_object('seriesId', t.series_id, 'assetId', t.asset_id, 'shard', ta.shard) as target,
      case when s.merge_scale is not null
        then json_build_object('scale', s.merge_scale, 'offset', s.merge_offset, 'steps', s.merge_steps) end as conversion
    from point_merge m join point s on s.id = m.source_point_id join point t on t.id = s.merged_into
    join asset sa on sa.id = s.asset_id join asset ta on ta.id = t.asset_id
    where m.id = ${id} and m.state = 'moving' for update of m skip locked`.execute(trx);
  return rows[0];
}

/** Adds one step to a merging. */
export async function noteStep(trx: Db, id: string, { moved, duplicates, conflicts }: Moved): Promise<void> {
  const count = conflicts.timesMs.length;
  await sql`
    update point_merge set moved = moved + ${moved}, duplicates = duplicates + ${duplicates},
      conflicts = conflicts + ${count}, updated_at = now()
    where id = ${id}`.execute(trx);
  if (count > 0) await insertConflicts(trx, id, conflicts);
}

async function insertConflicts(trx: Db, id: string, { timesMs, kept, dropped }: Conflicts): Promise<void> {
  const times = timesMs.map((ms) => ms / 1_000);
  await sql`
    insert into point_merge_conflict
      (merge_id, step, times, values_kept, qualities_kept, values_dropped, qualities_dropped)
    select ${id}, (select count(*) from point_merge_conflict where merge_id = ${id}),
      (select array_agg(to_timestamp(s) order by i) from unnest(${times}::float8[]) with ordinality as given (s, i)),
      ${kept.map(({ value }) => value)}::float8[], ${kept.map(({ quality }) => quality)}::int2[],
      ${dropped.map(({ value }) => value)}::float8[], ${dropped.map(({ quality }) => quality)}::int2[]`.execute(trx);
}

/** Adds buckets of roll-ups that have moved. */
export async function noteBuckets(trx: Db, id: string, moved: number): Promise<void> {
  await sql`update point_merge set moved_buckets = moved_buckets + ${moved}, updated_at = now() where id = ${id}`.execute(
    trx,
  );
}

/** A merging is done. */
export async function endMerge(trx: Db, id: string): Promise<void> {
  await sql`update point_merge set state = 'done', ended_at = now(), updated_at = now() where id = ${id}`.execute(trx);
}

/** Mergings of points that the area's key may see, newest first. */
export async function listMerges(
  db: Db,
  area: Area,
  filter: PointMergeFilter,
  page: ListRequest,
): Promise<Rows<PointMerge>> {
  let merges = narrowed(mergesOf(db, area).where(withinSites('asset.site_id', area.caller)), page);
  if (filter.state !== undefined) merges = merges.where('point_merge.state', '=', filter.state);
  if (filter.point_id !== undefined) {
    merges = merges.where(sql<boolean>`${filter.point_id}::uuid in (source_point_id, target_point_id)`);
  }
  const total = await merges.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(merges.selectAll('point_merge'), page).execute();
  return rowsOf(rows, total, toMerge);
}

/** One merging of the area's tenant, with the site whose key counts. */
export async function findMerge(
  db: Db,
  area: Area,
  id: string,
): Promise<{ merge: PointMerge; siteId: string } | undefined> {
  const row = await mergesOf(db, area)
    .selectAll('point_merge')
    .select('asset.site_id')
    .where('point_merge.id', '=', id)
    .executeTakeFirst();
  return row && { merge: toMerge(row), siteId: row.site_id };
}

/** What stood against what, in the order of time, after a `position` (text, to the microsecond). */
export async function listConflicts(
  db: Db,
  { id, after, limit }: { id: string; after?: string | undefined; limit: number },
): Promise<{ item: MergeConflict; position: string }[]> {
  const { rows } = await sql<ConflictRow>`
    select time, kept, quality_kept, dropped, quality_dropped,
      to_char(time at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as position
    from point_merge_conflict step,
      unnest(step.times, step.values_kept, step.qualities_kept, step.values_dropped, step.qualities_dropped)
        as conflict (time, kept, quality_kept, dropped, quality_dropped)
    where merge_id = ${id} ${after === undefined ? sql`` : sql`and time > ${after}::timestamptz`}
    order by time limit ${limit}`.execute(db);
  return rows.map(({ time, position, ...row }) => ({
    position,
    item: {
      time: formatInstant(time),
      kept: { value: row.kept, quality: qualityOf(row.quality_kept) },
      dropped: { value: row.dropped, quality: qualityOf(row.quality_dropped) },
    },
  }));
}

type ConflictRow = {
  time: Date;
  kept: number | null;
  quality_kept: number;
  dropped: number | null;
  quality_dropped: number;
  position: string;
};

function mergesOf(db: Db, area: Area) {
  const merges = db
    .selectFrom('point_merge')
    .innerJoin('point', 'point.id', 'point_merge.target_point_id')
    .innerJoin('asset', 'asset.id', 'point.asset_id')
    .where('point_merge.tenant_id', '=', area.caller.tenantId);
  return area.site === null ? merges : merges.where('asset.site_id', '=', area.site.id);
}

type MergeRow = {
  moved: string | number | bigint;
  duplicates: string | number | bigint;
  conflicts: string | number | bigint;
  moved_buckets: string | number | bigint;
  ended_at: Date | null;
  created_at: Date;
  updated_at: Date;
};

function toMerge(row: MergeRow): PointMerge {
  return PointMerge.parse({
    ...row,
    moved: Number(row.moved),
    duplicates: Number(row.duplicates),
    conflicts: Number(row.conflicts),
    moved_buckets: Number(row.moved_buckets),
    ended_at: row.ended_at && formatInstant(row.ended_at),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
