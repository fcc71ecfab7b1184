import type { Db } from '../../platform/database.ts';
import type { DeviceToken } from '../device-token.ts';
import type { RegisteredDevice } from '../registered-device.ts';
import type { AuditAction } from './audit-entry.ts';
import { type Asking, recordAccess } from './record-access.ts';

type Change<T> = { readonly action: AuditAction; readonly before: T | null; readonly after: T | null };

/** Records a change of what a device may do, or of how it proves who it is. */
export async function recordDevice(
  trx: Db,
  asking: Asking,
  { action, before, after }: Change<RegisteredDevice>,
): Promise<void> {
  const { id = '', username: name = '' } = after ?? before ?? {};
  // Another password differs in nothing that can be shown.
  const isRotation = action === 'device.rotated';
  const states = isRotation
    ? { before: null, after: null }
    : { before: before && toldOf(before), after: after && toldOf(after) };
  await recordAccess(trx, asking, { action, subject: { kind: 'device', id, name }, ...states });
}

/** Records that a one-time token was made or revoked. */
export async function recordDeviceToken(
  trx: Db,
  asking: Asking,
  { action, before, after }: Change<DeviceToken>,
): Promise<void> {
  const { id = '', name = '' } = after ?? before ?? {};
  const told = (token: DeviceToken | null) => token && toldOfToken(token);
  const states = { before: told(before), after: told(after) };
  await recordAccess(trx, asking, { action, subject: { kind: 'device_token', id, name }, ...states });
}

/** Named one by one: what is handed over may have a password beside it. */
function toldOf(device: RegisteredDevice) {
  const { name, username, has_password, certificate_cn, site, asset_name, protocol, external_id, revoked_at } = device;
  const { publish_grants, subscribe_grants } = device;
  const proof = { username, has_password, certificate_cn };
  return { name, ...proof, site, asset_name, protocol, external_id, publish_grants, subscribe_grants, revoked_at };
}

function toldOfToken({
  name,
  prefix,
  site,
  publish_grants,
  subscribe_grants,
  max_uses,
  expires_at,
  revoked_at,
}: DeviceToken) {
  return { name, prefix, site, publish_grants, subscribe_grants, max_uses, expires_at, revoked_at };
}
