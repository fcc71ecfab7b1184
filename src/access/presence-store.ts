/**
 * Sessions of devices as all processes see them. Whoever changes the sessions of a device holds its row, so that of two
 * processes, where one session begins and another ends, both see what the other did.
 */
import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import type { PresenceReason } from './presence.ts';

/** The start or the end of a session; `at` is in ms since 1970. */
export type SessionEvent = {
  readonly id: string;
  readonly isStart: boolean;
  /** Whether it was the first of the device at this process that began, or the last that ended. */
  readonly isEdge: boolean;
  readonly reason: PresenceReason;
  readonly clientId: string;
  readonly address: string | null;
  readonly at: number;
};

/** How many sessions a device has at a process, and what led there, the oldest first. */
export type DevicePresence = {
  readonly deviceId: string;
  readonly tenantId: string;
  readonly sessions: number;
  readonly events: readonly SessionEvent[];
};

/** A device that came online or went offline, as others are told of it. */
export type PresenceChange = Pick<SessionEvent, 'reason' | 'clientId' | 'address' | 'at'> & {
  readonly deviceId: string;
  readonly tenantId: string;
  readonly siteId: string | null;
  readonly name: string;
  readonly type: 'device.online' | 'device.offline';
};

/** Told of such changes in the transaction that writes them. */
export type TellPresence = (trx: Db, changes: readonly PresenceChange[]) => Promise<void>;

/** A process that gave no sign of life for so long is dead, and its sessions are nobody's. */
export const deadMs = 45_000;
const eventsKeptOfDevice = 1_000;
const eventsKeptDays = 30;
const devicesAtOnce = 1_000;

/** The condition that a process, in the table or alias `p`, is alive; by the database's clock, as its signs of life are. */
export const isAlive = sql<boolean>`p.beat_at > now() - make_interval(secs => ${deadMs / 1_000})`;

/** Gives a sign of life of a process; true when it was not known: it is new, or it was taken for dead. */
export async function beat(db: Db, processId: string): Promise<boolean> {
  const { rows } = await sql<{ is_new: boolean }>`
    insert into device_process (id) values (${processId})
    on conflict (id) do update set beat_at = now() returning xmax = 0 as is_new`.execute(db);
  return rows[0]?.is_new ?? true;
}

/** Writes how many sessions devices have at a process, and the events that led there, in one transaction. */
export async function writePresence(
  db: Db,
  { processId, devices, tell }: { processId: string; devices: readonly DevicePresence[]; tell?: Tell },
): Promise<void> {
  if (devices.length === 0) return;
  await db.transaction().execute(async (trx) => {
    const elsewhere = await lockDevices(trx, { processId, ids: devices.map(({ deviceId }) => deviceId) });
    const present = devices.filter(({ deviceId }) => elsewhere.has(deviceId));
    const gone = present.filter(({ sessions }) => sessions === 0).map(({ deviceId }) => deviceId);
    const here = present.filter(({ sessions }) => sessions > 0);
    await sql`delete from device_session where process_id = ${processId} and device_id = any(${gone}::uuid[])`.execute(
      trx,
    );
    await sql`
      insert into device_session (process_id, device_id, sessions)
      select ${processId}, * from unnest(
        ${here.map(({ deviceId }) => deviceId)}::uuid[], ${here.map(({ sessions }) => sessions)}::integer[])
      on conflict (device_id, process_id) do update set sessions = excluded.sessions`.execute(trx);
    await insertEvents(trx, present, { elsewhere, tell });
  });
}

type Tell = TellPresence | undefined;

type Elsewhere = { readonly isElsewhere: boolean; readonly siteId: string | null; readonly name: string };

/** Holds the rows of devices, in one order everywhere, and tells of each whether it has sessions at another process. */
async function lockDevices(
  trx: Db,
  { processId, ids }: { processId: string; ids: readonly string[] },
): Promise<ReadonlyMap<string, Elsewhere>> {
  await sql`select from device where id = any(${ids}::uuid[]) order by id for no key update`.execute(trx);
  // A statement of its own: it sees what those did who held the rows before.
  const { rows } = await sql<Elsewhere & { id: string }>`
    select d.id, d.site_id as "siteId", d.name, exists (
      select from device_session s join device_process p on p.id = s.process_id
      where s.device_id = d.id and s.process_id <> ${processId} and ${isAlive}) as "isElsewhere"
    from device d where d.id = any(${ids}::uuid[])`.execute(trx);
  return new Map(rows.map((row) => [row.id, row]));
}

type EventRow = SessionEvent & { readonly deviceId: string; readonly tenantId: string; readonly type: string };

async function insertEvents(
  trx: Db,
  devices: readonly DevicePresence[],
  { elsewhere, tell }: { elsewhere: ReadonlyMap<string, Elsewhere>; tell: Tell },
): Promise<void> {
  const events = devices.flatMap(({ deviceId, tenantId, events }) =>
    events.map((event): EventRow => {
      const type = typeOf(event, elsewhere.get(deviceId)?.isElsewhere ?? false);
      return { ...event, deviceId, tenantId, type };
    }),
  );
  if (events.length === 0) return;
  await sql`
    insert into device_event (id, tenant_id, device_id, type, reason, client_id, address, at)
    select id, tenant_id, device_id, type, reason, client_id, address, to_timestamp(at / 1000.0)
    from unnest(
      ${events.map(({ id }) => id)}::uuid[], ${events.map(({ tenantId }) => tenantId)}::uuid[],
      ${events.map(({ deviceId }) => deviceId)}::uuid[], ${events.map(({ type }) => type)}::text[],
      ${events.map(({ reason }) => reason)}::text[], ${events.map(({ clientId }) => clientId)}::text[],
      ${events.map(({ address }) => address)}::text[], ${events.map(({ at }) => at)}::double precision[]
    ) as given (id, tenant_id, device_id, type, reason, client_id, address, at)`.execute(trx);
  await updateDevices(trx, events);
  if (tell) await tell(trx, events.flatMap(changeOf(elsewhere)));
}

const changeOf = (devices: ReadonlyMap<string, Elsewhere>) => (event: EventRow) => {
  const { deviceId, tenantId, type, reason, clientId, address, at } = event;
  const device = devices.get(deviceId);
  if (!device || (type !== 'device.online' && type !== 'device.offline')) return [];
  const { siteId, name } = device;
  return [{ deviceId, tenantId, siteId, name, type, reason, clientId, address, at } satisfies PresenceChange];
};

function typeOf({ isStart, isEdge }: SessionEvent, isElsewhere: boolean): string {
  if (isEdge && !isElsewhere) return isStart ? 'device.online' : 'device.offline';
  return isStart ? 'device.session_started' : 'device.session_ended';
}

/** What the rows of devices say of their last sessions. */
async function updateDevices(trx: Db, events: readonly EventRow[]): Promise<void> {
  const starts = lastOf(events.filter(({ isStart }) => isStart));
  const online = lastOf(events.filter(({ type }) => type === 'device.online'));
  const offline = lastOf(events.filter(({ type }) => type === 'device.offline'));
  const ids = [...new Set(events.map(({ deviceId }) => deviceId))];
  const counts = new Map<string, number>();
  for (const { deviceId, isStart } of events) counts.set(deviceId, (counts.get(deviceId) ?? 0) + (isStart ? 1 : 0));
  const column = <T>(of: ReadonlyMap<string, EventRow>, pick: (event: EventRow) => T) =>
    ids.map((id) => {
      const event = of.get(id);
      return event === undefined ? null : pick(event);
    });
  await sql`
    update device d set
      connects = d.connects + given.connects,
      connected_at = coalesce(to_timestamp(given.online_at / 1000.0), d.connected_at),
      disconnected_at = coalesce(to_timestamp(given.offline_at / 1000.0), d.disconnected_at),
      disconnect_reason = coalesce(given.offline_reason, d.disconnect_reason),
      client_id = coalesce(given.client_id, d.client_id),
      address = coalesce(given.address, d.address),
      last_seen_at = greatest(d.last_seen_at, to_timestamp(given.started_at / 1000.0))
    from unnest(
      ${ids}::uuid[], ${ids.map((id) => counts.get(id) ?? 0)}::integer[],
      ${column(online, ({ at }) => at)}::double precision[], ${column(offline, ({ at }) => at)}::double precision[],
      ${column(offline, ({ reason }) => reason)}::text[], ${column(starts, ({ clientId }) => clientId)}::text[],
      ${column(starts, ({ address }) => address)}::text[], ${column(starts, ({ at }) => at)}::double precision[]
    ) as given (id, connects, online_at, offline_at, offline_reason, client_id, address, started_at)
    where d.id = given.id`.execute(trx);
}

function lastOf(events: readonly EventRow[]): ReadonlyMap<string, EventRow> {
  return new Map(events.map((event) => [event.deviceId, event]));
}

/** Writes when devices were last seen (ms since 1970); never back. */
export async function updateLastSeen(db: Db, seen: ReadonlyMap<string, number>): Promise<void> {
  const all = [...seen];
  for (let from = 0; from < all.length; from += devicesAtOnce) {
    const some = all.slice(from, from + devicesAtOnce);
    await sql`
      with held as (select id from device where id = any(${some.map(([id]) => id)}::uuid[]) order by id for no key update)
      update device d set last_seen_at = greatest(d.last_seen_at, to_timestamp(given.at / 1000.0))
      from held join unnest(${some.map(([id]) => id)}::uuid[], ${some.map(([, at]) => at)}::double precision[])
        as given (id, at) using (id)
      where d.id = held.id`.execute(db);
  }
}

/** Ends the sessions of processes that died, as of their last sign of life. */
export async function endDeadProcesses(db: Db, tell?: TellPresence): Promise<void> {
  const { rows } = await sql<{ id: string; at: number }>`
    select id, extract(epoch from beat_at)::double precision * 1000 as at from device_process p where not ${isAlive}`.execute(
    db,
  );
  for (const { id, at } of rows) {
    while (await endSessions(db, { processId: id, at, tell }));
    await sql`delete from device_process p where id = ${id} and not ${isAlive}`.execute(db);
  }
}

/** Ends some sessions of a dead process; false when it has none left, or has turned out to be alive. */
async function endSessions(
  db: Db,
  { processId, at, tell }: { processId: string; at: number; tell: Tell },
): Promise<boolean> {
  return db.transaction().execute(async (trx) => {
    const { rows } = await sql<{ deviceId: string; tenantId: string }>`
      select s.device_id as "deviceId", d.tenant_id as "tenantId"
      from device_session s join device d on d.id = s.device_id join device_process p on p.id = s.process_id
      where s.process_id = ${processId} and not ${isAlive} order by s.device_id limit ${devicesAtOnce}`.execute(trx);
    if (rows.length === 0) return false;
    const ids = rows.map(({ deviceId }) => deviceId);
    const elsewhere = await lockDevices(trx, { processId, ids });
    const { rows: ended } = await sql<{ deviceId: string }>`
      delete from device_session where process_id = ${processId} and device_id = any(${ids}::uuid[])
      returning device_id as "deviceId"`.execute(trx);
    // Another process that ended them meanwhile has told of it.
    const mine = new Set(ended.map(({ deviceId }) => deviceId));
    const end = { isStart: false, isEdge: true, reason: 'process_lost', clientId: '', address: null, at } as const;
    const devices = rows
      .filter(({ deviceId }) => mine.has(deviceId))
      .map((device) => ({ ...device, sessions: 0, events: [{ ...end, id: newId() }] }));
    await insertEvents(trx, devices, { elsewhere, tell });
    return true;
  });
}

/** Takes a process off the list of those that let devices in, with what sessions it still has. */
export async function endProcess(db: Db, processId: string): Promise<void> {
  await db.deleteFrom('device_process').where('id', '=', processId).execute();
}

/** Forgets what became of connections long ago, and of each device all but the last thousand. */
export async function deleteOldDeviceEvents(db: Db): Promise<void> {
  await sql`delete from device_event where at < now() - make_interval(days => ${eventsKeptDays})`.execute(db);
  await sql`
    delete from device_event e using (
      select device_id, (array_agg(at order by at desc))[${eventsKeptOfDevice}] as at
      from device_event where device_id in (select device_id from device_event where at > now() - interval '10 minutes')
      group by device_id having count(*) > ${eventsKeptOfDevice}
    ) as kept
    where e.device_id = kept.device_id and e.at < kept.at`.execute(db);
}
