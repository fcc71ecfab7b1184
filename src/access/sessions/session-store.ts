import { type NotNull, sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { Role, scopesOf } from '../role.ts';

/** Somebody who may be the one who logs in, with what their password must match. */
export type Candidate = {
  readonly userId: string;
  readonly tenantId: string;
  readonly username: string;
  readonly active: boolean;
  readonly passwordArgon2id: string;
};

type Named = {
  readonly username?: string | undefined;
  readonly email?: string | undefined;
  readonly tenant?: string | undefined;
};

/** So many tenants are tried whose people have one name; of others the tenant has to be named. */
export const candidatesMax = 3;

/**
 * Those who have a user name or an e-mail address and a password, of a tenant that is named or of all, those who were there first;
 * and how many there could be, whoever is asked for.
 */
export async function findCandidates(
  db: Db,
  { username, email, tenant }: Named,
): Promise<{ readonly candidates: readonly Candidate[]; readonly possible: number }> {
  let users = db
    .selectFrom('app_user')
    .innerJoin('tenant', 'tenant.id', 'app_user.tenant_id')
    .select(['app_user.id', 'tenant_id', 'username', 'active', 'password_argon2id'])
    .where('password_argon2id', 'is not', null)
    .$narrowType<{ password_argon2id: NotNull }>()
    .where('deleted_at', 'is', null);
  users =
    username === undefined
      ? users.where(sql<boolean>`lower(email) = ${(email ?? '').toLowerCase()}`)
      : users.where(sql<boolean>`lower(username) = ${username.toLowerCase()}`);
  if (tenant !== undefined)
    users = users.where(sql<boolean>`(tenant.id::text = ${tenant.toLowerCase()} or tenant.name = ${tenant})`);
  const rows = await users
    .orderBy('tenant.livemode', 'desc')
    .orderBy('app_user.created_at')
    .orderBy('app_user.id')
    .limit(candidatesMax)
    .execute();
  const candidates = rows.map((row) => ({
    userId: row.id,
    tenantId: row.tenant_id,
    username: row.username,
    active: row.active,
    passwordArgon2id: row.password_argon2id,
  }));
  const tenants = db.selectFrom('tenant').select('id').limit(candidatesMax);
  return { candidates, possible: tenant === undefined ? (await tenants.execute()).length : 1 };
}

type NewSession = {
  readonly id: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly address: string;
  readonly userAgent: string;
  readonly at: Date;
  readonly expiresAt: Date;
  /** The hash that the password was checked against: a person who was changed meanwhile does not get in. */
  readonly passwordArgon2id: string;
};

/** Opens a log-in, and notes it with the person. False where the person is not active any more, or has another password. */
export async function insertSession(trx: Db, session: NewSession): Promise<boolean> {
  const { id, tenantId, userId, address, userAgent, at, expiresAt, passwordArgon2id } = session;
  const noted = await trx
    .updateTable('app_user')
    .set({ last_login_at: at })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', userId)
    .where('active', '=', true)
    .where('deleted_at', 'is', null)
    .where('password_argon2id', '=', passwordArgon2id)
    .returning('id')
    .executeTakeFirst();
  if (!noted) return false;
  await trx
    .insertInto('session')
    .values({
      id,
      tenant_id: tenantId,
      user_id: userId,
      address,
      user_agent: userAgent,
      created_at: at,
      expires_at: expiresAt,
    })
    .execute();
  return true;
}

/** A log-in, the person whose it is and the tenant, as they are now. */
export type SessionRow = {
  readonly id: string;
  readonly tenantId: string;
  readonly userId: string;
  readonly username: string;
  readonly role: Role;
  readonly siteIds: readonly string[] | null;
  readonly timeZone: string;
  readonly livemode: boolean;
  /** It has not ended, its time is not over, and its person is active. */
  readonly isOpen: boolean;
};

function sessionsOf(db: Db, at: Date) {
  return db
    .selectFrom('session')
    .innerJoin('app_user', 'app_user.id', 'session.user_id')
    .innerJoin('tenant', 'tenant.id', 'session.tenant_id')
    .select(['session.id', 'session.tenant_id', 'session.user_id', 'username', 'role', 'site_ids'])
    .select(['tenant.time_zone', 'tenant.livemode'])
    .select(
      sql<boolean>`ended_at is null and expires_at > ${at} and app_user.active and app_user.deleted_at is null`.as(
        'is_open',
      ),
    );
}

type Selected = Awaited<ReturnType<ReturnType<typeof sessionsOf>['executeTakeFirstOrThrow']>>;

/** The log-in of an access token. */
export async function findSession(db: Db, id: string, at: Date): Promise<SessionRow | undefined> {
  const row = await sessionsOf(db, at).where('session.id', '=', id).executeTakeFirst();
  return row && toSession(row);
}

/** Those of some log-ins that let their person in at present, each with what that person may do. */
export async function listOpenSessions(
  trx: Db,
  ids: readonly string[],
): Promise<{ id: string; scopes: readonly string[]; siteIds: readonly string[] | null }[]> {
  const rows = await sessionsOf(trx, new Date()).where('session.id', 'in', ids).execute();
  return rows
    .map(toSession)
    .filter(({ isOpen }) => isOpen)
    .map(({ id, role, siteIds }) => ({ id, scopes: scopesOf(role), siteIds }));
}

/** A refresh token and its log-in, which nobody else changes until the transaction ends. */
export type TokenRow = SessionRow & { readonly usedAt: Date | null; readonly usedWithSha256: Buffer | null };

/** Finds a refresh token, used or not, and holds it and its log-in. */
export async function lockRefreshToken(trx: Db, tokenSha256: Buffer, at: Date): Promise<TokenRow | undefined> {
  const row = await sessionsOf(trx, at)
    .innerJoin('refresh_token', 'refresh_token.session_id', 'session.id')
    .select(['refresh_token.used_at', 'refresh_token.used_with_sha256'])
    .where('token_sha256', '=', tokenSha256)
    .forUpdate(['session', 'refresh_token'])
    .executeTakeFirst();
  return row && { ...toSession(row), usedAt: row.used_at, usedWithSha256: row.used_with_sha256 };
}

type Token = {
  readonly tenantId: string;
  readonly sessionId: string;
  readonly tokenSha256: Buffer;
  readonly at: Date;
  readonly expiresAt: Date;
};

/** Gives a log-in its next refresh token, the only one that may be used, and moves its end on. */
export async function insertRefreshToken(trx: Db, token: Token): Promise<void> {
  const { tenantId, sessionId, tokenSha256, at, expiresAt } = token;
  await trx
    .insertInto('refresh_token')
    .values({ token_sha256: tokenSha256, tenant_id: tenantId, session_id: sessionId, created_at: at })
    .execute();
  await trx
    .updateTable('session')
    .set({ expires_at: expiresAt })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', sessionId)
    .execute();
}

type Use = {
  readonly tenantId: string;
  readonly sessionId: string;
  readonly at: Date;
  /** Of the Idempotency-Key with which it was sent. */
  readonly withSha256: Buffer | null;
};

/** Uses up the refresh token of a log-in that has not been used. */
export async function useRefreshToken(trx: Db, { tenantId, sessionId, at, withSha256 }: Use): Promise<void> {
  await trx
    .updateTable('refresh_token')
    .set({ used_at: at, used_with_sha256: withSha256 })
    .where('tenant_id', '=', tenantId)
    .where('session_id', '=', sessionId)
    .where('used_at', 'is', null)
    .execute();
}

export type EndReason = 'logged_out' | 'token_reused' | 'password_changed' | 'deactivated';

type Ending = {
  readonly tenantId: string;
  readonly userId: string;
  readonly at: Date;
  readonly because: EndReason;
  /** One log-in alone, or all but one; absent: all of the person's. */
  readonly sessionId?: string;
  readonly exceptId?: string | null;
};

/** Ends log-ins of a person; returns how many of them had not ended. */
export async function endSessions(trx: Db, ending: Ending): Promise<number> {
  const { tenantId, userId, at, because, sessionId, exceptId } = ending;
  let sessions = trx
    .updateTable('session')
    .set({ ended_at: at, ended_because: because })
    .where('tenant_id', '=', tenantId)
    .where('user_id', '=', userId)
    .where('ended_at', 'is', null);
  if (sessionId !== undefined) sessions = sessions.where('id', '=', sessionId);
  if (exceptId) sessions = sessions.where('id', '!=', exceptId);
  const ended = await sessions.returning('id').execute();
  return ended.length;
}

/** Forgets log-ins whose time was over a day ago, with their tokens. */
export async function deleteOldSessions(db: Db): Promise<void> {
  await sql`delete from session where expires_at < now() - interval '1 day'`.execute(db);
}

function toSession(row: Selected): SessionRow {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    userId: row.user_id,
    username: row.username,
    role: Role.parse(row.role),
    siteIds: row.site_ids,
    timeZone: row.time_zone,
    livemode: row.livemode,
    isOpen: row.is_open,
  };
}
