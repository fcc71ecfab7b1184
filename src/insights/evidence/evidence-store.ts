import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { instant } from '../../platform/instant-store.ts';
import type { Machine } from '../../rules/kernel/machine.ts';
import type { Limits } from './evidence-source.ts';

/** An episode as it is recorded; instants are epoch milliseconds, `endedMs` null while it goes on. */
export type RecordedEpisode = {
  readonly openedMs: number;
  readonly startedMs: number;
  readonly endedMs: number | null;
  readonly ruleVersion: number;
  readonly beforeMs: number;
  readonly afterMs: number;
  readonly limits: readonly Limits[];
};

/** What served an input since an instant: its point, or what that was merged into, by its present name; null where it is gone. */
export type RecordedInput = {
  readonly name: string;
  readonly neededBy: string | null;
  readonly kind: 'point' | 'derived' | 'default';
  readonly type: 'number' | 'truth';
  readonly unit: string | null;
  readonly defaultValue: number | null;
  readonly sinceMs: number;
  readonly pointId: string | null;
  readonly seriesId: number | null;
  /** That series, and the one that the point had before it was merged into another. */
  readonly seriesIds: readonly number[];
  /** As it is now; as it was where the point is gone. */
  readonly pointUnit: string | null;
  readonly point: string | null;
  readonly assetId: string | null;
  readonly asset: string | null;
};

/** So many names, points and episodes are told of one insight. */
const inputsMax = 200;
const episodesMax = 1_000;

/** The episodes of an insight in their order, the last ones where there are very many. */
export async function listEpisodes(db: Db, insightId: string): Promise<RecordedEpisode[]> {
  const { rows } = await sql<RecordedEpisode>`
    select (extract(epoch from opened_at) * 1000)::float8 as "openedMs",
      (extract(epoch from started_at) * 1000)::float8 as "startedMs",
      (extract(epoch from ended_at) * 1000)::float8 as "endedMs",
      rule_version as "ruleVersion", before_ms as "beforeMs", after_ms as "afterMs", limits
    from insight_episode where insight_id = ${insightId} order by opened_at desc limit ${episodesMax}`.execute(db);
  return rows.reverse();
}

/** What served the inputs that the insight shows, in the order of the rule and of time. */
export async function listShownInputs(db: Db, insightId: string): Promise<RecordedInput[]> {
  const { rows } = await sql<RecordedInput>`
    select i.name, i.needed_by as "neededBy", i.kind, i.type, i.unit, i.default_value as "defaultValue",
      (extract(epoch from i.since_at) * 1000)::float8 as "sinceMs", coalesce(p.id, i.point_id) as "pointId",
      coalesce(p.series_id, i.series_id) as "seriesId",
      array_remove(array[i.series_id, nullif(p.series_id, i.series_id)], null) as "seriesIds",
      case when p.id is null then i.point_unit else p.unit end as "pointUnit",
      p.name as point, a.id as "assetId", a.name as asset
    from insight_input i left join point was on was.id = i.point_id
      left join point p on p.id = coalesce(was.merged_into, was.id) left join asset a on a.id = p.asset_id
    where i.insight_id = ${insightId} and i.is_shown
    order by i.place, i.name, i.since_at limit ${inputsMax}`.execute(db);
  return rows;
}

/** Readings that were kept when they were dropped; times are epoch milliseconds, values in `unit`. */
export type KeptReadings = {
  readonly startMs: number;
  readonly throughMs: number;
  readonly unit: string | null;
  readonly firstMs: number;
  readonly gapsMs: readonly number[];
  readonly values: readonly (number | null)[];
  readonly qualities: readonly number[] | null;
};

/** How many pieces are kept of an insight's readings. */
export async function countKept(db: Db, insightId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count from insight_reading where insight_id = ${insightId}`.execute(db);
  return rows[0]?.count ?? 0;
}

/** What is kept of an insight's readings in a span, in the order of time, read piece by piece. */
export async function* streamKept(
  db: Db,
  {
    insightId,
    seriesIds,
    fromMs,
    toMs,
  }: { insightId: string; seriesIds: readonly number[]; fromMs: number; toMs: number },
): AsyncGenerator<KeptReadings> {
  for (let offset = 0; ; offset += piecesAtOnce) {
    const { rows } = await sql<KeptReadings>`
      select (extract(epoch from from_at) * 1000)::float8 as "startMs",
        (extract(epoch from through_at) * 1000)::float8 as "throughMs", unit,
        (extract(epoch from first_at) * 1000)::float8 as "firstMs", gaps_ms as "gapsMs", values, qualities
      from insight_reading
      where insight_id = ${insightId} and series_id = any(${seriesIds}::int4[])
        and through_at > ${instant(fromMs)} and from_at < ${instant(toMs)}
      order by from_at, first_at, series_id limit ${piecesAtOnce} offset ${offset}`.execute(db);
    yield* rows;
    if (rows.length < piecesAtOnce) return;
  }
}

const piecesAtOnce = 20;

export type RecordedState = { readonly atMs: number; readonly state: Machine['state'] };

/** The states of a rule's machine on an asset, each from its tick on, as far as they are recorded; the first may lie before `fromMs`. */
export async function listStates(
  db: Db,
  { assetId, ruleId, fromMs, toMs }: { assetId: string; ruleId: string; fromMs: number; toMs: number },
): Promise<RecordedState[]> {
  const { rows } = await sql<RecordedState>`
    select (extract(epoch from tick_at) * 1000)::float8 as "atMs", state
    from (
      select tick_at, machine ->> 'state' as state, lag(machine ->> 'state') over (order by tick_at) as before
      from rule_machine
      where asset_id = ${assetId} and rule_id = ${ruleId} and tick_at <= ${instant(toMs)}
        and tick_at >= coalesce((select max(tick_at) from rule_machine
          where asset_id = ${assetId} and rule_id = ${ruleId} and tick_at <= ${instant(fromMs)}), '-infinity')
    ) m
    where state is distinct from before
    order by tick_at limit ${statesMax}`.execute(db);
  return rows;
}

const statesMax = 2_000;
