import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';

/** What reading a tenant's messages needs to know of it, beside its sites. */
export type TenantRow = {
  readonly tenantId: string;
  /** The site of what names none; null for a tenant without any. */
  readonly defaultSite: string | null;
  readonly templatesVersion: string;
};

/** Those of these tenants that there are: the default site is the one that is set, or else the oldest. */
export async function listTenants(db: Db, tenantIds: readonly string[]): Promise<TenantRow[]> {
  const { rows } = await sql<TenantRow>`
    select t.id as "tenantId", t.topic_templates_version::text as "templatesVersion", coalesce(
      (select s.slug from site s where s.id = t.default_site_id and s.tenant_id = t.id),
      (select s.slug from site s where s.tenant_id = t.id order by s.created_at, s.id limit 1)
    ) as "defaultSite"
    from tenant t where t.id = any(${tenantIds}::uuid[])`.execute(db);
  return rows;
}

export type HomeRow = { readonly deviceId: string; readonly site: string | null; readonly asset: string };

/**
 * Where devices are at home: the site that their row names, if any, and the asset that it names, or else one of the
 * device's own name. Of several devices of one name the oldest has it; the others go by their user names.
 */
export async function listHomes(db: Db, deviceIds: readonly string[]): Promise<HomeRow[]> {
  const { rows } = await sql<HomeRow>`
    select d.id as "deviceId", s.slug as site, coalesce(d.asset_name, case when exists (
      select from device o where o.tenant_id = d.tenant_id and o.name = d.name
        and (o.created_at, o.id) < (d.created_at, d.id)
    ) then d.username else d.name end) as asset
    from device d left join site s on s.id = d.site_id and s.tenant_id = d.tenant_id
    where d.id = any(${deviceIds}::uuid[])`.execute(db);
  return rows;
}
