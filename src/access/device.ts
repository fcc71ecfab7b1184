/**
 * Devices and how they prove who they are. A password is checked with argon2id once; afterwards a SHA-256 of user name and
 * password finds the outcome in memory, and every `recheckMs` the device's row is read again, so that a password that was
 * changed or revoked elsewhere stops working within that time.
 *
 *   unknown ──argon2id──▶ proven ──recheckMs──▶ row unchanged? ──▶ proven
 *                                                     └─ changed ──▶ unknown
 */
import { createHash } from 'node:crypto';
import { hash, verify } from '@node-rs/argon2';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import {
  type DeviceRow,
  findDeviceByUsername,
  findUsernameOwner,
  insertDevice,
  updateDevicePassword,
} from './device-store.ts';

export type Device = {
  readonly id: string;
  readonly tenantId: string;
  readonly username: string;
  /** Topic filters under which it may publish. */
  readonly grants: readonly string[];
  /** Topic filters within which it may subscribe. */
  readonly subscribeGrants: readonly string[];
};

export type Authenticated =
  | { readonly device: Device }
  /** `wrong`: user name or password; `busy`: too many checks at once, to be tried again. */
  | { readonly refused: 'wrong' | 'busy' };

export type DeviceAuthenticator = (credentials: { username: string; password: Buffer }) => Promise<Authenticated>;

const recheckMs = 10_000;
const provenMax = 20_000;
/** Each check takes a processor core some 20 ms and 19 MiB; more at once would starve everything else. */
const checksAtOnceMax = 2;
const checksWaitingMax = 500;

/** Algorithm 2 is argon2id; the parameters are among those of OWASP's password storage cheat sheet. */
const argon2id = { algorithm: 2, memoryCost: 19_456, timeCost: 2, parallelism: 1 };

/** Checks the credentials of devices against the database. Rejects only when the database cannot be asked. */
export function createDeviceAuthenticator(db: Db): DeviceAuthenticator {
  const proven = new Map<string, { row: DeviceRow; checkedAt: number }>();
  const gate = createGate(checksAtOnceMax, checksWaitingMax);
  // A hundred connections of one gateway that come at once need one check.
  const checking = new Map<string, Promise<boolean | undefined>>();
  // An unknown user name costs as much time as a wrong password, so that nobody can tell which names exist.
  const decoy = hash('', argon2id);

  return async ({ username, password }) => {
    const key = createHash('sha256').update(username).update('\0').update(password).digest('base64');
    const known = proven.get(key);
    if (known && performance.now() - known.checkedAt < recheckMs) return { device: toDevice(known.row) };
    const row = await findDeviceByUsername(db, username);
    if (!known || row?.passwordArgon2id !== known.row.passwordArgon2id) {
      proven.delete(key);
      const against = row?.passwordArgon2id ?? (await decoy);
      const checkKey = `${key} ${against}`;
      const check = checking.get(checkKey) ?? gate(() => verify(against, password));
      checking.set(checkKey, check);
      const matches = await check.finally(() => checking.delete(checkKey));
      if (matches === undefined) return { refused: 'busy' };
      if (!matches) return { refused: 'wrong' };
    }
    // A device without a password is let in by none, the decoy's own included.
    if (row === undefined || row.passwordArgon2id === null) return { refused: 'wrong' };
    if (proven.size >= provenMax) proven.clear();
    proven.set(key, { row, checkedAt: performance.now() });
    return { device: toDevice(row) };
  };
}

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
  const passwordArgon2id = await hash(device.password, argon2id);
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
  const passwordArgon2id = await hash(device.password, argon2id);
  await updateDevicePassword(db, { tenantId: device.tenantId, id: known.id, passwordArgon2id });
  return true;
}

/** Whether a topic lies under one of the topic filters (MQTT 3.1.1, 4.7); `$` topics only under one that begins with `$`. */
export function isGranted(grants: readonly string[], topic: string): boolean {
  return grants.some((filter) => matchesFilter(filter, topic));
}

function matchesFilter(filter: string, topic: string): boolean {
  if (filter === topic) return true;
  // [MQTT-4.7.2-1]: a wildcard at the front does not match a topic of the server's own.
  if (topic.startsWith('$') !== filter.startsWith('$')) return false;
  if (filter === '#') return true;
  const plain = filter.endsWith('/#') ? filter.slice(0, -1) : undefined;
  if (plain !== undefined && !plain.includes('+')) return topic.startsWith(plain) || topic === plain.slice(0, -1);
  return matchesLevels(filter.split('/'), topic.split('/'));
}

function matchesLevels(filter: string[], topic: string[]): boolean {
  for (const [i, level] of filter.entries()) {
    if (level === '#') return i === filter.length - 1;
    if (i >= topic.length) return false;
    if (level !== '+' && level !== topic[i]) return false;
  }
  return filter.length === topic.length;
}

function toDevice({ id, tenantId, username, publishGrants, subscribeGrants }: DeviceRow): Device {
  return { id, tenantId, username, grants: publishGrants, subscribeGrants };
}

/** Runs at most `atOnceMax` pieces of work at a time and lets `waitingMax` wait; undefined for any beyond that. */
function createGate(atOnceMax: number, waitingMax: number) {
  let running = 0;
  const waiting: (() => void)[] = [];
  return async <T>(work: () => Promise<T>): Promise<T | undefined> => {
    if (running >= atOnceMax) {
      if (waiting.length >= waitingMax) return undefined;
      await new Promise<void>((resolve) => waiting.push(resolve));
    } else running++;
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next) next();
      else running--;
    }
  };
}
