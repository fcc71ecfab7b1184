import type { Db } from '../platform/database.ts';

const numberMax = 2_147_483_647;

/** The id of the person of a tenant who has a number; undefined where nobody has it. */
export async function findUserByNumber(db: Db, tenantId: string, number: number): Promise<string | undefined> {
  if (number > numberMax) return undefined;
  const found = await db
    .selectFrom('app_user')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('number', '=', number)
    .executeTakeFirst();
  return found?.id;
}
