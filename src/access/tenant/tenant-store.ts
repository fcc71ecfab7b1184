import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import { laterThanBefore } from '../../platform/version-store.ts';
import { Tenant } from './tenant.ts';

/** A tenant, with the plan of its live one if it is a test tenant. Ask as the owner, who sees both. */
export async function getTenant(db: Db, id: string): Promise<Tenant> {
  const { plan, live_plan, created_at, updated_at, ...row } = await db
    .selectFrom('tenant')
    .leftJoin('site', 'site.id', 'tenant.default_site_id')
    .leftJoin('tenant as live', 'live.id', 'tenant.live_tenant_id')
    .select(['tenant.id', 'tenant.name', 'tenant.plan', 'tenant.livemode', 'tenant.time_zone', 'tenant.locale'])
    .select('tenant.currency')
    .select(['tenant.created_at', 'tenant.updated_at', 'live.plan as live_plan', 'site.slug as default_site'])
    .where('tenant.id', '=', id)
    .executeTakeFirstOrThrow();
  return Tenant.parse({
    ...row,
    plan: live_plan ?? plan,
    created_at: formatInstant(created_at),
    updated_at: formatInstant(updated_at),
  });
}

/** Holds a tenant's row until the transaction ends; says whether it is the test tenant of another. */
export async function lockTenant(trx: Db, id: string): Promise<{ readonly isTest: boolean }> {
  const row = await trx
    .selectFrom('tenant')
    .select('live_tenant_id')
    .where('id', '=', id)
    .forNoKeyUpdate()
    .executeTakeFirstOrThrow();
  return { isTest: row.live_tenant_id !== null };
}

type Columns = {
  readonly name?: string;
  readonly plan?: string;
  readonly time_zone?: string;
  readonly locale?: string;
  readonly currency?: string | null;
  readonly default_site_id?: string | null;
};

/** Sets the columns that are given. */
export async function updateTenant(trx: Db, { id, at }: { id: string; at: Date }, columns: Columns): Promise<void> {
  await trx
    .updateTable('tenant')
    .set({ ...columns, updated_at: laterThanBefore(at) })
    .where('id', '=', id)
    .execute();
}
