import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { createDevice, type Device } from '../src/access/device.ts';
import { listenDeviceChanges } from '../src/access/device-changes.ts';
import { createPresenceRecorder, type PresenceReason, type PresenceRecorder } from '../src/access/presence.ts';
import { deleteOldDeviceEvents, endDeadProcesses } from '../src/access/presence-store.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { createTestDatabase, onServer, type TestDatabase } from './support/database.ts';

const log = createLog('silent');
let own: TestDatabase;
let database: Database;
let device: Device;
let opened: { close(): Promise<void> }[];
beforeEach(async () => {
  opened = [];
  own = await createTestDatabase();
  database = openDatabase(own.url, { connectionsMax: 8, log });
  const tenantId = randomUUID();
  await database.db.insertInto('tenant').values({ id: tenantId, name: 'test' }).execute();
  const made = await createDevice(database.db, { tenantId, name: 'a', username: 'a', password: 'pw', grants: [] });
  if (!made) throw new Error('no device');
  device = made;
});
afterEach(async () => {
  for (const one of opened) await one.close();
  await database.close();
  await own.drop();
});

const waiting = { timeout: 60_000, interval: 20 };

function startRecorder(beatMs = 200): PresenceRecorder {
  const recorder = createPresenceRecorder({ db: database.db, log, flushMs: 10, beatMs });
  opened.push(recorder);
  return recorder;
}

let clock = 1_000_000;
const connect = (recorder: PresenceRecorder, clientId = 'c') =>
  recorder.record({ device, clientId, isOnline: true, reason: 'connected', at: clock++, address: '10.0.0.7' });
const disconnect = (recorder: PresenceRecorder, reason: PresenceReason = 'disconnected') =>
  recorder.record({ device, clientId: 'c', isOnline: false, reason, at: clock++ });

const eventsOf = async () => {
  const rows = await database.db.selectFrom('device_event').select(['type', 'reason']).orderBy('id').execute();
  return rows.map(({ type, reason }) => `${type.replace('device.', '')} ${reason}`);
};
const sessions = async () => {
  const { rows } = await database.pool.query('select coalesce(sum(sessions), 0)::int as sessions from device_session');
  return rows[0].sessions as number;
};
const waitingForLocks = async () => {
  const { rowCount } = await database.pool.query(
    `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
  );
  return rowCount;
};
const rowOf = () => database.db.selectFrom('device').selectAll().executeTakeFirstOrThrow();

test('a session makes its device online, and its end makes it offline, with the reason', async () => {
  const recorder = startRecorder();
  connect(recorder);
  await vi.waitFor(async () => expect(await eventsOf()).toEqual(['online connected']), waiting);
  expect(await sessions()).toBe(1);
  disconnect(recorder, 'keep_alive');
  await vi.waitFor(async () => expect(await eventsOf()).toEqual(['online connected', 'offline keep_alive']), waiting);
  expect(await sessions()).toBe(0);
  expect(await rowOf()).toMatchObject({
    connects: 1,
    client_id: 'c',
    address: '10.0.0.7',
    disconnect_reason: 'keep_alive',
  });
});

test('a device that has just come was seen then, and not only at the next sign of life', async () => {
  const recorder = startRecorder(600_000);
  const processes = () => database.db.selectFrom('device_process').select('id').execute();
  await vi.waitFor(async () => expect(await processes()).toHaveLength(1), waiting);
  const at = clock;
  connect(recorder);
  await vi.waitFor(async () => expect(await sessions()).toBe(1), waiting);
  expect((await rowOf()).last_seen_at).toEqual(new Date(at));
});

test('a device with sessions at two processes is online until the last of them ends', async () => {
  const [first, second] = [startRecorder(), startRecorder()];
  connect(first);
  await vi.waitFor(async () => expect(await sessions()).toBe(1), waiting);
  connect(second);
  await vi.waitFor(async () => expect(await sessions()).toBe(2), waiting);
  disconnect(first);
  await vi.waitFor(async () => expect(await sessions()).toBe(1), waiting);
  disconnect(second);
  await vi.waitFor(async () => expect(await sessions()).toBe(0), waiting);
  expect(await eventsOf()).toEqual([
    'online connected',
    'session_started connected',
    'session_ended disconnected',
    'offline disconnected',
  ]);
});

test('of two processes, where one session ends as another begins, neither leaves the device in the wrong state', async () => {
  const [first, second] = [startRecorder(), startRecorder()];
  const holder = await database.pool.connect();
  for (let round = 1; round <= 5; round++) {
    connect(first);
    await vi.waitFor(async () => expect(await sessions()).toBe(1), waiting);
    // Held until both processes have come as far as they can without the device.
    await holder.query('begin; select from device for update');
    disconnect(first);
    connect(second);
    await vi.waitFor(async () => expect(await waitingForLocks()).toBe(2), waiting);
    await holder.query('commit');
    await vi.waitFor(async () => expect(await eventsOf()).toHaveLength(4 * round - 1), waiting);
    disconnect(second);
    await vi.waitFor(async () => expect(await sessions()).toBe(0), waiting);
  }
  holder.release();
  const types = (await eventsOf()).map((event) => event.split(' ')[0]);
  const edges = types.filter((type) => type === 'online' || type === 'offline');
  expect(edges.length % 2).toBe(0);
  for (const [i, type] of edges.entries()) expect(type).toBe(i % 2 === 0 ? 'online' : 'offline');
});

test('a process that is closed leaves no session behind', async () => {
  const recorder = startRecorder();
  connect(recorder);
  disconnect(recorder, 'shutdown');
  await recorder.close();
  expect(await eventsOf()).toEqual(['online connected', 'offline shutdown']);
  const processes = await database.db.selectFrom('device_process').selectAll().execute();
  expect(processes).toEqual([]);
});

test('the sessions of a process that died are ended, as of its last sign of life, once', async () => {
  const { db } = database;
  const dead = randomUUID();
  const lastSeen = new Date('2026-01-02T03:04:05.000Z');
  await db.insertInto('device_process').values({ id: dead, beat_at: lastSeen }).execute();
  await db.insertInto('device_session').values({ process_id: dead, device_id: device.id, sessions: 3 }).execute();
  await Promise.all([endDeadProcesses(db), endDeadProcesses(db)]);
  expect(await eventsOf()).toEqual(['offline process_lost']);
  expect(await sessions()).toBe(0);
  expect((await rowOf()).disconnected_at).toEqual(lastSeen);
});

test('a device that is at another process by then stays online when one dies', async () => {
  const { db } = database;
  const recorder = startRecorder();
  connect(recorder);
  await vi.waitFor(async () => expect(await sessions()).toBe(1), waiting);
  const dead = randomUUID();
  await db
    .insertInto('device_process')
    .values({ id: dead, beat_at: new Date(0) })
    .execute();
  await db.insertInto('device_session').values({ process_id: dead, device_id: device.id, sessions: 1 }).execute();
  await endDeadProcesses(db);
  expect(await eventsOf()).toEqual(['online connected', 'session_ended process_lost']);
  expect(await sessions()).toBe(1);
});

test('a process that was taken for dead writes its sessions again', async () => {
  const recorder = startRecorder();
  connect(recorder);
  await vi.waitFor(async () => expect(await sessions()).toBe(1), waiting);
  await database.pool.query('delete from device_process');
  expect(await sessions()).toBe(0);
  await vi.waitFor(async () => expect(await sessions()).toBe(1), waiting);
});

test('what happened while the database was away is written when it is back', async () => {
  const recorder = startRecorder();
  connect(recorder);
  await vi.waitFor(async () => expect(await sessions()).toBe(1), waiting);
  await database.pool.query('alter table device_session rename to device_session_away');
  disconnect(recorder, 'connection_lost');
  connect(recorder);
  connect(recorder);
  await new Promise((resolve) => setTimeout(resolve, 100));
  await database.pool.query('alter table device_session_away rename to device_session');
  await vi.waitFor(async () => expect(await sessions()).toBe(2), waiting);
  expect(await eventsOf()).toEqual([
    'online connected',
    'offline connection_lost',
    'online connected',
    'session_started connected',
  ]);
});

test('when a device was seen is written now and then, and never goes back', async () => {
  const recorder = startRecorder();
  recorder.seen(device.id, 5_000_000);
  await vi.waitFor(async () => expect((await rowOf()).last_seen_at).toEqual(new Date(5_000_000)), waiting);
  recorder.seen(device.id, 4_000_000);
  await recorder.close();
  expect((await rowOf()).last_seen_at).toEqual(new Date(5_000_000));
});

test('of a device that flaps, the last thousand events are kept', async () => {
  await database.pool.query(
    `insert into device_event (id, tenant_id, device_id, type, reason, client_id, at)
     select gen_random_uuid(), $1, $2, 'device.online', 'connected', 'c', now() - n * interval '1 ms'
     from generate_series(1, 1500) n`,
    [device.tenantId, device.id],
  );
  await deleteOldDeviceEvents(database.db);
  expect((await eventsOf()).length).toBe(1_000);
});

test('clients that come and go without end are written together, and not one write after the other', async () => {
  const flushMs = 200;
  let writes = 0;
  const tell = async () => void writes++;
  const recorder = createPresenceRecorder({ db: database.db, log, flushMs, beatMs: 60_000, tell });
  opened.push(recorder);
  const startedAt = performance.now();
  for (let i = 0; i < 150; i++) {
    connect(recorder);
    disconnect(recorder);
    await sleep(5);
  }
  expect(writes).toBeLessThanOrEqual(1 + (performance.now() - startedAt) / flushMs);
  expect(writes).toBeGreaterThan(0);
});

test('changes of a device are heard once they are committed, also after the connection was cut', async () => {
  const heard: string[] = [];
  let unsure = 0;
  const changes = listenDeviceChanges({
    databaseUrl: own.url,
    log,
    onChange: (id) => heard.push(id),
    onUnsure: () => unsure++,
  });
  opened.push(changes);
  await vi.waitFor(() => expect(unsure).toBe(1), waiting);
  const { db } = database;
  const change = db.updateTable('device').set({ publish_grants: ['a'] });
  await expect(
    db.transaction().execute(async (trx) => {
      await trx
        .updateTable('device')
        .set({ publish_grants: ['never'] })
        .execute();
      throw new Error('rolled back');
    }),
  ).rejects.toThrow('rolled back');
  await db.updateTable('device').set({ name: 'another', last_seen_at: new Date() }).execute();
  await change.execute();
  await vi.waitFor(() => expect(heard).toEqual([device.id]), waiting);
  await onServer(
    own.url,
    `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'faultline listener' and datname = current_database()`,
  );
  await vi.waitFor(() => expect(unsure).toBe(2), waiting);
  await db.updateTable('device').set({ revoked_at: new Date() }).execute();
  await vi.waitFor(() => expect(heard).toEqual([device.id, device.id]), waiting);
});
