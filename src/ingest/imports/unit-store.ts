import type { Db } from '../../platform/database.ts';

/** The units of those of a tenant's points that state one, by id. */
export async function findUnits(
  db: Db,
  { tenantId, ids }: { tenantId: string; ids: readonly string[] },
): Promise<ReadonlyMap<string, string>> {
  if (ids.length === 0) return new Map();
  const rows = await db
    .selectFrom('point')
    .select(['id', 'unit'])
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', ids)
    .where('unit', 'is not', null)
    .execute();
  return new Map(rows.map(({ id, unit }) => [id, unit as string]));
}
