/**
 * The first administrator's password: as the settings name it, after every start, or made once where nobody can log in to the first
 * tenant otherwise, as after an upgrade from a version in which nobody could.
 */
import { verify } from '@node-rs/argon2';
import type { Config } from '../platform/config.ts';
import type { Db } from '../platform/database.ts';
import { bySystem, recordUnasked } from './audit/record-access.ts';
import { type Admin, findAdmins } from './bootstrap-store.ts';
import { hashPassword, newPassword } from './password.ts';
import { updateUser } from './people/user-store.ts';
import { normalized } from './sessions/session.ts';
import { endSessions } from './sessions/session-store.ts';

export type MadeAdmin = { readonly username: string; readonly password: string };

type Settings = Pick<Config, 'BOOTSTRAP_ADMIN_EMAIL' | 'BOOTSTRAP_ADMIN_PASSWORD'>;

/**
 * Sees to it that somebody can log in to the first tenant, in a transaction. Returns the password that was made, for the one time that
 * it can be shown. Throws an error that names the setting where the e-mail address is that of somebody else.
 */
export async function ensureAdmin(
  trx: Db,
  tenantId: string,
  { BOOTSTRAP_ADMIN_EMAIL: email, BOOTSTRAP_ADMIN_PASSWORD: given }: Settings,
): Promise<MadeAdmin | undefined> {
  const admins = await findAdmins(trx, tenantId);
  const admin = admins.find((one) => one.email.toLowerCase() === email?.toLowerCase()) ?? admins[0];
  if (!admin) return undefined;
  if (email !== undefined && admin.email.toLowerCase() !== email.toLowerCase())
    await renameAdmin(trx, tenantId, { admin, email });
  if (given !== undefined) {
    const { passwordArgon2id: hash } = admin;
    if (hash === null || !(await verify(hash, normalized(given))))
      await setPassword(trx, tenantId, { admin, password: given });
    return undefined;
  }
  if (admins.some(({ active, passwordArgon2id }) => active && passwordArgon2id !== null)) return undefined;
  const password = newPassword();
  await setPassword(trx, tenantId, { admin, password });
  return { username: admin.username, password };
}

async function renameAdmin(
  trx: Db,
  tenantId: string,
  { admin, email }: { admin: Admin; email: string },
): Promise<void> {
  const at = new Date();
  try {
    await updateUser(trx, { tenantId, id: admin.id, at }, { email });
  } catch (cause) {
    const message = `BOOTSTRAP_ADMIN_EMAIL "${email}" is the address of a user who is no administrator; choose another`;
    throw (cause as { code?: string }).code === 'user_exists' ? new Error(message, { cause }) : cause;
  }
  const subject = { kind: 'user', id: admin.id, name: admin.username } as const;
  const change = { action: 'user.changed', subject, before: { email: admin.email }, after: { email } } as const;
  await recordUnasked(trx, { ...bySystem, tenantId, at }, change);
}

/** Whoever has logged in with the one so far is out. */
async function setPassword(
  trx: Db,
  tenantId: string,
  { admin, password }: { admin: Admin; password: string },
): Promise<void> {
  const { id, username: name } = admin;
  const at = new Date();
  const hash = await hashPassword(normalized(password));
  await updateUser(trx, { tenantId, id, at }, { password_argon2id: hash });
  await endSessions(trx, { tenantId, userId: id, at, because: 'password_changed' });
  const change = {
    action: 'user.password_changed',
    subject: { kind: 'user', id, name },
    before: null,
    after: null,
  } as const;
  await recordUnasked(trx, { ...bySystem, tenantId, at }, change);
}
