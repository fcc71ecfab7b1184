import type { Db } from '../../platform/database.ts';
import { requireMatch } from '../../platform/etag.ts';
import { newId } from '../../platform/id.ts';
import { refusals } from '../../platform/refusals.ts';
import { type Caller, newSecret } from '../api-key.ts';
import type { AuditAction } from '../audit/audit-entry.ts';
import { type Asking, recordAccess } from '../audit/record-access.ts';
import { requireGrantable } from '../grantable.ts';
import {
  type ApiKeyColumns,
  endApiKey,
  findApiKey,
  findOwnExpiry,
  insertApiKey,
  lockApiKey,
  updateApiKey,
  updateSecret,
} from './api-key-store.ts';
import { givableExpiry, givableRateLimit, givableSites, requireNoMore } from './givable.ts';
import type { ApiKey, ApiKeyChange, ApiKeyCreation, ApiKeyRotation, ApiKeyWithSecret } from './issued-key.ts';
import { ensureCopy, ensureTestTenant, getPlan } from './test-tenant-store.ts';

/**
 * Makes a key, of the caller's tenant or of its test tenant, that may do nothing which the caller may not do itself; the secret is in
 * the answer this once. Run it in a transaction. Throws api_key_disabled_by_plan on the plan Free, grant_exceeds_caller,
 * site_forbidden and validation_failed.
 */
export async function makeApiKey(trx: Db, body: ApiKeyCreation, asking: Asking): Promise<ApiKeyWithSecret> {
  const { caller, at } = asking;
  await requirePlan(trx, caller.tenantId);
  const { livemode = caller.livemode } = body;
  const home = await homeOf(trx, caller, livemode);
  const site_ids = await givableSites(trx, { caller, tenantId: home.tenantId }, body.site_ids);
  requireGrantable(caller, { scopes: body.scopes, siteIds: home.isOther ? null : site_ids });
  const ownExpiry = await findOwnExpiry(trx, caller);
  const [id, secret] = [newId(), newSecret(livemode)];
  const key = {
    id,
    tenant_id: home.tenantId,
    created_by: home.userId,
    name: body.name,
    scopes: [...new Set(body.scopes)],
    site_ids,
    rate_limit_per_minute: givableRateLimit(caller, body.rate_limit_per_minute),
    expires_at: givableExpiry(body.expires_at, { caller, at, ownExpiry }),
    external_id: body.external_id ?? null,
    metadata: JSON.stringify(body.metadata ?? {}),
  };
  await insertApiKey(trx, key, { secret, at });
  const made = await getKey(trx, asking, id);
  await record(trx, asking, { action: 'api_key.created', before: null, after: made });
  return { ...made, secret };
}

type Which = { readonly asking: Asking; readonly id: string; readonly ifMatch: string | undefined };

/**
 * Changes what the body gives of a key. Neither what the key may do so far nor what it may do then exceeds the caller. Throws
 * api_key_not_found, api_key_ended, precondition_failed and what makeApiKey throws.
 */
export async function changeApiKey(trx: Db, body: ApiKeyChange, { asking, id, ifMatch }: Which): Promise<ApiKey> {
  const { key: before, tenantId } = await holdOwn(trx, { asking, id, ifMatch });
  const { caller, at } = asking;
  const isOther = tenantId !== caller.tenantId;
  const given = body.site_ids === undefined ? undefined : await givableSites(trx, { caller, tenantId }, body.site_ids);
  const siteIds = given === undefined ? before.site_ids : given;
  requireGrantable(caller, { scopes: body.scopes ?? [], siteIds: isOther ? null : siteIds });
  const { name, rate_limit_per_minute, expires_at, external_id, metadata } = body;
  const ownExpiry = expires_at === undefined ? null : await findOwnExpiry(trx, caller);
  const columns = {
    ...(name !== undefined && { name }),
    ...(body.scopes !== undefined && { scopes: [...new Set(body.scopes)] }),
    ...(given !== undefined && { site_ids: given }),
    ...(rate_limit_per_minute !== undefined && {
      rate_limit_per_minute: givableRateLimit(caller, rate_limit_per_minute),
    }),
    ...(expires_at !== undefined && { expires_at: givableExpiry(expires_at, { caller, at, ownExpiry }) }),
    ...(external_id !== undefined && { external_id }),
    ...(metadata !== undefined && { metadata: JSON.stringify(metadata) }),
  } satisfies Partial<ApiKeyColumns>;
  if (Object.keys(columns).length > 0) await updateApiKey(trx, { tenantId, id, at }, columns);
  const after = await getKey(trx, asking, id);
  await record(trx, asking, { action: 'api_key.changed', before, after });
  return after;
}

const minuteMs = 60_000;

/**
 * Gives a key another secret, which is in the answer this once; the one so far ends, at once or after an overlap. Whoever has the
 * secret may do what the key may, so that must not exceed the caller. Throws what makeApiKey and changeApiKey throw.
 */
export async function rotateApiKey(
  trx: Db,
  body: ApiKeyRotation,
  { asking, id }: Omit<Which, 'ifMatch'>,
): Promise<ApiKeyWithSecret> {
  const { caller, at } = asking;
  await requirePlan(trx, caller.tenantId);
  const { key: before, tenantId } = await holdOwn(trx, { asking, id, ifMatch: undefined });
  requireNoMore(before, caller, await findOwnExpiry(trx, caller));
  const { overlap_minutes: minutes = 0 } = body ?? {};
  const secret = newSecret(before.livemode);
  const previousUntil = minutes === 0 ? null : new Date(at.getTime() + minutes * minuteMs);
  await updateSecret(trx, { tenantId, id, at }, { secret, previousUntil });
  const after = await getKey(trx, asking, id);
  await record(trx, asking, { action: 'api_key.rotated', before, after });
  return { ...after, secret };
}

/** Ends a key, for good: also one that may do more than the caller. Throws api_key_not_found, site_forbidden, precondition_failed. */
export async function revokeApiKey(trx: Db, { asking, id, ifMatch }: Which): Promise<void> {
  const { key: before, tenantId } = await hold(trx, { asking, id, ifMatch });
  if (before.revoked_at !== null) return;
  await endApiKey(trx, { tenantId, id, at: asking.at });
  await record(trx, asking, { action: 'api_key.revoked', before, after: await getKey(trx, asking, id) });
}

/** A key that the caller may see. Throws api_key_not_found, and site_forbidden for one that reaches beyond the caller's sites. */
export async function getApiKey(db: Db, asking: { caller: Caller; at: Date }, id: string): Promise<ApiKey> {
  const found = await findApiKey(db, asking, id);
  if (!found) throw refusals.apiKeyNotFound(id);
  requireSites(asking.caller, found.key);
  return found.key;
}

async function getKey(trx: Db, asking: Asking, id: string): Promise<ApiKey> {
  const found = await findApiKey(trx, asking, id);
  if (!found) throw new Error('a key that was written cannot be found in its own transaction');
  return found.key;
}

async function hold(trx: Db, { asking, id, ifMatch }: Which) {
  const found = await lockApiKey(trx, asking, id);
  if (!found) throw refusals.apiKeyNotFound(id);
  requireSites(asking.caller, found.key);
  requireMatch(ifMatch, found.key.updated_at);
  return found;
}

/** A key that is not ended and may do nothing which the caller may not. */
async function holdOwn(trx: Db, which: Which) {
  const { caller } = which.asking;
  const found = await hold(trx, which);
  if (found.key.revoked_at !== null) throw refusals.apiKeyEnded(which.id);
  const siteIds = found.tenantId === caller.tenantId ? found.key.site_ids : null;
  requireGrantable(caller, { scopes: found.key.scopes, siteIds });
  return found;
}

function requireSites({ siteIds }: Caller, key: ApiKey): void {
  if (siteIds === null) return;
  if (!key.site_ids?.every((id) => siteIds.includes(id))) throw refusals.siteForbidden();
}

/** Keys are made while the plan has them (R2); what is made already may be looked at, and ended, on any plan. */
async function requirePlan(trx: Db, tenantId: string): Promise<void> {
  if ((await getPlan(trx, tenantId)) === 'free') throw refusals.apiKeyDisabledByPlan();
}

/** The tenant that a new key is of, and in whose name it acts there. */
async function homeOf(trx: Db, caller: Caller, livemode: boolean) {
  const { tenantId, userId } = caller;
  if (livemode === caller.livemode) return { tenantId, userId, isOther: false };
  if (livemode) throw refusals.invalidBody('/livemode', 'conflict', 'a test tenant has test keys alone');
  if (caller.siteIds !== null) throw refusals.siteForbidden();
  const testTenantId = await ensureTestTenant(trx, tenantId);
  const copyId = await ensureCopy(trx, { from: tenantId, to: testTenantId }, userId);
  return { tenantId: testTenantId, userId: copyId, isOther: true };
}

type Recorded = { readonly action: AuditAction; readonly before: ApiKey | null; readonly after: ApiKey | null };

async function record(trx: Db, asking: Asking, { action, before, after }: Recorded): Promise<void> {
  const { id = '', name = '' } = after ?? before ?? {};
  const subject = { kind: 'api_key', id, name } as const;
  await recordAccess(trx, asking, {
    action,
    subject,
    before: before && stateOf(before),
    after: after && stateOf(after),
  });
}

/** What of a key is a matter of access; uses of it are none. */
function stateOf({
  last_used_at: _at,
  last_used_ip: _ip,
  updated_at: _updated,
  disabled_reason: _why,
  ...state
}: ApiKey) {
  return state;
}
