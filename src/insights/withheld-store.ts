import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import type { WorkOrderRequest } from '../rules/kernel/effect.ts';
import type { AssetOwner } from '../rules/live/store.ts';
import type { InsightKey } from './insight-key.ts';
import { isPutAside } from './status-store.ts';

/** Insights by their ids, or by what identifies those of rules. */
export type Withholding = { readonly ids?: readonly string[]; readonly keys?: readonly InsightKey[] };

/** A work order that waits: what its rule asked for and when, of which insight and equipment. */
export type Withheld = {
  readonly id: string;
  readonly assetId: string;
  readonly ruleId: string;
  readonly asking: { readonly request: WorkOrderRequest; readonly at: number };
} & AssetOwner;

/**
 * Takes the work orders that wait of those insights that people do not put aside any more, while the fault is there and no other
 * explains it. What is taken waits no more.
 */
export async function takeWithheld(trx: Db, { ids = [], keys = [] }: Withholding): Promise<Withheld[]> {
  const given = sql`unnest(${keys.map(({ ruleId }) => ruleId)}::text[], ${keys.map(({ assetId }) => assetId)}::uuid[],
    ${keys.map(({ openedAt }) => openedAt)}::timestamptz[])`;
  const { rows } = await sql<Withheld>`
    with due as (
      select insight.id, withheld_work_order as asking from insight
      where (insight.id = any(${[...ids]}::uuid[])
          or (rule_id, asset_id, opened_at) in (select * from ${given} as given (rule_id, asset_id, opened_at)))
        and withheld_work_order is not null and ended_at is null and withdrawn_at is null and suppressed_by is null
        and not ${isPutAside}
    )
    update insight set withheld_work_order = null, updated_at = greatest(now(), insight.updated_at + interval '1 millisecond')
    from due, asset
    where insight.id = due.id and asset.id = insight.asset_id
    returning insight.id, insight.asset_id as "assetId", insight.rule_id as "ruleId", due.asking,
      insight.tenant_id as "tenantId", insight.site_id as "siteId", asset.name, asset.uri,
      asset.location_uri as "locationUri"`.execute(trx);
  return rows;
}

/** Holds the work orders of insights in the order of their ids, for a transaction that holds the insights and will note on them. */
export async function lockWorkOrders(trx: Db, insightIds: readonly string[]): Promise<void> {
  if (insightIds.length === 0) return;
  await sql`select id from work_order where insight_id = any(${[...insightIds]}::uuid[])
    order by id for no key update`.execute(trx);
}
