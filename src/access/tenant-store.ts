import { createHash } from 'node:crypto';
import { sql } from 'kysely';
import { advisoryLocks } from '../platform/advisory-locks.ts';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';

export type Tenant = { readonly id: string; readonly adminId: string };

/** Holds off every other process that sets up this database, until the transaction ends. */
export async function lockBootstrap(trx: Db): Promise<void> {
  await sql`select pg_advisory_xact_lock(${advisoryLocks.bootstrap})`.execute(trx);
}

/** The first tenant that was made, with its first administrator. */
export async function findFirstTenant(db: Db): Promise<Tenant | undefined> {
  const row = await db
    .selectFrom('tenant')
    .innerJoin('app_user', 'app_user.tenant_id', 'tenant.id')
    .select(['tenant.id', 'app_user.id as admin_id'])
    .where('app_user.role', '=', 'admin')
    .where('app_user.deleted_at', 'is', null)
    .where('tenant.live_tenant_id', 'is', null)
    .orderBy('tenant.created_at')
    .orderBy('app_user.created_at')
    .executeTakeFirst();
  return row && { id: row.id, adminId: row.admin_id };
}

type NewTenant = {
  readonly name: string;
  readonly siteSlug: string;
  readonly siteName: string;
  readonly timeZone: string;
  readonly discovery: boolean;
  /** The administrator's address; absent: admin@localhost. */
  readonly email?: string | undefined;
};

/** Adds a tenant with an administrator and a site, which is its default. */
export async function insertTenant(trx: Db, tenant: NewTenant): Promise<Tenant> {
  const [id, adminId, siteId] = [newId(), newId(), newId()];
  const { name, timeZone, siteSlug, siteName, discovery, email = 'admin@localhost' } = tenant;
  await trx.insertInto('tenant').values({ id, name, time_zone: timeZone }).execute();
  await trx
    .insertInto('app_user')
    .values({ id: adminId, tenant_id: id, username: 'admin', email, role: 'admin' })
    .execute();
  await trx
    .insertInto('site')
    .values({
      id: siteId,
      tenant_id: id,
      slug: siteSlug,
      name: siteName,
      time_zone: timeZone,
      discovery,
      shard: shardOf(siteId),
    })
    .execute();
  await trx.updateTable('tenant').set({ default_site_id: siteId }).where('id', '=', id).execute();
  return { id, adminId };
}

/** The shard of a site's assets, 0 to 63: rules of one site are evaluated together. */
export function shardOf(siteId: string): number {
  return (createHash('sha256').update(siteId).digest()[0] ?? 0) % 64;
}

/** The tenants of an installation but for test tenants, or those of a name, the oldest first. */
export function listTenants(db: Db, name: string | undefined): Promise<{ id: string; name: string }[]> {
  const tenants = db.selectFrom('tenant').select(['id', 'name']).orderBy('created_at').orderBy('id').limit(50);
  return (
    name === undefined ? tenants.where('live_tenant_id', 'is', null) : tenants.where('name', '=', name)
  ).execute();
}
