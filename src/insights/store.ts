import { sql } from 'kysely';
import type { Area } from '../access/api-key.ts';
import { withinSites } from '../access/site-store.ts';
import type { Db } from '../platform/database.ts';
import { narrowed, readPage } from '../platform/page-store.ts';
import type { ListRequest, Rows } from '../platform/paging.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import type { Insight } from './insight.ts';
import type { InsightFilter } from './insight-query.ts';
import { toInsight } from './insight-row.ts';

/** Insights in the area, in the order that was asked for, each with the ids of its work orders. */
export async function listInsights(
  db: Db,
  area: Area,
  filter: InsightFilter,
  page: ListRequest,
): Promise<Rows<Insight>> {
  let insights = insightsOf(db, area).where(withinSites('insight.site_id', area.caller));
  if (filter.status !== undefined) insights = insights.where('insight.status', 'in', filter.status);
  if (filter.severity !== undefined) insights = insights.where('insight.severity', '=', filter.severity);
  if (filter.category !== undefined) insights = insights.where('insight.category', '=', filter.category);
  if (filter.asset_id !== undefined) insights = insights.where('insight.asset_id', '=', filter.asset_id);
  if (filter.equipment_uri !== undefined)
    insights = insights.where(sql<boolean>`coalesce(asset.uri, insight.equipment_uri) = ${filter.equipment_uri}`);
  if (filter.rule_id !== undefined) insights = insights.where('insight.rule_id', '=', filter.rule_id);
  if (filter.source !== undefined) insights = insights.where('insight.source', '=', filter.source);
  if (filter.source_id !== undefined) insights = insights.where('insight.source_id', '=', filter.source_id);
  if (filter.assignee !== undefined) insights = insights.where('insight.assignee_id', '=', filter.assignee);
  if (filter.external_id !== undefined) insights = insights.where('insight.external_id', '=', filter.external_id);
  if (filter.shadow !== undefined) insights = insights.where('insight.shadow', '=', filter.shadow);
  const found = narrowed(insights, page);
  return readPage({ found, shown: shown(found) }, page, toInsight);
}

/** One insight of the area's tenant, below the area's site if it has one; the caller checks whether its key may see it. */
export async function findInsight(
  db: Db,
  area: Area,
  id: string,
): Promise<{ insight: Insight; siteId: string; timeZone: string } | undefined> {
  const row = await shown(insightsOf(db, area))
    .select('site.time_zone')
    .where('insight.id', '=', id)
    .executeTakeFirst();
  return row && { insight: toInsight(row), siteId: row.site_id, timeZone: row.time_zone };
}

/** Those of some insights that the caller may see, by their ids. */
export async function mapOfInsights(db: Db, caller: Area['caller'], ids: readonly string[]) {
  const rows = await shown(insightsOf(db, { caller, site: null }))
    .where(withinSites('insight.site_id', caller))
    .where(sql<boolean>`insight.id = any(${[...ids]}::uuid[])`)
    .execute();
  return new Map(rows.map((row) => [row.id, toInsight(row)]));
}

/**
 * Work on an insight has begun: open becomes in_progress when it is settled, and nothing else becomes anything (T10). Run it in
 * the transaction that creates the work order, which holds the insight (recordInsightEvents).
 */
export async function startInsight(trx: Db, { tenantId, id, at }: { tenantId: string; id: string; at: Date }) {
  await trx
    .updateTable('insight')
    .set({ work_begun_episode: sql`episodes`, updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

function insightsOf(db: Db, area: Area) {
  const insights = db
    .selectFrom('insight')
    .innerJoin('site', 'site.id', 'insight.site_id')
    .leftJoin('asset', 'asset.id', 'insight.asset_id')
    .where('insight.tenant_id', '=', area.caller.tenantId);
  return area.site === null ? insights : insights.where('insight.site_id', '=', area.site.id);
}

function shown(insights: ReturnType<typeof insightsOf>) {
  return insights
    .leftJoin('app_user as assignee', 'assignee.id', 'insight.assignee_id')
    .selectAll('insight')
    .select(['site.slug as site', 'asset.uri as asset_uri'])
    .select(['assignee.username as assignee_username', 'assignee.email as assignee_email'])
    .select(
      sql<string[]>`array(select work_order.id from work_order where work_order.insight_id = insight.id
        and work_order.deleted_at is null order by work_order.created_at, work_order.id)`.as('work_order_ids'),
    );
}
