import type { Db } from '../platform/database.ts';
import { refusals } from '../platform/refusals.ts';
import { type Caller, hashSecret } from './api-key.ts';
import { findApiKey, touchApiKey } from './store.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Set by the API shell before any handler of a protected route runs. */
    area: import('./api-key.ts').Area;
  }
}

/**
 * The caller behind an `Authorization` header (RFC 6750, section 2.1). Throws unauthenticated, api_key_invalid,
 * api_key_expired, api_key_revoked (401) or api_key_disabled_by_plan (403). Plan, expiry and revocation are read at every
 * request, so each of them holds from the next request on.
 */
export async function authenticate(db: Db, authorization: string | undefined, at: Date): Promise<Caller> {
  const secret = /^Bearer +(\S+) *$/i.exec(authorization ?? '')?.[1];
  if (secret === undefined) throw refusals.unauthenticated();
  const key = await findApiKey(db, hashSecret(secret));
  if (!key) throw refusals.apiKeyInvalid();
  if (key.revoked_at !== null) throw refusals.apiKeyRevoked();
  if (key.expires_at !== null && key.expires_at <= at) throw refusals.apiKeyExpired();
  if (key.plan === 'free') throw refusals.apiKeyDisabledByPlan();
  await touchApiKey(db, key, at);
  return {
    keyId: key.id,
    tenantId: key.tenant_id,
    timeZone: key.time_zone,
    scopes: key.scopes,
    siteIds: key.site_ids,
    userId: key.created_by,
  };
}
