import type { Db } from '../../platform/database.ts';
import { requireMatch } from '../../platform/etag.ts';
import { newId } from '../../platform/id.ts';
import { refusals } from '../../platform/refusals.ts';
import { type Caller, hashSecret } from '../api-key.ts';
import { givableSites } from '../api-keys/givable.ts';
import { type AccessChange, type Asking, recordAccess } from '../audit/record-access.ts';
import { requireGrantable } from '../grantable.ts';
import { scopesOf } from '../role.ts';
import { endSessions } from '../sessions/session-store.ts';
import { inviteLifeMs, newInviteToken } from './invite.ts';
import { insertInvite, revokeInvites } from './invite-store.ts';
import type { InvitedUser, User, UserChange, UserCreation } from './user.ts';
import { countOtherAdmins, getUser, insertUser, lockUser, updateUser } from './user-store.ts';

/** Makes a person, in the caller's transaction. Throws validation_failed, grant_exceeds_caller and user_exists. */
export async function createUser(trx: Db, asking: Asking, body: UserCreation): Promise<User> {
  const { caller, at } = asking;
  const { tenantId } = caller;
  const { email, username = usernameOf(email), role = 'technician', site_ids: given, metadata = {}, ...plain } = body;
  const siteIds = await givableSites(trx, { caller, tenantId }, given);
  requireGrantable(caller, { scopes: scopesOf(role), siteIds });
  const id = newId();
  const row = { id, tenant_id: tenantId, email, username, role, site_ids: siteIds, metadata: JSON.stringify(metadata) };
  await insertUser(trx, { ...row, ...present(plain) }, at);
  const user = await getUser(trx, tenantId, id);
  await recordAccess(trx, asking, changeOf('user.created', null, user));
  return user;
}

/** Makes a person and an invitation for them. Throws what createUser throws. */
export async function createInvitedUser(trx: Db, asking: Asking, body: UserCreation): Promise<InvitedUser> {
  const { id } = await createUser(trx, asking, body);
  return inviteUser(trx, asking, id);
}

/**
 * Invites somebody, also one who has a password and has forgotten it; invitations that were given before are of no use any more.
 * Throws user_not_found, site_forbidden, grant_exceeds_caller and user_inactive.
 */
export async function inviteUser(trx: Db, asking: Asking, id: string): Promise<InvitedUser> {
  const { tenantId } = asking.caller;
  const user = await holdUser(trx, asking.caller, id);
  if (!user.active) throw refusals.userInactive(id);
  const token = newInviteToken();
  const expiresAt = new Date(asking.at.getTime() + inviteLifeMs);
  const invite = { id: newId(), tenantId, userId: user.id, tokenSha256: hashSecret(token), at: asking.at, expiresAt };
  await insertInvite(trx, invite);
  await updateUser(trx, { tenantId, id: user.id, at: asking.at }, {});
  await recordAccess(trx, asking, {
    ...changeOf('user.invited', null, user),
    after: { expires_at: expiresAt.toISOString() },
  });
  return { ...(await getUser(trx, tenantId, user.id)), invite: { token, expires_at: expiresAt.toISOString() } };
}

type Change = { readonly id: string; readonly body: UserChange; readonly ifMatch: string | undefined };

/**
 * Changes what the body gives of a person. Whoever is limited changes nobody who may do more. Throws user_not_found,
 * site_forbidden, precondition_failed, validation_failed, grant_exceeds_caller, user_exists and last_admin.
 */
export async function changeUser(trx: Db, asking: Asking, { id, body, ifMatch }: Change): Promise<User> {
  const { caller, at } = asking;
  const { tenantId } = caller;
  const before = await holdUser(trx, caller, id);
  requireMatch(ifMatch, before.updated_at);
  const { role, site_ids: given, metadata, ...plain } = body;
  const siteIds = given === undefined ? before.site_ids : await givableSites(trx, { caller, tenantId }, given);
  requireGrantable(caller, { scopes: scopesOf(role ?? before.role), siteIds });
  if ((role !== undefined && role !== 'admin') || siteIds !== null) await requireAnotherAdmin(trx, tenantId, before);
  const columns = {
    ...present(plain),
    ...(role !== undefined && { role }),
    ...(given !== undefined && { site_ids: siteIds }),
    ...(metadata !== undefined && { metadata: JSON.stringify(metadata) }),
  };
  if (Object.keys(columns).length > 0) await updateUser(trx, { tenantId, id: before.id, at }, columns);
  const after = await getUser(trx, tenantId, before.id);
  await recordAccess(trx, asking, changeOf('user.changed', before, after));
  return after;
}

type Switch = { readonly id: string; readonly active: boolean };

/**
 * Lets a person in again, or no longer: then their log-ins and invitations end at once. One who is as asked stays so. Throws
 * user_not_found, site_forbidden, grant_exceeds_caller and last_admin.
 */
export async function switchUser(trx: Db, asking: Asking, { id, active }: Switch): Promise<User> {
  const { caller, at } = asking;
  const { tenantId } = caller;
  const before = await holdUser(trx, caller, id);
  if (before.active === active) return before;
  if (!active) await shutOut(trx, asking, before);
  await updateUser(trx, { tenantId, id: before.id, at }, { active });
  const after = await getUser(trx, tenantId, before.id);
  await recordAccess(trx, asking, changeOf(active ? 'user.activated' : 'user.deactivated', before, after));
  return after;
}

/**
 * Takes a person out of every list, for good; what they did goes on naming them. Throws user_not_found, site_forbidden,
 * precondition_failed, grant_exceeds_caller and last_admin.
 */
export async function deleteUser(
  trx: Db,
  asking: Asking,
  { id, ifMatch }: { id: string; ifMatch: string | undefined },
): Promise<void> {
  const { caller, at } = asking;
  const before = await holdUser(trx, caller, id);
  requireMatch(ifMatch, before.updated_at);
  await shutOut(trx, asking, before);
  const gone = { active: false, password_argon2id: null, deleted_at: at };
  await updateUser(trx, { tenantId: caller.tenantId, id: before.id, at }, gone);
  await recordAccess(trx, asking, changeOf('user.deleted', before, null));
}

async function shutOut(trx: Db, { caller: { tenantId }, at }: Asking, user: User): Promise<void> {
  await requireAnotherAdmin(trx, tenantId, user);
  await endSessions(trx, { tenantId, userId: user.id, at, because: 'deactivated' });
  await revokeInvites(trx, { tenantId, userId: user.id, at });
}

/** A person whom the caller may change, held until the transaction ends. */
async function holdUser(trx: Db, caller: Caller, id: string): Promise<User> {
  const user = await lockUser(trx, caller.tenantId, id);
  if (!user) throw refusals.userNotFound(id);
  requireVisible(caller, user);
  requireGrantable(caller, { scopes: scopesOf(user.role), siteIds: user.site_ids });
  return user;
}

/** Throws site_forbidden where a person and the caller may reach no site that is the same. */
export function requireVisible({ siteIds: own }: Caller, { site_ids: siteIds }: Pick<User, 'site_ids'>): void {
  if (own === null || siteIds === null) return;
  if (!siteIds.some((id) => own.includes(id))) throw refusals.siteForbidden();
}

/** Throws last_admin where a person is the only one left who can give anybody access. */
async function requireAnotherAdmin(trx: Db, tenantId: string, user: User): Promise<void> {
  if (user.role !== 'admin' || !user.active || user.site_ids !== null) return;
  if ((await countOtherAdmins(trx, { tenantId, id: user.id })) === 0) throw refusals.lastAdmin();
}

/** A user name of what stands before the @, as far as user names may have it. */
function usernameOf(email: string): string {
  const [local = ''] = email.split('@');
  const name = local.replace(/[^\p{L}\p{N}._-]+/gu, '-').replace(/^[^\p{L}\p{N}]+/u, '');
  return name.slice(0, 64) || 'user';
}

type Action = 'user.created' | 'user.invited' | 'user.changed' | 'user.activated' | 'user.deactivated' | 'user.deleted';

/** What the audit log says of a change of a person. */
function changeOf(action: Action, before: User | null, after: User | null): AccessChange {
  const { id, username } = (after ?? before) as User;
  return {
    action,
    subject: { kind: 'user', id, name: username },
    before: before && told(before),
    after: after && told(after),
  };
}

function told({ username, email, name, role, active, log_in, site_ids, external_id, phone, locale, skills }: User) {
  return { username, email, name, role, active, log_in, site_ids, external_id, phone, locale, skills };
}

/** Those of some properties that are there: an absent one and one that is undefined are the same. */
function present<T extends object>(properties: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(properties).filter(([, value]) => value !== undefined)) as never;
}
