/** The rows of an asset that turned out to be another one: all of them change in one transaction. */
import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';

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
 * of rules. Its insights follow as they end (see src/insights/move-ended.ts). The row stays for its name.
 */
export async function mergeAssetRows(trx: Db, { tenantId, sourceId, targetId, pointIds }: Rows): Promise<void> {
  await sql`update point set asset_id = ${targetId}, updated_at = now()
    where tenant_id = ${tenantId} and id = any(${pointIds}::uuid[])`.execute(trx);
  // What is printed on the one is printed on the other now, and of one alone.
  const { rows: printed } = await sql<{ barcode: string | null }>`
    update asset set barcode = null from (select id, barcode from asset where id = ${sourceId}) before
    where asset.id = before.id and tenant_id = ${tenantId} returning before.barcode`.execute(trx);
  // One that turned out to be a part of itself gives that part its place: else what lies between would lie below itself.
  await sql`
    with recursive above as (
      select parent_id as id from asset where id = ${targetId}
      union select a.parent_id from asset a join above on a.id = above.id
    ), above_source as (
      select parent_id as id from asset where id = ${sourceId}
      union select a.parent_id from asset a join above_source on a.id = above_source.id
    )
    update asset t set class = coalesce(t.class, s.class), params = s.params || t.params, location_id = coalesce(t.location_id, s.location_id),
      location_uri = case when t.location_id is null and t.location_uri = '' then s.location_uri else t.location_uri end,
      description = case when t.description = '' then s.description else t.description end,
      manufacturer = coalesce(t.manufacturer, s.manufacturer), model = coalesce(t.model, s.model),
      serial_number = coalesce(t.serial_number, s.serial_number), install_date = coalesce(t.install_date, s.install_date),
      warranty_until = coalesce(t.warranty_until, s.warranty_until), purchase_cost = coalesce(t.purchase_cost, s.purchase_cost),
      useful_life_years = coalesce(t.useful_life_years, s.useful_life_years), criticality = coalesce(t.criticality, s.criticality),
      barcode = coalesce(t.barcode, ${printed[0]?.barcode ?? null}), own_external_id = coalesce(t.own_external_id, s.own_external_id),
      image = coalesce(t.image, s.image), custom = s.custom || t.custom, metadata = s.metadata || t.metadata,
      tags = array(select distinct unnest(t.tags || s.tags) order by 1),
      updated_at = greatest(now(), t.updated_at + interval '1 millisecond'),
      parent_id = case
        when s.id in (select id from above) then s.parent_id
        when t.id in (select id from above_source) then t.parent_id
        else coalesce(t.parent_id, s.parent_id) end
    from asset s where t.id = ${targetId} and s.id = ${sourceId}`.execute(trx);
  await sql`
    update asset set merged_into = ${targetId}, status = case when id = ${sourceId} then 'retired' else status end,
      parent_id = null, updated_at = now()
    where tenant_id = ${tenantId} and ${sourceId}::uuid in (id, merged_into)`.execute(trx);
  await sql`update asset set parent_id = ${targetId}, updated_at = now()
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
  await sql`delete from asset_relation r using asset t
    where r.tenant_id = ${tenantId} and t.id = ${targetId} and r.from_asset_id = t.id and r.kind = 'isPartOf'
      and r.to_asset_id is distinct from t.parent_id`.execute(trx);
  await sql`update rule_override set asset_id = ${targetId}, updated_at = now()
    where tenant_id = ${tenantId} and asset_id = ${sourceId}`.execute(trx);
}

/** The parts of an asset, which become those of another. */
export async function listParts(trx: Db, { tenantId, id }: { tenantId: string; id: string }): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select id from asset where tenant_id = ${tenantId} and parent_id = ${id} order by id`.execute(trx);
  return rows.map((row) => row.id);
}
