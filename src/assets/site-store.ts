import { sql } from 'kysely';
import type { Area } from '../access/api-key.ts';
import { withinSites } from '../access/site-store.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { narrowed, readPage } from '../platform/page-store.ts';
import type { ListRequest, Rows } from '../platform/paging.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import { Site, type SiteChange, type SiteFilter } from './site.ts';

/** Sites of the area's tenant that its key may see. */
export async function listSites(db: Db, { caller }: Area, filter: SiteFilter, page: ListRequest): Promise<Rows<Site>> {
  let sites = db.selectFrom('site').where('site.tenant_id', '=', caller.tenantId).where(withinSites('site.id', caller));
  if (filter.discovery !== undefined) sites = sites.where('discovery', '=', filter.discovery);
  if (filter.external_id !== undefined) sites = sites.where('external_id', '=', filter.external_id);
  if (filter.parent_site !== undefined) sites = sites.where(parentSlug, '=', filter.parent_site);
  const found = narrowed(sites, page);
  const shown = found.selectAll('site').select(parentSlug.as('parent_site'));
  return readPage({ found, shown }, page, toSite);
}

const parentSlug = sql<string | null>`(select parent.slug from site as parent where parent.id = site.parent_site_id)`;

/** Sites with all that is shown of them; filters are to be added, the tenant first of all. */
export function sitesShown(db: Db) {
  return db.selectFrom('site').selectAll('site').select(parentSlug.as('parent_site'));
}

type SiteRow = { latitude: number | null; longitude: number | null; created_at: Date; updated_at: Date };

/** A site as it is shown. */
export function toSite({ latitude, longitude, ...row }: SiteRow): Site {
  return Site.parse({
    ...row,
    geo: latitude === null || longitude === null ? null : { latitude, longitude },
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}

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

/** Sees to it that a site stays until the transaction ends; false where it is gone. */
export async function keepSite(trx: Db, { tenantId, siteId }: { tenantId: string; siteId: string }): Promise<boolean> {
  const row = await trx
    .selectFrom('site')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', siteId)
    .forKeyShare()
    .executeTakeFirst();
  return row !== undefined;
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

/** What a change writes of a site: the properties of its body, with the id of the site that it is part of. */
export type SiteValues = Omit<SiteChange, 'parent_site'> & { readonly parent_site_id?: string | null | undefined };

/** Sets what is given of a site. */
export async function updateSite(
  trx: Db,
  { tenantId, siteId, at }: { tenantId: string; siteId: string; at: Date },
  { geo, address, opening_hours, metadata, ...plain }: SiteValues,
): Promise<void> {
  const given = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined));
  await trx
    .updateTable('site')
    .set({
      ...given,
      ...(geo !== undefined && { latitude: geo?.latitude ?? null, longitude: geo?.longitude ?? null }),
      ...(address !== undefined && { address: address && JSON.stringify(address) }),
      ...(opening_hours !== undefined && { opening_hours: opening_hours && JSON.stringify(opening_hours) }),
      ...(metadata !== undefined && { metadata: JSON.stringify(metadata) }),
      updated_at: laterThanBefore(at),
    })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', siteId)
    .execute();
}

/**
 * Locks the tenant's tree of sites until the transaction ends: without it two changes at once could each put the other's site above
 * their own. It comes before the lock of any site.
 */
export async function lockSiteTree(trx: Db, tenantId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('site.parent_site_id ' || ${tenantId}::text, 0))`.execute(
    trx,
  );
}

/** The ids of the sites that a site is part of, by way of others too, and its own. */
export async function listSitesAbove(trx: Db, tenantId: string, id: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with recursive above (id, parent_site_id) as (
      select id, parent_site_id from site where tenant_id = ${tenantId} and id = ${id}
      union
      select site.id, site.parent_site_id from site join above on site.id = above.parent_site_id
      where site.tenant_id = ${tenantId}
    )
    select id from above`.execute(trx);
  return rows.map((row) => row.id);
}

const foreignKeyViolation = '23503';

/** Deletes a site that has no work orders; false, and the transaction is at its end, where something still belongs to it. */
export async function deleteSite(
  trx: Db,
  { tenantId, siteId }: { tenantId: string; siteId: string },
): Promise<boolean> {
  try {
    // Of work orders that have gone to another site differences may stand here that come to nothing.
    await trx.deleteFrom('work_order_tally').where('tenant_id', '=', tenantId).where('site_id', '=', siteId).execute();
    await trx.deleteFrom('site').where('tenant_id', '=', tenantId).where('id', '=', siteId).execute();
    return true;
  } catch (error) {
    // Every table whose rows belong to a site refers to it: to ask each of them would miss the next one.
    if ((error as { code?: string }).code === foreignKeyViolation) return false;
    throw error;
  }
}

/** How much of what people look for first lies at a site. */
export async function countAtSite(trx: Db, { tenantId, siteId }: { tenantId: string; siteId: string }) {
  const { rows } = await sql<Record<'assets' | 'places' | 'work orders' | 'insights' | 'devices' | 'sites', number>>`
    select
      (select count(*)::integer from asset where tenant_id = ${tenantId} and site_id = ${siteId}) as assets,
      (select count(*)::integer from location where tenant_id = ${tenantId} and site_id = ${siteId}) as places,
      (select count(*)::integer from work_order where tenant_id = ${tenantId} and site_id = ${siteId}) as "work orders",
      (select count(*)::integer from insight where tenant_id = ${tenantId} and site_id = ${siteId}) as insights,
      (select count(*)::integer from device where tenant_id = ${tenantId} and site_id = ${siteId} and deleted_at is null) as devices,
      (select count(*)::integer from site where tenant_id = ${tenantId} and parent_site_id = ${siteId}) as sites`.execute(
    trx,
  );
  return Object.entries(rows[0] ?? {}).filter(([, count]) => count > 0);
}
