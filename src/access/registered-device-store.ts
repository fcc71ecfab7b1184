import { type SelectQueryBuilder, sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../platform/page-store.ts';
import type { ListRequest, Rows } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import type { DB } from '../platform/schema.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import type { Area } from './api-key.ts';
import { isAlive } from './presence-store.ts';
import { DeviceEvent, type DeviceFilter, type DeviceStatus, RegisteredDevice } from './registered-device.ts';
import { withinSites } from './site-store.ts';

/** Devices in the area, newest first; not those that were deleted. */
export async function listDevices(
  db: Db,
  area: Area,
  filter: DeviceFilter,
  page: ListRequest,
): Promise<Rows<RegisteredDevice>> {
  let devices = devicesOf(db, area).where(withinSites('device.site_id', area.caller));
  if (filter.site !== undefined) devices = devices.where('site.slug', '=', filter.site);
  if (filter.online !== undefined) devices = devices.where(isOnline, '=', filter.online);
  if (filter.protocol !== undefined) devices = devices.where('device.protocol', '=', filter.protocol);
  if (filter.external_id !== undefined) devices = devices.where('device.external_id', '=', filter.external_id);
  if (filter.revoked !== undefined) devices = devices.where('revoked_at', filter.revoked ? 'is not' : 'is', null);
  devices = narrowed(devices, page);
  const total = await devices.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(shown(devices), page).execute();
  return rowsOf(rows, total, toDevice);
}

/** A device of the area's tenant, below the area's site if it has one; the caller checks whether its key may see it. */
export async function findRegisteredDevice(
  db: Db,
  area: Area,
  id: string,
): Promise<{ device: RegisteredDevice; siteId: string | null } | undefined> {
  const row = await shown(devicesOf(db, area)).select('device.site_id').where('device.id', '=', id).executeTakeFirst();
  return row && { device: toDevice(row), siteId: row.site_id };
}

/** The columns of a device that people set. */
export type DeviceColumns = {
  readonly name: string;
  readonly certificate_cn: string | null;
  readonly publish_grants: string[];
  readonly subscribe_grants: string[];
  readonly site_id: string | null;
  readonly asset_name: string | null;
  readonly protocol: string;
  readonly external_id: string | null;
  readonly metadata: string;
  readonly password_argon2id: string | null;
};

type NewDevice = DeviceColumns & {
  readonly id: string;
  readonly tenant_id: string;
  readonly username: string;
  readonly token_id?: string;
  readonly provision_key_sha256?: Buffer | null;
};

/** Adds a device. Throws device_conflict when its user name, certificate or external id is another's. */
export async function insertRegisteredDevice(trx: Db, device: NewDevice, at: Date): Promise<void> {
  const dates = { created_at: at, updated_at: at };
  await refusingDoubles(() =>
    trx
      .insertInto('device')
      .values({ ...device, ...dates })
      .execute(),
  );
}

/** A device that was not deleted, held until the transaction ends. */
export function lockDevice(trx: Db, area: Area, id: string) {
  const devices = trx
    .selectFrom('device')
    .select(['id', 'username', 'protocol', 'site_id', 'asset_name', 'external_id', 'revoked_at', 'updated_at'])
    .select(['publish_grants', 'subscribe_grants'])
    .where('tenant_id', '=', area.caller.tenantId)
    .where('deleted_at', 'is', null)
    .where('id', '=', id);
  const below = area.site === null ? devices : devices.where('site_id', '=', area.site.id);
  return below.forNoKeyUpdate().executeTakeFirst();
}

type Which = { readonly tenantId: string; readonly id: string; readonly at: Date };

/** Sets the columns that are given. Throws device_conflict as insertRegisteredDevice does. */
export async function updateRegisteredDevice(
  trx: Db,
  { tenantId, id, at }: Which,
  columns: Partial<DeviceColumns>,
): Promise<void> {
  await refusingDoubles(() =>
    trx
      .updateTable('device')
      .set({ ...columns, updated_at: laterThanBefore(at) })
      .where('tenant_id', '=', tenantId)
      .where('id', '=', id)
      .execute(),
  );
}

/** Revokes a device; one that is revoked already stays so. `isGone`: it is also taken from every list. */
export async function revokeDevice(trx: Db, { tenantId, id, at, isGone }: Which & { isGone: boolean }): Promise<void> {
  await trx
    .updateTable('device')
    .set({
      revoked_at: sql`coalesce(revoked_at, ${at})`,
      updated_at: laterThanBefore(at),
      ...(isGone && { deleted_at: at, certificate_cn: null }),
    })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

/** How a device is connected; undefined when the tenant has no such device. */
export async function findDeviceStatus(
  db: Db,
  { tenantId, id }: Pick<Which, 'tenantId' | 'id'>,
): Promise<DeviceStatus | undefined> {
  const row = await db
    .selectFrom('device')
    .select(['device.id', 'connected_at', 'last_seen_at', 'client_id', 'address', 'connects'])
    .select(['disconnected_at', 'disconnect_reason', sessionCount.as('sessions')])
    .where('device.tenant_id', '=', tenantId)
    .where('device.id', '=', id)
    .executeTakeFirst();
  if (!row) return undefined;
  const online = row.sessions > 0;
  return {
    device_id: row.id,
    online,
    sessions: row.sessions,
    connected_since: online ? instant(row.connected_at) : null,
    last_seen_at: instant(row.last_seen_at),
    client_id: row.client_id,
    address: row.address,
    connects: Number(row.connects),
    last_disconnected_at: instant(row.disconnected_at),
    last_disconnect_reason: row.disconnect_reason,
  };
}

/** What became of a device's connections, newest first. */
export async function listDeviceEvents(
  db: Db,
  { tenantId, id, type }: Pick<Which, 'tenantId' | 'id'> & { type: string | undefined },
  page: ListRequest,
): Promise<Rows<DeviceEvent>> {
  let events = db.selectFrom('device_event').where('tenant_id', '=', tenantId).where('device_id', '=', id);
  if (type !== undefined) events = events.where('type', '=', type);
  events = narrowed(events, page);
  const total = await events.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const columns = events.select(['id', 'device_id', 'type', 'reason', 'client_id', 'address', 'at']);
  const rows = await inOrder(columns, page).execute();
  return rowsOf(rows, total, (row) => DeviceEvent.parse({ ...row, at: formatInstant(row.at) }));
}

const sessionCount = sql<number>`(
  select coalesce(sum(s.sessions), 0)::integer from device_session s join device_process p on p.id = s.process_id
  where s.device_id = device.id and ${isAlive})`;

const isOnline = sql<boolean>`exists (
  select from device_session s join device_process p on p.id = s.process_id
  where s.device_id = device.id and ${isAlive})`;

function devicesOf(db: Db, area: Area) {
  const devices = db
    .selectFrom('device')
    .leftJoin('site', 'site.id', 'device.site_id')
    .where('device.tenant_id', '=', area.caller.tenantId)
    .where('deleted_at', 'is', null);
  return area.site === null ? devices : devices.where('device.site_id', '=', area.site.id);
}

type Joined = DB & { site: { [K in keyof DB['site']]: DB['site'][K] | null } };

/** The columns of the API's device. */
function shown(devices: ReturnType<typeof devicesOf>) {
  return (devices as SelectQueryBuilder<Joined, 'device' | 'site', object>)
    .select(['device.id', 'device.name', 'device.username', 'device.certificate_cn', 'device.asset_name'])
    .select(['device.protocol', 'device.external_id', 'device.publish_grants', 'device.subscribe_grants'])
    .select(['device.metadata', 'device.last_seen_at', 'device.revoked_at', 'device.created_at', 'device.updated_at'])
    .select(['site.slug as site', isOnline.as('online')])
    .select(sql<boolean>`password_argon2id is not null`.as('has_password'));
}

type Dates = { created_at: Date; updated_at: Date; last_seen_at: Date | null; revoked_at: Date | null };

function toDevice<R extends Dates>(row: R): RegisteredDevice {
  return RegisteredDevice.parse({
    ...row,
    last_seen_at: instant(row.last_seen_at),
    revoked_at: instant(row.revoked_at),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}

function instant(at: Date | null): string | null {
  return at && formatInstant(at);
}

const doubles = new Map([
  ['device_username_key', ['username', 'is the user name of another device, of this tenant or of another']],
  ['device_certificate_cn_key', ['certificate_cn', 'is that of another device, of this tenant or of another']],
  ['device_external_id', ['external_id', 'is that of another device, which is not revoked']],
] as const);

/** Unique violations (PostgreSQL, appendix A, 23505) are the client's to mend. */
async function refusingDoubles(write: () => Promise<unknown>): Promise<void> {
  try {
    await write();
  } catch (cause) {
    const { code, constraint } = cause as { code?: string; constraint?: string };
    const double = code === '23505' ? doubles.get(constraint as 'device_external_id') : undefined;
    if (!double) throw cause;
    const [property, message] = double;
    throw refusals.deviceConflict(property, message, cause);
  }
}
