import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';

/** Those of some people to whom work can be given: active users of the tenant. */
export async function listActiveUsers(
  db: Db,
  { tenantId, ids }: { tenantId: string; ids: readonly string[] },
): Promise<Set<string>> {
  const rows = await db
    .selectFrom('app_user')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where(sql<boolean>`id = any(${[...ids]}::uuid[])`)
    .where('active', '=', true)
    .execute();
  return new Set(rows.map(({ id }) => id));
}

/** The active user of a tenant with a name. */
export function findActiveUserByName(db: Db, { tenantId, username }: { tenantId: string; username: string }) {
  return db
    .selectFrom('app_user')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('username', '=', username)
    .where('active', '=', true)
    .executeTakeFirst();
}
