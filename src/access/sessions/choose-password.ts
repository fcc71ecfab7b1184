import type { Db } from '../../platform/database.ts';
import { refusals } from '../../platform/refusals.ts';
import { hashSecret } from '../api-key.ts';
import { type Asking, recordAccess, recordUnasked } from '../audit/record-access.ts';
import { hashPassword } from '../password.ts';
import { useInvite } from '../people/invite-store.ts';
import type { User } from '../people/user.ts';
import { findPasswordHash, getUser, lockUser, updateUser } from '../people/user-store.ts';
import type { AccessTokens } from './access-token.ts';
import type { LogIn, Origin } from './log-in.ts';
import { openSession } from './open-session.ts';
import { normalized, type Tokens } from './session.ts';
import { endSessions } from './session-store.ts';

type Acceptance = { readonly token: string; readonly password: string };

/**
 * Lets somebody who was invited choose a password, once, and logs them in; log-ins that they had so far end. Throws invite_invalid.
 */
export async function acceptInvite(
  db: Db,
  { token, password }: Acceptance,
  { tokens, origin }: { readonly tokens: AccessTokens; readonly origin: Origin },
): Promise<Tokens> {
  const { at, address, requestId } = origin;
  const user = await db.transaction().execute(async (trx) => {
    const invited = await useInvite(trx, hashSecret(token), at);
    if (!invited) throw refusals.inviteInvalid();
    const { tenantId, userId } = invited;
    const passwordArgon2id = await hashPassword(normalized(password));
    await updateUser(trx, { tenantId, id: userId, at }, { password_argon2id: passwordArgon2id });
    await endSessions(trx, { tenantId, userId, at, because: 'password_changed' });
    const { username } = await getUser(trx, tenantId, userId);
    const subject = { kind: 'user', id: userId, name: username } as const;
    const by = { tenantId, at, actor: subject, address, requestId } as const;
    await recordUnasked(trx, by, { action: 'user.password_changed', subject, before: null, after: null });
    return { tenantId, userId, username, passwordArgon2id };
  });
  const opened = await openSession(db, { tokens, user, origin });
  if (!opened) throw refusals.inviteInvalid();
  return opened;
}

type Change = { readonly current_password: string; readonly password: string };

/**
 * Gives the person who asks another password, in the caller's transaction; all their log-ins end but the one that asks. Throws
 * log_in_required to a key, and what a log-in throws where the password so far is wrong.
 */
export async function changePassword(trx: Db, asking: Asking, change: Change, logIn: LogIn): Promise<User> {
  const { caller, address, at } = asking;
  const { tenantId, keyId, sessionId, userId } = caller;
  if (keyId !== null || userId === null) throw refusals.logInRequired();
  // Held first, so that of two changes at once, or of one and an invitation, the second finds what the first has left.
  await lockUser(trx, tenantId, userId);
  const against = await findPasswordHash(trx, { tenantId, id: userId });
  if (against === null) throw refusals.logInRequired();
  await logIn.requirePassword({ account: userId, password: change.current_password, against }, { address });
  const hash = await hashPassword(normalized(change.password));
  await updateUser(trx, { tenantId, id: userId, at }, { password_argon2id: hash });
  await endSessions(trx, { tenantId, userId, at, because: 'password_changed', exceptId: sessionId });
  const user = await getUser(trx, tenantId, userId);
  const subject = { kind: 'user', id: userId, name: user.username } as const;
  await recordAccess(trx, asking, { action: 'user.password_changed', subject, before: null, after: null });
  return user;
}
