import type { Db } from '../../../platform/database.ts';
import { formatInstant } from '../../../platform/instant.ts';
import type { MappingRule, OpcuaMapping } from './mapping-rule.ts';

/** The mapping rules of a connection, as they were checked; none where nobody has set any. */
export async function findMapping(db: Db, connectionId: string): Promise<OpcuaMapping> {
  const row = await db
    .selectFrom('opcua_mapping')
    .select(['rules', 'updated_at'])
    .where('connection_id', '=', connectionId)
    .executeTakeFirst();
  if (!row) return { rules: [], updated_at: null };
  return { rules: row.rules as unknown as MappingRule[], updated_at: formatInstant(row.updated_at) };
}

/** Sets all of a connection's mapping rules at once. */
export async function upsertMapping(
  trx: Db,
  connectionId: string,
  { rules, at }: { rules: readonly MappingRule[]; at: Date },
): Promise<void> {
  const values = { rules: JSON.stringify(rules), updated_at: at };
  await trx
    .insertInto('opcua_mapping')
    .values({ connection_id: connectionId, ...values })
    .onConflict((conflict) => conflict.column('connection_id').doUpdateSet(values))
    .execute();
}
