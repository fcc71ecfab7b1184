/**
 * How a device proves who it is: by a password or by a client certificate. A password is checked with argon2id once;
 * afterwards a SHA-256 of user name and password finds the outcome in memory. What is remembered is compared with the
 * device's row when that may have changed, and every `recheckMs`: a device whose password is still the one that it proved
 * need not prove it again, also while somebody at its address guesses passwords and nothing is checked there.
 *
 *   unknown ──password, certificate──▶ proven ──recheck(), recheckMs──▶ hash of the row unchanged? ──▶ proven
 *      ▲                                                                   └─ changed ──┐
 *      └────────────────────────────────────────────────────────────────────────────────┘
 */
import { createHash } from 'node:crypto';
import type { Db } from '../platform/database.ts';
import { type Device, toDevice } from './device.ts';
import { type DeviceRow, findDeviceByCertificate, findDeviceByUsername, listDevicesOfAll } from './device-store.ts';
import { createPasswordCheck, hashPassword } from './password.ts';

/** What a device shows of itself. */
export type Credentials = {
  readonly username?: string | undefined;
  readonly password?: Buffer | undefined;
  /** Common name of a certificate that has been verified: it needs no password. */
  readonly certificateCn?: string | undefined;
  /** Where it comes from; guesses are counted by it. */
  readonly address: string;
};

export type Refusal =
  /** Neither a password nor a certificate. */
  | 'anonymous'
  /** User name or password. */
  | 'wrong'
  /** Too many different wrong passwords: nothing is checked for some minutes. */
  | 'guessing'
  /** Too many checks at once, to be tried again. */
  | 'busy'
  /** The certificate belongs to no device. */
  | 'certificate_unknown'
  /** The certificate is one device's and the user name another's. */
  | 'certificate_mismatch';

export type Authenticated = { readonly device: Device } | { readonly refused: Refusal };

export type DeviceAuthenticator = {
  /** Rejects only when the database cannot be asked. */
  authenticate(credentials: Credentials): Promise<Authenticated>;
  /** Compares what is remembered of a device, or of all, with its row the next time; checks that are under way see what has changed. */
  recheck(deviceId?: string): void;
  /** The ids of those of these devices, as `authenticate` gave them, that are revoked now or are not what they were. */
  findChanged(devices: readonly Device[]): Promise<string[]>;
};

const recheckMs = 10_000;
const provenMax = 20_000;
/** A device that is changed again and again while it connects is told to come back later. */
const readsMax = 5;
const idsAtOnceMax = 1_000;

/** Checks the credentials of devices against the database. */
export function createDeviceAuthenticator(db: Db): DeviceAuthenticator {
  const proven = createProven();
  const checkPassword = createPasswordCheck();
  // An unknown user name costs as much time as a wrong password, so that nobody can tell which names exist.
  const decoy = hashPassword('');
  const rowOf = new WeakMap<Device, DeviceRow>();
  let changes = 0;

  const byPassword = async (username: string, password: Buffer, address: string): Promise<Authenticated> => {
    const fingerprint = createHash('sha256').update(username).update('\0').update(password).digest('base64');
    const known = proven.find(fingerprint);
    if (known?.isFresh) return { device: known.device };
    let matched = known && rowOf.get(known.device)?.passwordArgon2id;
    for (let reads = 0; reads < readsMax; reads++) {
      const changesBefore = changes;
      const row = await findDeviceByUsername(db, username);
      const against = row?.passwordArgon2id ?? (await decoy);
      if (against !== matched) {
        const outcome = await checkPassword({ against, password, fingerprint, username, address });
        if (outcome !== 'right') return { refused: outcome };
        matched = against;
      }
      if (changes !== changesBefore) continue;
      // A device without a password is let in by none, the decoy's own included.
      if (row === undefined || row.passwordArgon2id === null) return { refused: 'wrong' };
      return remember(fingerprint, row);
    }
    return { refused: 'busy' };
  };
  const byCertificate = async (certificateCn: string): Promise<Authenticated> => {
    const key = `certificate ${certificateCn}`;
    const known = proven.find(key);
    if (known?.isFresh) return { device: known.device };
    for (let reads = 0; reads < readsMax; reads++) {
      const changesBefore = changes;
      const row = await findDeviceByCertificate(db, certificateCn);
      if (changes !== changesBefore) continue;
      return row ? remember(key, row) : { refused: 'certificate_unknown' };
    }
    return { refused: 'busy' };
  };
  const remember = (key: string, row: DeviceRow) => {
    const device = toDevice(row);
    rowOf.set(device, row);
    proven.add(key, device);
    return { device };
  };

  return {
    authenticate: async ({ username, password, certificateCn, address }) => {
      if (certificateCn === undefined) {
        if (!username || !password) return { refused: 'anonymous' };
        return byPassword(username, password, address);
      }
      const outcome = await byCertificate(certificateCn);
      const isOther = username && 'device' in outcome && outcome.device.username !== username;
      return isOther ? { refused: 'certificate_mismatch' } : outcome;
    },
    recheck: (deviceId) => {
      changes++;
      proven.recheck(deviceId);
    },
    findChanged: async (devices) => {
      const rows = await rowsOf(db, devices);
      const isChanged = (device: Device) => rows.get(device.id) !== JSON.stringify(rowOf.get(device));
      return [...new Set(devices.filter(isChanged).map(({ id }) => id))];
    },
  };
}

/** The present rows, as text, of those that are not revoked. */
async function rowsOf(db: Db, devices: readonly Device[]): Promise<ReadonlyMap<string, string>> {
  const ids = [...new Set(devices.map(({ id }) => id))];
  const rows = new Map<string, string>();
  for (let from = 0; from < ids.length; from += idsAtOnceMax) {
    for (const row of await listDevicesOfAll(db, ids.slice(from, from + idsAtOnceMax))) {
      rows.set(row.id, JSON.stringify(row));
    }
  }
  return rows;
}

/** Devices that have proved who they are, by what they showed; all are forgotten when they become too many. */
function createProven() {
  const proven = new Map<string, { device: Device; checkedAt: number }>();
  const keysOf = new Map<string, Set<string>>();
  return {
    find: (key: string) => {
      const known = proven.get(key);
      return known && { device: known.device, isFresh: performance.now() - known.checkedAt < recheckMs };
    },
    add: (key: string, device: Device) => {
      if (proven.size >= provenMax) {
        proven.clear();
        keysOf.clear();
      }
      const keys = keysOf.get(device.id) ?? new Set();
      keysOf.set(device.id, keys.add(key));
      proven.set(key, { device, checkedAt: performance.now() });
    },
    recheck: (deviceId?: string) => {
      for (const key of deviceId === undefined ? proven.keys() : (keysOf.get(deviceId) ?? [])) {
        const known = proven.get(key);
        if (known) proven.set(key, { ...known, checkedAt: Number.NEGATIVE_INFINITY });
      }
    },
  };
}
