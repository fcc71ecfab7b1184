/** What stands above what, and what feeds what: who changes either holds the sites first, so that no two make a circle together. */
import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';

/**
 * Holds the sites of some assets until the transaction ends, before any asset is held: trees and feeds of one site change one after
 * the other, by people and by imports of models. Devices go on making equipment known meanwhile.
 */
export async function holdSitesOf(
  trx: Db,
  { tenantId, assetIds, siteId = null }: { tenantId: string; assetIds: readonly string[]; siteId?: string | null },
): Promise<void> {
  await sql`
    select id from site where tenant_id = ${tenantId} and (id = ${siteId} or id in (
      select site_id from asset where tenant_id = ${tenantId} and id = any(${[...assetIds]}::uuid[])))
    order by id for no key update`.execute(trx);
}

/** Whether an asset is another one, or is part of it, by way of others too. */
export async function isWithin(
  trx: Db,
  { tenantId, id, within }: { tenantId: string; id: string; within: string },
): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    with recursive above (id, parent_id) as (
      select id, parent_id from asset where tenant_id = ${tenantId} and id = ${id}
      union
      select asset.id, asset.parent_id from asset join above on asset.id = above.parent_id
      where asset.tenant_id = ${tenantId}
    )
    select exists (select from above where id = ${within}) as found`.execute(trx);
  return rows[0]?.found ?? false;
}

/** Whether an asset is another one, or feeds it, by way of others too. */
export async function reaches(
  trx: Db,
  { tenantId, from, to }: { tenantId: string; from: string; to: string },
): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    with recursive fed (id) as (
      select ${from}::uuid
      union
      select r.to_asset_id from asset_relation r join fed on r.from_asset_id = fed.id
      where r.tenant_id = ${tenantId} and r.kind = 'feeds'
    )
    select exists (select from fed where id = ${to}) as found`.execute(trx);
  return rows[0]?.found ?? false;
}

/** Whether an asset feeds itself by way of others. */
export async function feedsItself(trx: Db, { tenantId, id }: { tenantId: string; id: string }): Promise<boolean> {
  const { rows } = await sql<{ found: boolean }>`
    with recursive fed (id) as (
      select to_asset_id from asset_relation where tenant_id = ${tenantId} and kind = 'feeds' and from_asset_id = ${id}
      union
      select r.to_asset_id from asset_relation r join fed on r.from_asset_id = fed.id
      where r.tenant_id = ${tenantId} and r.kind = 'feeds'
    )
    select exists (select from fed where id = ${id}) as found`.execute(trx);
  return rows[0]?.found ?? false;
}
