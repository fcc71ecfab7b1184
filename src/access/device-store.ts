import type { Db } from '../platform/database.ts';

/** A device as the broker needs it to let it in. */
export type DeviceRow = {
  readonly id: string;
  readonly tenantId: string;
  readonly username: string;
  /** Null for one that has no password: it comes with a certificate, or not yet. */
  readonly passwordArgon2id: string | null;
  /** Common name of its client certificate, if it may come with one. */
  readonly certificateCn: string | null;
  readonly publishGrants: readonly string[];
  readonly subscribeGrants: readonly string[];
};

export type NewDevice = Omit<DeviceRow, 'certificateCn'> & { readonly name: string };

/** The device with this user name, of whatever tenant: it is the user name that decides the tenant. Not a revoked one. */
export async function findDeviceByUsername(db: Db, username: string): Promise<DeviceRow | undefined> {
  const row = await selectDevices(db).where('username', '=', username).executeTakeFirst();
  return row && toRow(row);
}

/** The device whose client certificates have this common name, of whatever tenant. Not a revoked one. */
export async function findDeviceByCertificate(db: Db, commonName: string): Promise<DeviceRow | undefined> {
  const row = await selectDevices(db).where('certificate_cn', '=', commonName).executeTakeFirst();
  return row && toRow(row);
}

/** Those of the devices, of whatever tenants, that are there and not revoked. */
export async function listDevicesOfAll(db: Db, ids: readonly string[]): Promise<DeviceRow[]> {
  const rows = await selectDevices(db).where('id', 'in', ids).execute();
  return rows.map(toRow);
}

function selectDevices(db: Db) {
  return db
    .selectFrom('device')
    .select([
      'id',
      'tenant_id',
      'username',
      'password_argon2id',
      'certificate_cn',
      'publish_grants',
      'subscribe_grants',
    ])
    .where('revoked_at', 'is', null);
}

type Selected = NonNullable<Awaited<ReturnType<ReturnType<typeof selectDevices>['executeTakeFirst']>>>;

function toRow(row: Selected): DeviceRow {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    username: row.username,
    passwordArgon2id: row.password_argon2id,
    certificateCn: row.certificate_cn,
    publishGrants: row.publish_grants,
    subscribeGrants: row.subscribe_grants,
  };
}

/** Whose a user name is, and its password; of a revoked device, too. */
export async function findUsernameOwner(
  db: Db,
  username: string,
): Promise<Pick<DeviceRow, 'id' | 'tenantId' | 'passwordArgon2id'> | undefined> {
  return db
    .selectFrom('device')
    .select(['id', 'tenant_id as tenantId', 'password_argon2id as passwordArgon2id'])
    .where('username', '=', username)
    .executeTakeFirst();
}

/** Gives a device of a tenant another password; a revoked one stays revoked. */
export async function updateDevicePassword(
  db: Db,
  { tenantId, id, passwordArgon2id }: Pick<DeviceRow, 'tenantId' | 'id' | 'passwordArgon2id'>,
): Promise<void> {
  await db
    .updateTable('device')
    .set({ password_argon2id: passwordArgon2id })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

/** Adds a device; false when the user name is taken, by whichever tenant. */
export async function insertDevice(db: Db, device: NewDevice): Promise<boolean> {
  const inserted = await db
    .insertInto('device')
    .values({
      id: device.id,
      tenant_id: device.tenantId,
      name: device.name,
      username: device.username,
      password_argon2id: device.passwordArgon2id,
      publish_grants: [...device.publishGrants],
      subscribe_grants: [...device.subscribeGrants],
    })
    .onConflict((conflict) => conflict.column('username').doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}
