import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { shownAround } from './evidence-source.ts';

/** Of a text that is an id; others may be anything. */
const idPattern = '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$';

type Detected = { readonly tenantId: string; readonly siteId: string; readonly insightId: string };

/**
 * Makes the points of the site among the series that a detector names the evidence of its insight, from before it was first seen
 * to after it is resolved; others of those series are not ours, and are shown by their ids alone.
 */
export async function recordDetectedSeries(trx: Db, { tenantId, siteId, insightId }: Detected): Promise<void> {
  await sql`
    with i as (select id, started_at, resolved_at, timeseries_ids from insight
      where tenant_id = ${tenantId} and id = ${insightId} and timeseries_ids <> '{}'
    ), episode as (
      insert into insight_episode (insight_id, opened_at, started_at, ended_at, rule_version, before_ms, after_ms)
      select id, started_at, started_at, resolved_at, 0, ${shownAround.beforeMs}, ${shownAround.afterMs} from i
      on conflict (insight_id, opened_at) do update set ended_at = excluded.ended_at
    )
    insert into insight_input (insight_id, name, since_at, place, is_shown, kind, type, unit, point_id, series_id, point_unit)
    select i.id, asset.name || '/' || point.name, i.started_at, named.place::smallint, true, 'point', 'number', point.unit, point.id,
      point.series_id, point.unit
    from i cross join unnest(i.timeseries_ids) with ordinality as named (series, place)
    join point on point.tenant_id = ${tenantId} and point.id = case when named.series ~* ${idPattern} then named.series::uuid end
    join asset on asset.id = point.asset_id and asset.site_id = ${siteId}
    on conflict (insight_id, name, since_at) do nothing`.execute(trx);
}

/** The evidence of insights that no rule of ours found ends when they are resolved, and goes on when they are open again. */
export async function followResolved(trx: Db, insightIds: readonly string[]): Promise<void> {
  await sql`update insight_episode e set ended_at = i.resolved_at from insight i
    where i.id = any(${[...insightIds]}::uuid[]) and i.rule_id is null and e.insight_id = i.id
      and e.ended_at is distinct from i.resolved_at`.execute(trx);
}
