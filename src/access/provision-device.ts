import type { Db } from '../platform/database.ts';
import { requireMatch } from '../platform/etag.ts';
import { newId } from '../platform/id.ts';
import { parseInstant } from '../platform/instant.ts';
import { refusals } from '../platform/refusals.ts';
import { type Area, hashSecret } from './api-key.ts';
import { recordUnasked } from './audit/record-access.ts';
import { grantsOf, requireHome, siteOf } from './device-home.ts';
import {
  type DeviceToken,
  type DeviceTokenCreation,
  lifeMsDefault,
  lifeMsMax,
  newToken,
  type ProvisionedDevice,
  type Provisioning,
} from './device-token.ts';
import {
  findDeviceToken,
  findTokenState,
  insertDeviceToken,
  lockDeviceToken,
  lockUnusedDevice,
  revokeDeviceToken,
  useDeviceToken,
} from './device-token-store.ts';
import { hashPassword, newPassword } from './password.ts';
import { getDevice, newUsername } from './register-device.ts';
import { AssetName } from './registered-device.ts';
import { insertRegisteredDevice, updateRegisteredDevice } from './registered-device-store.ts';
import { findSiteById } from './site-store.ts';

/** Makes a token, which is in the answer this once. Throws validation_failed and site_forbidden. */
export async function createDeviceToken(
  trx: Db,
  body: DeviceTokenCreation,
  { area, at }: { area: Area; at: Date },
): Promise<DeviceToken & { token: string }> {
  const site = await siteOf(trx, area, body.site);
  const { name, asset_name = null, protocol = 'mqtt', publish_grants = [], subscribe_grants = [], max_uses = 1 } = body;
  // What is wrong with the grants of every device that comes is said now, to the one who can mend it.
  grantsOf(area, { body, site, username: 'username', asset_name: asset_name && 'asset', external_id: 'external' });
  const token = newToken();
  const row = {
    id: newId(),
    tenant_id: area.caller.tenantId,
    name,
    prefix: token.slice(0, 8),
    token_sha256: hashSecret(token),
    site_id: site?.id ?? null,
    asset_name,
    protocol,
    publish_grants,
    subscribe_grants,
    uses_max: max_uses,
    expires_at: expiryOf(body.expires_at, area, at),
  };
  await insertDeviceToken(trx, row, at);
  return { ...(await getDeviceToken(trx, { area, id: row.id, at })), token };
}

type Which = { readonly area: Area; readonly id: string; readonly at: Date };

/** A token that the caller may see. Throws device_token_not_found and site_forbidden. */
export async function getDeviceToken(db: Db, { area, id, at }: Which): Promise<DeviceToken> {
  const found = await findDeviceToken(db, { caller: area.caller, at }, id);
  if (!found) throw refusals.deviceTokenNotFound(id);
  requireHome(area, found.siteId);
  return found.token;
}

/**
 * Makes a token useless, and gives it as it was; the devices that came with it stay. Throws what getDeviceToken throws, and
 * precondition_failed.
 */
export async function endDeviceToken(
  trx: Db,
  { ifMatch, ...which }: Which & { readonly ifMatch: string | undefined },
): Promise<DeviceToken> {
  const { area, id, at } = which;
  const { tenantId } = area.caller;
  await lockDeviceToken(trx, tenantId, id);
  const before = await getDeviceToken(trx, which);
  requireMatch(ifMatch, before.updated_at);
  if (before.revoked_at === null) await revokeDeviceToken(trx, { tenantId, id, at });
  return before;
}

type Exchange = {
  readonly idempotencyKey: string | undefined;
  readonly mqttUrls: readonly string[];
  /** Where the device is, and which request of its this is. */
  readonly address: string;
  readonly requestId: string;
  readonly at: Date;
};

/** For so long a device that never got its answer may ask again. */
const retryMs = 10 * 60_000;

/**
 * Exchanges a token for credentials, in the caller's transaction: token used and device made, or neither. A retry with
 * the same Idempotency-Key, within ten minutes and before the device has ever connected, gets the same device with
 * another password. Throws device_token_invalid, _expired, _revoked and _used, device_conflict and validation_failed.
 */
export async function provisionDevice(
  trx: Db,
  body: Provisioning,
  { idempotencyKey, mqttUrls, address, requestId, at }: Exchange,
): Promise<{ device: ProvisionedDevice; isRetry: boolean }> {
  const tokenSha256 = hashSecret(body.token);
  const keySha256 = idempotencyKey === undefined ? null : hashSecret(idempotencyKey);
  const findRetried = async () => {
    if (!keySha256) return undefined;
    const retry = { tokenSha256, keySha256, externalId: body.external_id, since: new Date(at.getTime() - retryMs) };
    return lockUnusedDevice(trx, retry);
  };
  const password = newPassword();
  const passwordArgon2id = async () => ({ password_argon2id: await hashPassword(password) });
  let retried = await findRetried();
  const token = retried ? undefined : await useDeviceToken(trx, tokenSha256, at);
  if (!token) {
    // Somebody else may have had the token's row, with this very request sent twice.
    retried ??= await findRetried();
    if (!retried) throw refusalOf(await findTokenState(trx, tokenSha256, at));
    const { id, tenant_id: tenantId } = retried;
    await updateRegisteredDevice(trx, { tenantId, id, at }, await passwordArgon2id());
    return { device: await credentialsOf(trx, { tenantId, id, password, mqttUrls }), isRetry: true };
  }
  const { external_id, name = external_id } = body;
  const username = newUsername(external_id);
  const site = await findSiteById(trx, token.site_id);
  const asset_name = nameAsset(token.asset_name, external_id);
  const area = { caller: callerOf(token.tenant_id), site: null };
  const device = {
    id: newId(),
    tenant_id: token.tenant_id,
    name,
    username,
    ...(await passwordArgon2id()),
    certificate_cn: null,
    ...grantsOf(area, { body: token, site, username, asset_name, external_id }),
    site_id: token.site_id,
    asset_name,
    protocol: token.protocol,
    external_id,
    metadata: '{}',
    token_id: token.id,
    provision_key_sha256: keySha256,
  };
  await insertRegisteredDevice(trx, device, at);
  const { tenant_id: tenantId } = token;
  const by = {
    tenantId,
    at,
    actor: { kind: 'device_token', id: token.id, name: token.name },
    address,
    requestId,
  } as const;
  const subject = { kind: 'device', id: device.id, name: username } as const;
  await recordUnasked(trx, by, { action: 'device_token.used', subject, before: null, after: { name, external_id } });
  return { device: await credentialsOf(trx, { tenantId, id: device.id, password, mqttUrls }), isRetry: false };
}

function expiryOf(text: string | undefined, { caller }: Area, at: Date): Date {
  if (text === undefined) return new Date(at.getTime() + lifeMsDefault);
  const expiry = parseInstant(text, caller.timeZone);
  if (!expiry) throw refusals.invalidBody('/expires_at', 'invalid', 'must be an instant such as 2026-03-17T17:00:00Z');
  const lifeMs = expiry.getTime() - at.getTime();
  if (lifeMs <= 0) throw refusals.invalidBody('/expires_at', 'invalid', 'must be later than now');
  if (lifeMs > lifeMsMax) throw refusals.invalidBody('/expires_at', 'invalid', 'must be within a year from now');
  return expiry;
}

/** A token's asset with the device's own id in its place; throws validation_failed for an id that makes no name of it. */
function nameAsset(template: string | null, externalId: string): string | null {
  if (template === null) return null;
  const named = AssetName.safeParse(template.replace('{external_id}', () => externalId));
  if (named.success) return named.data;
  const message = 'names the asset here, so it has none of + # / and leaves a name of at most 128 characters';
  throw refusals.invalidBody('/external_id', 'invalid', message);
}

function refusalOf(state: string | undefined) {
  if (state === 'used') return refusals.deviceTokenUsed();
  if (state === 'expired') return refusals.deviceTokenExpired();
  if (state === 'revoked') return refusals.deviceTokenRevoked();
  return refusals.deviceTokenInvalid();
}

/** The token was made by one who might grant what it grants. */
function callerOf(tenantId: string): Area['caller'] {
  const nobody = { keyId: null, sessionId: null, userId: null, role: null };
  return { tenantId, timeZone: 'UTC', livemode: true, ...nobody, scopes: [], siteIds: null, rateLimitPerMinute: null };
}

type Known = {
  readonly tenantId: string;
  readonly id: string;
  readonly password: string;
  readonly mqttUrls: readonly string[];
};

async function credentialsOf(trx: Db, { tenantId, id, password, mqttUrls }: Known): Promise<ProvisionedDevice> {
  const device = await getDevice(trx, { caller: callerOf(tenantId), site: null }, id);
  const { name, username, site, publish_grants, subscribe_grants } = device;
  return { device_id: id, name, username, password, site, publish_grants, subscribe_grants, mqtt_urls: [...mqttUrls] };
}
