import type { Db } from '../../platform/database.ts';

/** What may be subscribed to under a client identifier, in its session at the broker. */
export async function listSubscriptions(db: Db, clientId: string): Promise<string[]> {
  const rows = await db
    .selectFrom('upstream_subscription')
    .select('filter')
    .where('client_id', '=', clientId)
    .execute();
  return rows.map(({ filter }) => filter);
}

/** Remembers filters before they are asked for; those that are known stay. */
export async function addSubscriptions(db: Db, clientId: string, filters: readonly string[]): Promise<void> {
  if (filters.length === 0) return;
  await db
    .insertInto('upstream_subscription')
    .values(filters.map((filter) => ({ client_id: clientId, filter })))
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Forgets filters that have been given back. */
export async function deleteSubscriptions(db: Db, clientId: string, filters: readonly string[]): Promise<void> {
  if (filters.length === 0) return;
  await db
    .deleteFrom('upstream_subscription')
    .where('client_id', '=', clientId)
    .where('filter', 'in', [...filters])
    .execute();
}
