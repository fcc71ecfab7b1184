import type { Db } from '../../platform/database.ts';

/** What people tell a key of a tenant by. */
export async function findKeyName(db: Db, tenantId: string, id: string) {
  const row = await db
    .selectFrom('api_key')
    .select(['id', 'name', 'prefix'])
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row ?? null;
}
