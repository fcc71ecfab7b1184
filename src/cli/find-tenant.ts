import { listTenants } from '../access/tenant-store.ts';
import type { Db } from '../platform/database.ts';

/** The id of the tenant of this name, or of the only one. Throws a sentence where there is none, or several. */
export async function findTenantId(db: Db, name: string | undefined): Promise<string> {
  const found = await listTenants(db, name);
  if (found.length === 1) return (found[0] as { id: string }).id;
  if (found.length > 1)
    throw new Error(`there are several tenants; say --tenant and one of ${found.map((one) => one.name).join(', ')}`);
  throw new Error(name === undefined ? 'there is no tenant yet; start the program once' : `there is no tenant ${name}`);
}
