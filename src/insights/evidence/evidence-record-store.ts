import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { instant } from '../../platform/instant-store.ts';
import type { InsightKey } from '../insight-key.ts';
import type { EvidenceInput, EvidenceSource, Limits } from './evidence-source.ts';

/** An episode of an insight: the tick that opened it and when its condition began to hold, in epoch milliseconds. */
export type EpisodeStart = {
  readonly key: InsightKey;
  /** Whatever is recorded of an insight of that identity is of another time, and forgotten. */
  readonly isFirst: boolean;
  readonly ruleVersion: number;
  readonly openedMs: number;
  readonly startedMs: number;
  readonly source: EvidenceSource;
};

/** The first or one more episode of an insight, and what serves its inputs now where that is other than before. */
export async function recordEpisode(trx: Db, episode: EpisodeStart): Promise<void> {
  const { key, isFirst, ruleVersion, openedMs, startedMs, source } = episode;
  const { beforeMs, afterMs, limits } = source;
  const { rows } = await sql<{ insight_id: string }>`
    ${isFirst ? forgetting(key, openedMs) : sql``}
    insert into insight_episode (insight_id, opened_at, started_at, rule_version, before_ms, after_ms, limits)
    select id, ${instant(openedMs)}, ${instant(startedMs)}, ${ruleVersion}, ${beforeMs}, ${afterMs}, ${JSON.stringify(limits)}::jsonb
    from (${idOf(key)}) insight
    on conflict (insight_id, opened_at) do update set started_at = excluded.started_at, ended_at = null,
      rule_version = excluded.rule_version, before_ms = excluded.before_ms, after_ms = excluded.after_ms, limits = excluded.limits
    returning insight_id`.execute(trx);
  const insightId = rows[0]?.insight_id;
  if (insightId !== undefined) await recordInputs(trx, [{ insightId, inputs: source.inputs }], openedMs);
}

/** All but the episode of that opening, which is written over: one statement deletes no row that it changes. */
function forgetting(key: InsightKey, openedMs: number) {
  return sql`with forgotten as (
      delete from insight_episode where insight_id = (${idOf(key)}) and opened_at <> ${instant(openedMs)}
    ), unserved as (delete from insight_input where insight_id = (${idOf(key)}))`;
}

/** Notes when an insight's last episode ended. */
export async function endEpisode(trx: Db, key: InsightKey, endedMs: number): Promise<void> {
  await sql`update insight_episode set ended_at = ${instant(endedMs)}
    where insight_id = (${idOf(key)}) and ended_at is null`.execute(trx);
}

/** Sets what is recorded of insights back to how it was after a tick: what followed is recorded anew. */
export async function restoreEpisodes(trx: Db, insightIds: readonly string[], tickMs: number): Promise<void> {
  if (insightIds.length === 0) return;
  const tick = instant(tickMs);
  await sql`with forgotten as (
      delete from insight_episode where insight_id = any(${insightIds}::uuid[]) and opened_at > ${tick}
    ), unserved as (
      delete from insight_input where insight_id = any(${insightIds}::uuid[]) and since_at > ${tick}
    )
    update insight_episode set ended_at = null
    where insight_id = any(${insightIds}::uuid[]) and opened_at <= ${tick} and ended_at > ${tick}`.execute(trx);
}

/** Ends the episodes of insights that have been withdrawn. */
export async function endWithdrawnEpisodes(trx: Db, insightIds: readonly string[]): Promise<void> {
  if (insightIds.length === 0) return;
  await sql`update insight_episode e set ended_at = greatest(i.ended_at, e.opened_at)
    from insight i where i.id = any(${insightIds}::uuid[]) and e.insight_id = i.id and e.ended_at is null`.execute(trx);
}

/** An insight that has not ended, with what serves its inputs as it is recorded: point by name. */
export type OpenRecord = {
  readonly insightId: string;
  readonly ruleId: string;
  readonly assetId: string;
  readonly openedAt: Date;
  readonly limits: readonly Limits[];
  readonly served: Readonly<Record<string, string | null>>;
};

/** The insights of some assets that have not ended. */
export async function listOpenRecords(trx: Db, assetIds: readonly string[]): Promise<OpenRecord[]> {
  // A shard's transaction runs its statements once each: there is nothing for which to compile them.
  await sql`select set_config('jit', 'off', true)`.execute(trx);
  const { rows } = await sql<OpenRecord>`
    select i.id as "insightId", i.rule_id as "ruleId", i.asset_id as "assetId", e.opened_at as "openedAt", e.limits,
      coalesce((select jsonb_object_agg(name, point_id) from (
        select distinct on (name) name, point_id from insight_input where insight_id = i.id order by name, since_at desc
      ) newest), '{}') as served
    from insight i
    cross join lateral (select opened_at, limits from insight_episode where insight_id = i.id order by opened_at desc limit 1) e
    where i.asset_id = any(${assetIds}::uuid[]) and i.rule_id is not null and i.ended_at is null`.execute(trx);
  return rows;
}

type Served = { readonly insightId: string; readonly inputs: readonly EvidenceInput[] };

/** Notes what serves the inputs of insights from a tick on; inputs that are served as before are left as they are. */
export async function recordInputs(trx: Db, served: readonly Served[], tickMs: number): Promise<void> {
  const rows = served.flatMap(({ insightId, inputs }) =>
    inputs.map((input, place) => ({ ...input, insightId, place })),
  );
  if (rows.length === 0) return;
  await sql`
    with given as (
      select * from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as g ("insightId" uuid, place smallint, name text,
        "isShown" boolean, "neededBy" text, kind text, type text, unit text, "defaultValue" float8, "pointId" uuid,
        "seriesId" integer, "pointUnit" text)
    )
    insert into insight_input (insight_id, name, since_at, place, is_shown, needed_by, kind, type, unit, default_value,
      point_id, series_id, point_unit)
    select "insightId", given.name, ${instant(tickMs)}, place, "isShown", "neededBy", given.kind, type, given.unit,
      "defaultValue", "pointId", "seriesId", "pointUnit"
    from given
    left join lateral (
      select kind, unit, point_id from insight_input
      where insight_id = given."insightId" and name = given.name order by since_at desc limit 1
    ) newest on true
    where newest.kind is null
      or (newest.kind, newest.unit, newest.point_id) is distinct from (given.kind, given.unit, given."pointId")
    on conflict (insight_id, name, since_at) do update set place = excluded.place, is_shown = excluded.is_shown,
      needed_by = excluded.needed_by, kind = excluded.kind, type = excluded.type, unit = excluded.unit,
      default_value = excluded.default_value, point_id = excluded.point_id, series_id = excluded.series_id,
      point_unit = excluded.point_unit`.execute(trx);
}

/** Writes the parameters of episodes anew, each of an insight at its last opening. */
export async function updateLimits(
  trx: Db,
  changed: readonly { insightId: string; openedAt: Date; limits: readonly Limits[] }[],
): Promise<void> {
  if (changed.length === 0) return;
  await sql`update insight_episode e set limits = given.limits
    from unnest(${changed.map((one) => one.insightId)}::uuid[], ${changed.map((one) => one.openedAt)}::timestamptz[],
      ${changed.map((one) => JSON.stringify(one.limits))}::jsonb[]) as given (insight_id, opened_at, limits)
    where e.insight_id = given.insight_id and e.opened_at = given.opened_at`.execute(trx);
}

function idOf({ ruleId, assetId, openedAt }: InsightKey) {
  return sql`select id from insight where rule_id = ${ruleId} and asset_id = ${assetId} and opened_at = ${openedAt}`;
}
