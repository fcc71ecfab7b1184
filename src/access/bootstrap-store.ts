import type { Db } from '../platform/database.ts';

export type Admin = {
  readonly id: string;
  readonly username: string;
  readonly email: string;
  readonly active: boolean;
  readonly passwordArgon2id: string | null;
};

/** The administrators of a tenant, the oldest first. */
export async function findAdmins(db: Db, tenantId: string): Promise<Admin[]> {
  const rows = await db
    .selectFrom('app_user')
    .select(['id', 'username', 'email', 'active', 'password_argon2id'])
    .where('tenant_id', '=', tenantId)
    .where('role', '=', 'admin')
    .where('deleted_at', 'is', null)
    .orderBy('created_at')
    .orderBy('id')
    .execute();
  return rows.map(({ password_argon2id: passwordArgon2id, ...row }) => ({ ...row, passwordArgon2id }));
}
