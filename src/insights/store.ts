import { sql } from 'kysely';
import type { Area } from '../access/api-key.ts';
import { withinSites } from '../access/site-store.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { newestFirst, rowsOf } from '../platform/page-store.ts';
import type { PageRequest, Rows } from '../platform/paging.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import { Insight, type InsightFilter } from './insight.ts';

/** Insights in the area, newest first, each with the ids of its work orders. */
export async function listInsights(
  db: Db,
  area: Area,
  filter: InsightFilter,
  page: PageRequest,
): Promise<Rows<Insight>> {
  let insights = insightsOf(db, area);
  insights = insights.where(withinSites('insight.site_id', area.caller));
  if (filter.status !== undefined) insights = insights.where('insight.status', '=', filter.status);
  if (filter.severity !== undefined) insights = insights.where('insight.severity', '=', filter.severity);
  if (filter.category !== undefined) insights = insights.where('insight.category', '=', filter.category);
  if (filter.asset_id !== undefined) insights = insights.where('insight.asset_id', '=', filter.asset_id);
  if (filter.rule_id !== undefined) insights = insights.where('insight.rule_id', '=', filter.rule_id);
  if (filter.shadow !== undefined) insights = insights.where('insight.shadow', '=', filter.shadow);
  const total = await insights.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const query = newestFirst(insights.selectAll('insight').select(shown), { table: 'insight', page });
  return rowsOf(await query.execute(), total, toInsight);
}

/** One insight of the area's tenant, below the area's site if it has one; the caller checks whether its key may see it. */
export async function findInsight(
  db: Db,
  area: Area,
  id: string,
): Promise<{ insight: Insight; siteId: string; timeZone: string } | undefined> {
  const row = await insightsOf(db, area)
    .selectAll('insight')
    .select(shown)
    .select('site.time_zone')
    .where('insight.id', '=', id)
    .executeTakeFirst();
  return row && { insight: toInsight(row), siteId: row.site_id, timeZone: row.time_zone };
}

/**
 * Work on an insight has begun: open becomes in_progress, and nothing else becomes anything (T10). Returns whether it
 * was open. Run it in the transaction that creates the work order.
 */
export async function startInsight(db: Db, { tenantId, id, at }: { tenantId: string; id: string; at: Date }) {
  const started = await db
    .updateTable('insight')
    .set({ status: 'in_progress', updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('status', '=', 'open')
    .returning('id')
    .executeTakeFirst();
  return started !== undefined;
}

const shown = [
  'site.slug as site',
  'asset.uri as equipment_uri',
  sql<string[]>`array(select work_order.id from work_order where work_order.insight_id = insight.id
    and work_order.deleted_at is null order by work_order.created_at, work_order.id)`.as('work_order_ids'),
] as const;

function insightsOf(db: Db, area: Area) {
  const insights = db
    .selectFrom('insight')
    .innerJoin('site', 'site.id', 'insight.site_id')
    .innerJoin('asset', 'asset.id', 'insight.asset_id')
    .where('insight.tenant_id', '=', area.caller.tenantId);
  return area.site === null ? insights : insights.where('insight.site_id', '=', area.site.id);
}

type Row = { started_at: Date; opened_at: Date; resolved_at: Date | null; created_at: Date; updated_at: Date };

function toInsight(row: Row): Insight {
  return Insight.parse({
    ...row,
    started_at: formatInstant(row.started_at),
    opened_at: formatInstant(row.opened_at),
    resolved_at: row.resolved_at && formatInstant(row.resolved_at),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
