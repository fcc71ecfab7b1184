import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { lockBootstrap } from '../tenant-store.ts';

/** A tenant of an installation, as the people at its machine see it. */
export type ListedTenant = {
  readonly id: string;
  readonly name: string;
  readonly plan: string;
  readonly livemode: boolean;
  readonly sites: number;
  readonly users: number;
  readonly created_at: Date;
};

/** All tenants, the oldest first. */
export async function listAllTenants(db: Db): Promise<ListedTenant[]> {
  const { rows } = await sql<ListedTenant>`
    select tenant.id, tenant.name, coalesce(live.plan, tenant.plan) as plan, tenant.livemode, tenant.created_at,
      (select count(*) from site where site.tenant_id = tenant.id)::int as sites,
      (select count(*) from app_user where app_user.tenant_id = tenant.id and deleted_at is null)::int as users
    from tenant left join tenant live on live.id = tenant.live_tenant_id
    order by tenant.created_at, tenant.id`.execute(db);
  return rows;
}

/** How many tenants have a name; nobody else adds one until the transaction ends. */
export async function countTenants(trx: Db, name: string): Promise<number> {
  await lockBootstrap(trx);
  const { count } = await trx
    .selectFrom('tenant')
    .select((of) => of.fn.countAll<string>().as('count'))
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
  return Number(count);
}
