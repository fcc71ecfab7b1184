import type { Db } from '../../platform/database.ts';

/** A site of an installation, whoever's it is: the commands are for who runs the program. */
export type InstalledSite = {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly tenantId: string;
  readonly tenant: string;
  readonly timeZone: string;
  readonly shard: number;
};

/** All sites, or those that go by a slug, else by an id, in the order of their tenants and slugs. */
export async function listInstalledSites(db: Db, named: string | undefined): Promise<InstalledSite[]> {
  if (named === undefined) return listWhere(db, null);
  // Models name sites by UUIDs, so that a slug may look like an id.
  const bySlug = await listWhere(db, { column: 'site.slug', value: named });
  const isId = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(named);
  return bySlug.length > 0 || !isId ? bySlug : listWhere(db, { column: 'site.id', value: named });
}

async function listWhere(
  db: Db,
  wanted: { column: 'site.slug' | 'site.id'; value: string } | null,
): Promise<InstalledSite[]> {
  let sites = db
    .selectFrom('site')
    .innerJoin('tenant', 'tenant.id', 'site.tenant_id')
    .select(['site.id', 'site.slug', 'site.name', 'site.tenant_id', 'site.time_zone', 'site.shard'])
    .select('tenant.name as tenant');
  if (wanted) sites = sites.where(wanted.column, '=', wanted.value);
  const rows = await sites.orderBy('tenant.created_at').orderBy('tenant.id').orderBy('site.slug').execute();
  return rows.map(({ tenant_id: tenantId, time_zone: timeZone, ...site }) => ({ ...site, tenantId, timeZone }));
}
