import type { Db } from '../platform/database.ts';
import { refusals } from '../platform/refusals.ts';
import type { Caller } from './api-key.ts';
import { authenticateKey } from './api-keys/authenticate-key.ts';
import { scopesOf } from './role.ts';
import { type AccessTokens, isTokenForm } from './sessions/access-token.ts';
import { findSession } from './sessions/session-store.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the API shell before any handler of a protected route runs. */
    area: import('./api-key.ts').Area;
  }
}

/** Whom callers are looked for among, when they came, and from which address. */
type Asked = {
  readonly db: Db;
  readonly tokens: AccessTokens;
  readonly at: Date;
  readonly address: string | null;
};

/** Requests a minute of one log-in. */
const personRateLimit = 120;

/**
 * The caller behind an `Authorization` header (RFC 6750, section 2.1): an API key, or a person with an access token. Throws
 * unauthenticated, what authenticateKey throws, access_token_invalid, access_token_expired and session_ended. What the caller may do
 * is read at every request, whatever a token says of it, so a change of it holds from the next request on.
 */
export async function authenticate(
  authorization: string | undefined,
  { db, tokens, at, address }: Asked,
): Promise<Caller> {
  const secret = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (secret === undefined) throw refusals.unauthenticated();
  if (!isTokenForm(secret)) return authenticateKey(db, secret, { at, address });
  const { sessionId, userId } = await tokens.verify(secret, at);
  const session = await findSession(db, sessionId, at);
  if (!session?.isOpen || session.userId !== userId) throw refusals.sessionEnded();
  return {
    tenantId: session.tenantId,
    timeZone: session.timeZone,
    livemode: session.livemode,
    keyId: null,
    sessionId,
    userId,
    role: session.role,
    scopes: scopesOf(session.role),
    siteIds: session.siteIds,
    rateLimitPerMinute: personRateLimit,
  };
}
