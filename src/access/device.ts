/** Devices: what they may publish and hear, and how they are made. */
import { verify } from '@node-rs/argon2';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { type DeviceRow, findUsernameOwner, insertDevice, updateDevicePassword } from './device-store.ts';
import { hashPassword } from './password.ts';

export type Device = {
  readonly id: string;
  readonly tenantId: string;
  readonly username: string;
  /** Topic filters under which it may publish. */
  readonly grants: readonly string[];
  /** Topic filters within which it may subscribe. */
  readonly subscribeGrants: readonly string[];
};

type NewDevice = {
  readonly tenantId: string;
  readonly name: string;
  readonly username: string;
  readonly password: string;
  readonly grants: readonly string[];
  readonly subscribeGrants?: readonly string[];
};

/** Adds a device that may publish under the topic filters `grants`; undefined when its user name is taken. */
export async function createDevice(db: Db, device: NewDevice): Promise<Device | undefined> {
  const id = newId();
  const { tenantId, name, username, grants, subscribeGrants = [] } = device;
  const passwordArgon2id = await hashPassword(device.password);
  const row = { id, tenantId, name, username, passwordArgon2id, publishGrants: grants, subscribeGrants };
  return (await insertDevice(db, row)) ? { id, tenantId, username, grants, subscribeGrants } : undefined;
}

/**
 * Sees to it that the tenant has a device with this user name, and that its password is this one; the grants of one that
 * is there stay, and so does its revocation. False, changing nothing, when the user name belongs to another tenant.
 */
export async function ensureDevice(db: Db, device: NewDevice): Promise<boolean> {
  if (await createDevice(db, device)) return true;
  const known = await findUsernameOwner(db, device.username);
  if (known?.tenantId !== device.tenantId) return false;
  // Each new hash makes every process check the password of each of the device's connections again.
  if (known.passwordArgon2id !== null && (await verify(known.passwordArgon2id, device.password))) return true;
  const passwordArgon2id = await hashPassword(device.password);
  await updateDevicePassword(db, { tenantId: device.tenantId, id: known.id, passwordArgon2id });
  return true;
}

/** What the stages need to know of a device that was let in. */
export function toDevice({ id, tenantId, username, publishGrants, subscribeGrants }: DeviceRow): Device {
  return { id, tenantId, username, grants: publishGrants, subscribeGrants };
}
