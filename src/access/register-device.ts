import { randomInt } from 'node:crypto';
import type { Db } from '../platform/database.ts';
import { requireMatch } from '../platform/etag.ts';
import { newId } from '../platform/id.ts';
import { refusals } from '../platform/refusals.ts';
import type { Area } from './api-key.ts';
import { grantsOf, requireHome, siteOf } from './device-home.ts';
import { grantsBeyond } from './grant-template.ts';
import { hashPassword, newPassword } from './password.ts';
import type { DeviceChange, DeviceCreation, RegisteredDevice } from './registered-device.ts';
import {
  type DeviceColumns,
  findRegisteredDevice,
  insertRegisteredDevice,
  lockDevice,
  revokeDevice,
  updateRegisteredDevice,
} from './registered-device-store.ts';
import { findSiteById } from './site-store.ts';

type WithPassword = RegisteredDevice & { readonly password: string | null };

/**
 * Registers a device, which may do what is granted here and nothing else; its password is in the answer this once. Throws
 * validation_failed, site_forbidden and device_conflict.
 */
export async function registerDevice(
  trx: Db,
  body: DeviceCreation,
  { area, at }: { area: Area; at: Date },
): Promise<WithPassword> {
  const site = await siteOf(trx, area, body.site);
  if (area.site && site?.id !== area.site.id)
    throw refusals.invalidBody('/site', 'conflict', `is not the site of the path, ${area.site.slug}`);
  const { name, username = newUsername(name), password = newPassword() } = body;
  const { certificate_cn = null, asset_name = null, external_id = null } = body;
  const grants = grantsOf(area, { body, site, username, asset_name, external_id });
  const id = newId();
  const device = {
    id,
    tenant_id: area.caller.tenantId,
    name,
    username,
    password_argon2id: password === null ? null : await hashPassword(password),
    certificate_cn,
    ...grants,
    site_id: site?.id ?? null,
    asset_name,
    protocol: body.protocol ?? 'mqtt',
    external_id,
    metadata: JSON.stringify(body.metadata ?? {}),
  };
  await insertRegisteredDevice(trx, device, at);
  return { ...(await getDevice(trx, area, id)), password };
}

type Which = { readonly area: Area; readonly id: string; readonly ifMatch: string | undefined; readonly at: Date };

type Changed = { readonly before: RegisteredDevice; readonly after: RegisteredDevice };

/** Changes what the body gives of a device. Throws device_not_found, precondition_failed and what registerDevice throws. */
export async function changeDevice(trx: Db, body: DeviceChange, which: Which): Promise<Changed> {
  const { area, id, at } = which;
  const held = await lockPresent(trx, which);
  const before = await getDevice(trx, area, id);
  const site =
    body.site === undefined ? await findSiteById(trx, held.site_id) : await siteOf(trx, area, body.site ?? null);
  const { asset_name = held.asset_name, external_id = held.external_id } = body;
  const publish = body.publish_grants ?? held.publish_grants;
  const subscribe = body.subscribe_grants ?? held.subscribe_grants;
  const given = { ...body, publish_grants: publish, subscribe_grants: subscribe };
  const grants = grantsOf(area, { body: given, site, username: held.username, asset_name, external_id });
  const { name, certificate_cn, protocol, metadata } = body;
  const columns = {
    ...grants,
    site_id: site?.id ?? null,
    asset_name,
    external_id,
    ...(name !== undefined && { name }),
    ...(certificate_cn !== undefined && { certificate_cn }),
    ...(protocol !== undefined && { protocol }),
    ...(metadata !== undefined && { metadata: JSON.stringify(metadata) }),
  } satisfies Partial<DeviceColumns>;
  const tenantId = area.caller.tenantId;
  if (Object.keys(body).length > 0) await updateRegisteredDevice(trx, { tenantId, id, at }, columns);
  return { before, after: await getDevice(trx, area, id, { isMoved: true }) };
}

/**
 * Gives a device another password, the given one or one made up. Throws device_not_found, device_revoked, and site_forbidden
 * to a key of some sites for a device that may do more than such a key could grant: who has its password may do the same.
 */
export async function rotateCredentials(
  trx: Db,
  { password = newPassword() }: { password?: string | undefined },
  which: Omit<Which, 'ifMatch'>,
): Promise<WithPassword> {
  const { area, id, at } = which;
  const before = await lockPresent(trx, { ...which, ifMatch: undefined });
  if (before.revoked_at !== null) throw refusals.deviceRevoked(id);
  const site = await findSiteById(trx, before.site_id);
  const grants = [...before.publish_grants, ...before.subscribe_grants];
  if (grantsBeyond(grants, { caller: area.caller, site, pointer: '' }).length > 0) throw refusals.siteForbidden();
  const columns = { password_argon2id: await hashPassword(password) };
  await updateRegisteredDevice(trx, { tenantId: area.caller.tenantId, id, at }, columns);
  return { ...(await getDevice(trx, area, id)), password };
}

/** Ends what a device may do, for good, and gives it as it was. Throws device_not_found and precondition_failed. */
export async function endDevice(trx: Db, { isGone, ...which }: Which & { isGone: boolean }): Promise<RegisteredDevice> {
  await lockPresent(trx, which);
  const { area, id, at } = which;
  const before = await getDevice(trx, area, id);
  await revokeDevice(trx, { tenantId: area.caller.tenantId, id, at, isGone });
  return before;
}

/** A device that the caller may see. Throws device_not_found and site_forbidden. `isMoved`: it may lie at another site by now. */
export async function getDevice(db: Db, area: Area, id: string, { isMoved = false } = {}): Promise<RegisteredDevice> {
  const found = await findRegisteredDevice(db, isMoved ? { ...area, site: null } : area, id);
  if (!found) throw refusals.deviceNotFound(id);
  requireHome(area, found.siteId);
  return found.device;
}

const letters = 'abcdefghjkmnpqrstuvwxyz23456789';

/** A user name by which people know the device again; of the 31^8 ends of a name two seldom meet. */
export function newUsername(name: string): string {
  const known = name
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 40);
  const end = Array.from({ length: 8 }, () => letters[randomInt(letters.length)]).join('');
  return `${known || 'device'}-${end}`;
}

async function lockPresent(trx: Db, { area, id, ifMatch }: Omit<Which, 'at'>) {
  const row = await lockDevice(trx, area, id);
  if (!row) throw refusals.deviceNotFound(id);
  requireHome(area, row.site_id);
  if (row.protocol === 'opcua') throw refusals.deviceOfConnection(id);
  requireMatch(ifMatch, row.updated_at);
  return row;
}
