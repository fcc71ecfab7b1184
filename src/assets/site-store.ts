import type { Db } from '../platform/database.ts';

/** A site as an import of a model needs it. */
export type KnownSite = {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly timeZone: string;
  readonly shard: number;
};
/**
 * A site of the tenant, held until the transaction ends, so that two imports of it follow one another, and no device makes
 * an asset of it known meanwhile (a new asset's reference to its site waits for this lock).
 */
export async function lockSite(
  trx: Db,
  { tenantId, slug }: { tenantId: string; slug: string },
): Promise<KnownSite | undefined> {
  const row = await trx
    .selectFrom('site')
    .select(['id', 'slug', 'name', 'time_zone', 'shard'])
    .where('tenant_id', '=', tenantId)
    .where('slug', '=', slug)
    .forUpdate()
    .executeTakeFirst();
  return row && { id: row.id, slug: row.slug, name: row.name, timeZone: row.time_zone, shard: row.shard };
}

export async function insertSite(trx: Db, { tenantId, site }: { tenantId: string; site: KnownSite }): Promise<void> {
  await trx
    .insertInto('site')
    .values({
      id: site.id,
      tenant_id: tenantId,
      slug: site.slug,
      name: site.name,
      time_zone: site.timeZone,
      shard: site.shard,
    })
    .execute();
}

export async function updateSiteZone(
  trx: Db,
  { tenantId, siteId, timeZone }: { tenantId: string; siteId: string; timeZone: string },
): Promise<void> {
  await trx
    .updateTable('site')
    .set({ time_zone: timeZone })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', siteId)
    .execute();
}
