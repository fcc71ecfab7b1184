import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { formatInstant } from '../../platform/instant.ts';
import { refusals } from '../../platform/refusals.ts';
import { hashSecret } from '../api-key.ts';
import { recordUnasked } from '../audit/record-access.ts';
import { findUser } from '../people/user-store.ts';
import { type AccessTokens, accessTokenLifeS } from './access-token.ts';
import type { Origin } from './log-in.ts';
import { newRefreshToken, refreshLifeMs, type Tokens } from './session.ts';
import {
  type Candidate,
  endSessions,
  insertRefreshToken,
  insertSession,
  lockRefreshToken,
  useRefreshToken,
} from './session-store.ts';

type Opening = { readonly tokens: AccessTokens; readonly user: Omit<Candidate, 'active'>; readonly origin: Origin };

const userAgentLengthMax = 300;

/**
 * Opens a log-in for somebody whose password was right, and gives them their first tokens; undefined where they are not active any
 * more, or have another password by now.
 */
export async function openSession(db: Db, { tokens, user, origin }: Opening): Promise<Tokens | undefined> {
  const { tenantId, userId, username, passwordArgon2id } = user;
  const { address, at, requestId } = origin;
  const id = newId();
  const userAgent = origin.userAgent.slice(0, userAgentLengthMax);
  const expiresAt = new Date(at.getTime() + refreshLifeMs);
  const refreshToken = newRefreshToken();
  const isOpen = await db.transaction().execute(async (trx) => {
    const session = { id, tenantId, userId, address, userAgent, at, expiresAt, passwordArgon2id };
    if (!(await insertSession(trx, session))) return false;
    await insertRefreshToken(trx, { tenantId, sessionId: id, tokenSha256: hashSecret(refreshToken), at, expiresAt });
    const subject = { kind: 'user', id: userId, name: username } as const;
    const by = { tenantId, at, actor: { kind: 'user', id: userId, name: username }, address, requestId } as const;
    await recordUnasked(trx, by, { action: 'session.opened', subject, before: null, after: { user_agent: userAgent } });
    return true;
  });
  return isOpen
    ? tokensOf(db, { tokens, at }, { tenantId, userId, sessionId: id, refreshToken, expiresAt })
    : undefined;
}

/** For so long the answer of a refresh may be asked for again, by who has the Idempotency-Key. */
const retryMs = 60_000;

type Refreshing = {
  readonly tokens: AccessTokens;
  readonly idempotencyKey: string | undefined;
  readonly origin: Origin;
};

/**
 * Exchanges a refresh token for the next pair, once. One that was used ends its log-in, since two have it; but the same
 * Idempotency-Key within a minute is one whose answer was lost: the pair that it did not get is of no use, and it gets another.
 * Throws refresh_token_invalid, refresh_token_reused and session_ended.
 */
export async function refreshSession(
  db: Db,
  token: string,
  { tokens, idempotencyKey, origin }: Refreshing,
): Promise<{ tokens: Tokens; isRetry: boolean }> {
  const { at, address, requestId } = origin;
  const withSha256 = idempotencyKey === undefined ? null : hashSecret(idempotencyKey);
  const refreshToken = newRefreshToken();
  const expiresAt = new Date(at.getTime() + refreshLifeMs);
  const outcome = await db.transaction().execute(async (trx) => {
    const known = await lockRefreshToken(trx, hashSecret(token), at);
    if (!known) return { kind: 'unknown' } as const;
    if (!known.isOpen) return { kind: 'ended' } as const;
    const { tenantId, userId, id: sessionId, username, usedAt, usedWithSha256 } = known;
    const isRetry =
      usedAt !== null &&
      withSha256 !== null &&
      usedWithSha256?.equals(withSha256) === true &&
      at.getTime() - usedAt.getTime() < retryMs;
    if (usedAt !== null && !isRetry) {
      await endSessions(trx, { tenantId, userId, sessionId, at, because: 'token_reused' });
      const by = { tenantId, at, actor: { kind: 'anonymous', id: null, name: '' }, address, requestId } as const;
      const subject = { kind: 'user', id: userId, name: username } as const;
      await recordUnasked(trx, by, { action: 'session.token_reused', subject, before: null, after: null });
      return { kind: 'reused' } as const;
    }
    await useRefreshToken(trx, { tenantId, sessionId, at, withSha256 });
    await insertRefreshToken(trx, { tenantId, sessionId, tokenSha256: hashSecret(refreshToken), at, expiresAt });
    return { kind: 'next', isRetry, holder: { tenantId, userId, sessionId } } as const;
  });
  switch (outcome.kind) {
    case 'unknown':
      throw refusals.refreshTokenInvalid();
    case 'ended':
      throw refusals.sessionEnded();
    case 'reused':
      throw refusals.refreshTokenReused();
    case 'next': {
      const given = await tokensOf(db, { tokens, at }, { ...outcome.holder, refreshToken, expiresAt });
      return { tokens: given, isRetry: outcome.isRetry };
    }
  }
}

/** Ends the log-in that a refresh token is of, used or not. False where there is none, or none any more. */
export async function endSession(db: Db, token: string, { at, address, requestId }: Origin): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const known = await lockRefreshToken(trx, hashSecret(token), at);
    if (!known?.isOpen) return false;
    const { tenantId, userId, id: sessionId, username } = known;
    await endSessions(trx, { tenantId, userId, sessionId, at, because: 'logged_out' });
    const subject = { kind: 'user', id: userId, name: username } as const;
    const by = { tenantId, at, actor: subject, address, requestId } as const;
    await recordUnasked(trx, by, { action: 'session.ended', subject, before: null, after: null });
    return true;
  });
}

type Issuing = { readonly tokens: AccessTokens; readonly at: Date };
type Opened = {
  readonly tenantId: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly refreshToken: string;
  readonly expiresAt: Date;
};

async function tokensOf(db: Db, { tokens, at }: Issuing, opened: Opened): Promise<Tokens> {
  const { tenantId, userId, sessionId, refreshToken, expiresAt } = opened;
  const user = await findUser(db, tenantId, userId);
  if (!user) throw refusals.sessionEnded();
  const holder = { userId, tenantId, sessionId, role: user.role, siteIds: user.site_ids };
  return {
    access_token: await tokens.issue(holder, at),
    token_type: 'Bearer',
    expires_in: accessTokenLifeS,
    refresh_token: refreshToken,
    refresh_expires_at: formatInstant(expiresAt),
    user,
  };
}
