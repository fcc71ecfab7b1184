import type { Db } from '../../platform/database.ts';
import { refusals } from '../../platform/refusals.ts';
import { type Caller, hashSecret } from '../api-key.ts';
import type { DisabledReason } from './issued-key.ts';
import { findKeyBySecret, touchKey } from './key-state-store.ts';

/** When a request came, and from which address. */
export type Arrival = { readonly at: Date; readonly address: string | null };

/**
 * The caller behind the secret of an API key. Throws api_key_invalid, api_key_expired, api_key_revoked (401),
 * api_key_disabled_by_plan or api_key_owner_inactive (403). All of them are read at every request, so that each holds from the next
 * request on.
 */
export async function authenticateKey(db: Db, secret: string, { at, address }: Arrival): Promise<Caller> {
  const key = await findKeyBySecret(db, hashSecret(secret), at);
  if (!key) throw refusals.apiKeyInvalid();
  if (key.disabled_reason !== null) throw refusalOf(key.disabled_reason);
  await touchKey(db, key, { at, address });
  return {
    tenantId: key.tenant_id,
    timeZone: key.time_zone,
    livemode: key.livemode,
    keyId: key.id,
    sessionId: null,
    userId: key.created_by,
    role: null,
    scopes: key.scopes,
    siteIds: key.site_ids,
    rateLimitPerMinute: key.rate_limit_per_minute,
  };
}

function refusalOf(reason: DisabledReason) {
  switch (reason) {
    case 'revoked':
      return refusals.apiKeyRevoked();
    case 'expired':
      return refusals.apiKeyExpired();
    case 'plan':
      return refusals.apiKeyDisabledByPlan();
    case 'owner_inactive':
      return refusals.apiKeyOwnerInactive();
  }
}
