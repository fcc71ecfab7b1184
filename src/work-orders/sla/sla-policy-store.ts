import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import { laterThanBefore } from '../../platform/version-store.ts';
import { nothingPromised, type Promises, SlaPolicy } from './sla-policy.ts';

/** What a tenant promises; one that has said nothing promises nothing, since it was made. */
export async function getSlaPolicy(db: Db, tenantId: string): Promise<SlaPolicy> {
  const row = await db
    .selectFrom('tenant')
    .leftJoin('sla_policy', 'sla_policy.tenant_id', 'tenant.id')
    .select(['targets', 'business_hours', 'at_risk_percent', 'sla_policy.updated_at'])
    .select(sql<Date>`coalesce(sla_policy.created_at, tenant.created_at)`.as('created_at'))
    .where('tenant.id', '=', tenantId)
    .executeTakeFirstOrThrow();
  const created_at = formatInstant(row.created_at);
  const updated_at = row.updated_at === null ? created_at : formatInstant(row.updated_at);
  const promises = row.targets === null ? nothingPromised : row;
  return SlaPolicy.parse({ ...promises, id: tenantId, created_at, updated_at });
}

/** The same, which nobody else sets until the transaction ends. */
export async function holdSlaPolicy(trx: Db, tenantId: string): Promise<SlaPolicy> {
  // The row of the tenant, since that of its policy may not be there yet.
  await trx.selectFrom('tenant').select('id').where('id', '=', tenantId).forNoKeyUpdate().execute();
  return getSlaPolicy(trx, tenantId);
}

/** What decides the promises about a tenant's work orders. */
export async function getPromises(db: Db, tenantId: string): Promise<Promises> {
  const row = await db
    .selectFrom('sla_policy')
    .select(['targets', 'business_hours', 'at_risk_percent'])
    .where('tenant_id', '=', tenantId)
    .executeTakeFirst();
  return row ? promisesOfRow.parse(row) : nothingPromised;
}

const promisesOfRow = SlaPolicy.pick({ targets: true, business_hours: true, at_risk_percent: true });

/** Sets the policy of a tenant. */
export async function saveSlaPolicy(trx: Db, tenantId: string, { promises, at }: { promises: Promises; at: Date }) {
  const columns = {
    targets: JSON.stringify(promises.targets),
    business_hours: JSON.stringify(promises.business_hours),
    at_risk_percent: promises.at_risk_percent,
  };
  await trx
    .insertInto('sla_policy')
    .values({ tenant_id: tenantId, ...columns, created_at: at, updated_at: at })
    .onConflict((conflict) =>
      conflict.column('tenant_id').doUpdateSet({ ...columns, updated_at: laterThanBefore(at, 'sla_policy') }),
    )
    .execute();
}
