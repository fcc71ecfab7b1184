import type { Db } from '../platform/database.ts';
import { laterThanBefore } from '../platform/version-store.ts';

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

/** Adds a site; false where the tenant has one of its slug. */
export async function insertSite(
  trx: Db,
  { tenantId, site }: { tenantId: string; site: KnownSite & { readonly discovery: boolean } },
): Promise<boolean> {
  const { numInsertedOrUpdatedRows } = await trx
    .insertInto('site')
    .values({
      id: site.id,
      tenant_id: tenantId,
      slug: site.slug,
      name: site.name,
      time_zone: site.timeZone,
      discovery: site.discovery,
      shard: site.shard,
    })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'slug']).doNothing())
    .executeTakeFirstOrThrow();
  return numInsertedOrUpdatedRows === 1n;
}

type SiteValues = {
  readonly name?: string | undefined;
  readonly timeZone?: string | undefined;
  readonly discovery?: boolean | undefined;
};

/** Sets what is given of a site. */
export async function updateSite(
  trx: Db,
  { tenantId, siteId, at }: { tenantId: string; siteId: string; at: Date },
  { name, timeZone, discovery }: SiteValues,
): Promise<void> {
  await trx
    .updateTable('site')
    .set({
      ...(name !== undefined && { name }),
      ...(timeZone !== undefined && { time_zone: timeZone }),
      ...(discovery !== undefined && { discovery }),
      updated_at: laterThanBefore(at),
    })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', siteId)
    .execute();
}
