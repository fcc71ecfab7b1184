/** The rows of an asset that turned out to be another one: all of them change in one transaction. */
import { sql } from 'kysely';
import type { Area } from '../../access/api-key.ts';
import type { Db } from '../../platform/database.ts';

/** An asset held until the transaction ends. */
export type LockedAsset = {
  readonly id: string;
  readonly name: string;
  readonly siteId: string;
  /** The building model that it comes from, if any. */
  readonly source: string | null;
  readonly mergedInto: string | null;
};

/** Assets of the area by id, held in the order of their ids. */
export async function lockAssets(trx: Db, area: Area, ids: readonly string[]): Promise<LockedAsset[]> {
  const { rows } = await sql<LockedAsset>`
    select id, name, site_id as "siteId", source, merged_into as "mergedInto" from asset
    where tenant_id = ${area.caller.tenantId} and id = any(${ids}::uuid[])
      and (${area.site?.id ?? null}::uuid is null or site_id = ${area.site?.id ?? null}::uuid)
    order by id for update`.execute(trx);
  return rows;
}

/** A point of the one asset, and the point of the other that has its name, or the name that is given for it. */
export type PointPair = { readonly name: string; readonly sourceId: string; readonly targetId: string | null };

/** The points of an asset with those that they become; where the other has been merged, the one that it was merged into. */
export async function listPointPairs(
  trx: Db,
  { sourceId, targetId, names }: { sourceId: string; targetId: string; names: Readonly<Record<string, string>> },
): Promise<PointPair[]> {
  const { rows } = await sql<PointPair>`
    select s.name, s.id as "sourceId", coalesce(t.merged_into, t.id) as "targetId"
    from point s left join point t on t.asset_id = ${targetId}
      and t.name = coalesce(${JSON.stringify(names)}::jsonb ->> s.name, s.name)
    where s.asset_id = ${sourceId} and s.merged_into is null
    order by s.name`.execute(trx);
  return rows;
}

type Rows = { tenantId: string; sourceId: string; targetId: string; pointIds: readonly string[] };

/**
 * Everything that named the one asset names the other: points, what it feeds, parts and people's words about it, overrides
 * of rules. Its insights follow as they end (see `moveEndedInsights`). The row stays for its name.
 */
export async function mergeAssetRows(trx: Db, { tenantId, sourceId, targetId, pointIds }: Rows): Promise<void> {
  await sql`update point set asset_id = ${targetId}, updated_at = now()
    where tenant_id = ${tenantId} and id = any(${pointIds}::uuid[])`.execute(trx);
  await sql`
    update asset t set class = coalesce(t.class, s.class), params = s.params || t.params, location_id = coalesce(t.location_id, s.location_id),
      tags = array(select distinct unnest(t.tags || s.tags) order by 1), updated_at = now()
    from asset s where t.id = ${targetId} and s.id = ${sourceId}`.execute(trx);
  await sql`
    update asset set merged_into = ${targetId}, status = case when id = ${sourceId} then 'retired' else status end,
      parent_id = null, updated_at = now()
    where tenant_id = ${tenantId} and ${sourceId}::uuid in (id, merged_into)`.execute(trx);
  await sql`update asset set parent_id = nullif(${targetId}::uuid, id), updated_at = now()
    where tenant_id = ${tenantId} and parent_id = ${sourceId}`.execute(trx);
  await sql`
    insert into asset_relation (tenant_id, from_asset_id, kind, to_asset_id, source)
    select tenant_id, from_id, kind, to_id, source
    from asset_relation, lateral (select
      case when from_asset_id = ${sourceId} then ${targetId}::uuid else from_asset_id end,
      case when to_asset_id = ${sourceId} then ${targetId}::uuid else to_asset_id end) as now (from_id, to_id)
    where tenant_id = ${tenantId} and ${sourceId}::uuid in (from_asset_id, to_asset_id) and from_id <> to_id
    on conflict do nothing`.execute(trx);
  await sql`delete from asset_relation
    where tenant_id = ${tenantId} and ${sourceId}::uuid in (from_asset_id, to_asset_id)`.execute(trx);
  await sql`update rule_override set asset_id = ${targetId}, updated_at = now()
    where tenant_id = ${tenantId} and asset_id = ${sourceId}`.execute(trx);
}

/** Insights of merged assets become those of the asset that they were merged into, once they are over. */
export async function moveEndedInsights(db: Db): Promise<void> {
  await sql`
    update insight i set asset_id = a.merged_into, updated_at = now()
    from asset a
    where a.merged_into is not null and i.asset_id = a.id and i.resolved_at is not null
      and not exists (select from insight o
        where o.rule_id = i.rule_id and o.asset_id = a.merged_into and o.opened_at = i.opened_at)`.execute(db);
}
