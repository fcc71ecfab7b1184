import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { shardOf } from '../tenant-store.ts';

/**
 * The test tenant of a live one, made if there is none: with its name and time zone, a site like its default one, and nothing else.
 * Run it in a transaction; the live tenant's row is held until that ends, so that two first keys make one test tenant.
 */
export async function ensureTestTenant(trx: Db, liveTenantId: string): Promise<string> {
  const live = await trx
    .selectFrom('tenant')
    .select(['id', 'name', 'time_zone', 'default_site_id'])
    .where('id', '=', liveTenantId)
    .where('livemode', '=', true)
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow();
  const known = await trx
    .selectFrom('tenant')
    .select('id')
    .where('live_tenant_id', '=', liveTenantId)
    .executeTakeFirst();
  if (known) return known.id;
  const id = newId();
  const { name, time_zone } = live;
  await trx
    .insertInto('tenant')
    .values({ id, name: `${name} (test)`, time_zone, livemode: false, live_tenant_id: liveTenantId })
    .execute();
  if (live.default_site_id !== null) await copySite(trx, live.default_site_id, { from: liveTenantId, to: id });
  return id;
}

type Copying = { readonly from: string; readonly to: string };

async function copySite(trx: Db, siteId: string, { from, to }: Copying): Promise<void> {
  const id = newId();
  const site = await trx
    .selectFrom('site')
    .select(['slug', 'name', 'time_zone', 'discovery'])
    .where('tenant_id', '=', from)
    .where('id', '=', siteId)
    .executeTakeFirstOrThrow();
  await trx
    .insertInto('site')
    .values({ ...site, id, tenant_id: to, shard: shardOf(id) })
    .execute();
  await trx.updateTable('tenant').set({ default_site_id: id }).where('id', '=', to).execute();
}

/**
 * The copy of a person in the test tenant, made if there is none: of the one who asks, else of the first administrator. It has no
 * password. Null where there is nobody to copy, or the test tenant has given the name to somebody else.
 */
export async function ensureCopy(trx: Db, { from, to }: Copying, userId: string | null): Promise<string | null> {
  const person = await trx
    .selectFrom('app_user')
    .select(['id', 'username', 'email', 'role'])
    .where('tenant_id', '=', from)
    .where('active', '=', true)
    .where('deleted_at', 'is', null)
    .where((is) => (userId === null ? is('role', '=', 'admin') : is('id', '=', userId)))
    .orderBy('created_at')
    .orderBy('id')
    .executeTakeFirst();
  if (!person) return null;
  const { id: live_user_id, ...copied } = person;
  await trx
    .insertInto('app_user')
    .values({ ...copied, id: newId(), tenant_id: to, live_user_id })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
  const copy = await trx
    .selectFrom('app_user')
    .select('id')
    .where('tenant_id', '=', to)
    .where('live_user_id', '=', live_user_id)
    .where('deleted_at', 'is', null)
    .executeTakeFirst();
  return copy?.id ?? null;
}

/** The plan that counts for a tenant: its own, or for a test tenant that of its live one. */
export async function getPlan(db: Db, tenantId: string): Promise<string> {
  const { plan } = await db
    .selectFrom('tenant')
    .leftJoin('tenant as live', 'live.id', 'tenant.live_tenant_id')
    .select(sql<string>`coalesce(live.plan, tenant.plan)`.as('plan'))
    .where('tenant.id', '=', tenantId)
    .executeTakeFirstOrThrow();
  return plan;
}
