import type { Db } from '../../platform/database.ts';
import { bySystem, recordUnasked } from '../audit/record-access.ts';
import { hashPassword, newPassword } from '../password.ts';
import { updateUser } from '../people/user-store.ts';
import { insertTenant } from '../tenant-store.ts';
import { countTenants } from './tenant-list-store.ts';

type NewTenant = {
  readonly name: string;
  readonly timeZone: string;
  readonly siteSlug: string;
  readonly email: string | undefined;
};

/** A tenant that was added, with the password of its administrator, for the one time that it can be shown. */
export type AddedTenant = { readonly id: string; readonly username: string; readonly password: string };

/** Adds a tenant with a site and an administrator who can log in. Throws a sentence where there is one of that name. */
export async function addTenant(db: Db, { name, timeZone, siteSlug, email }: NewTenant): Promise<AddedTenant> {
  const password = newPassword();
  const hash = await hashPassword(password);
  const at = new Date();
  return db.transaction().execute(async (trx) => {
    if ((await countTenants(trx, name)) > 0) throw new Error(`there is a tenant ${name} already`);
    const site = { siteSlug, siteName: siteSlug, discovery: false };
    const { id, adminId } = await insertTenant(trx, { name, timeZone, ...site, email });
    await updateUser(trx, { tenantId: id, id: adminId, at }, { password_argon2id: hash });
    const change = { action: 'tenant.created', subject: { kind: 'tenant', id, name }, before: null } as const;
    await recordUnasked(trx, { ...bySystem, tenantId: id, at }, { ...change, after: { name, time_zone: timeZone } });
    return { id, username: 'admin', password };
  });
}
