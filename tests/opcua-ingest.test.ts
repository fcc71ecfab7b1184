/** From an OPC-UA server to readings, while the server goes and comes back. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { listLastValues } from '../src/ingest/opcua/collecting-store.ts';
import { startTestIngest, type TestIngest } from './support/ingest.ts';
import { type OpcuaServer, startOpcuaServer } from './support/opcua-server.ts';
import * as stage from './support/opcua-stage.ts';
import { addItems, addTenant, sealer } from './support/opcua-stage.ts';

const items = 20;
let server: OpcuaServer;
let ingest: TestIngest;
let plant: stage.TestConnection;

beforeAll(async () => {
  [server, ingest] = await Promise.all([
    startOpcuaServer({ items: items + 1, hz: 10, history: true }),
    startTestIngest({}, { sealer }),
  ]);
  plant = await stage.addConnection(ingest.database, ingest.tenantId, {
    endpoint_url: server.endpointUrl,
    items: stage.numberedItems(items),
  });
});
afterAll(async () => {
  await ingest?.close();
  await server?.stop();
});

test('a connection is read as soon as it is there, and says how it is doing', async () => {
  await soon(async () => (await stage.statusOf(ingest.database, plant.id)).state).toBe('connected');
  await soon(async () => stage.missingOf(ingest.database, plant.id, await made(5))).toEqual([]);
  const status = await stage.statusOf(ingest.database, plant.id);
  expect(status).toMatchObject({ state: 'connected', reason: null, items: { monitored: items } });
  expect(status.server.clock_ahead_ms).toEqual(expect.any(Number));
  expect(status.resume_sealed).not.toBeNull();
  await soon(async () => lagMs(await stage.statusOf(ingest.database, plant.id))).toBeLessThan(3_000);
  await soon(() => deviceEvents()).toEqual(['device.online']);
  expect(await ingest.quarantine()).toEqual([]);
});

test('an item that is added is read, and one whose node is missing says so', async () => {
  await addItems(ingest.database, plant.id, [
    { id: 100, point: 'again', node: stage.nodeOf(items) },
    { id: 101, point: 'nowhere' },
  ]);
  await soon(async () => (await ingest.readings()).some((line) => line.startsWith('numbers/again='))).toBe(true);
  await soon(async () => stage.itemOf(ingest.database, plant.id, 101)).toMatchObject({
    state: 'failing',
    status: 'BadNodeIdUnknown',
  });
  await soon(async () => stage.statusOf(ingest.database, plant.id)).toMatchObject({
    state: 'degraded',
    reason: 'items_failing',
  });
  await ingest.database.pool.query('delete from opcua_item where connection_id = $1 and id >= 100', [plant.id]);
  await addItems(ingest.database, plant.id, []);
  await soon(async () => (await stage.statusOf(ingest.database, plant.id)).state).toBe('connected');
});

test('after a restart of the server what it made meanwhile is in its history, and comes from there', async () => {
  const before = await server.lastNumber();
  await server.restart();
  await soon(async () => (await server.lastNumber()) - before).toBeGreaterThan(10);
  await soon(async () => (await stage.statusOf(ingest.database, plant.id)).state).toBe('connected');
  const numbers = await server.madeNumbers();
  await soon(async () => stage.missingOf(ingest.database, plant.id, numbers.slice(5))).toEqual([]);
  const [gap, ...others] = await stage.gapsOf(ingest.database, plant.id);
  expect(others).toEqual([]);
  expect(gap).toMatchObject({ item_id: null, reason: 'server_restarted' });
  expect(gap?.from_at.getTime()).toBeLessThanOrEqual(server.timeOf(before) + 500);
  expect(gap?.to_at?.getTime()).toBeGreaterThan(server.timeOf(before));
  await soon(() => deviceEvents()).toEqual(['device.online', 'device.offline', 'device.online']);
});

test('a server that is not there is the trouble of its own connection alone, and a tenant gets its own values', async () => {
  const other = await addTenant(ingest.database);
  const lost = await stage.addConnection(ingest.database, other, { items: stage.numberedItems(1) });
  const theirs = await stage.addConnection(ingest.database, other, {
    endpoint_url: server.endpointUrl,
    items: stage.numberedItems(2),
  });
  await soon(async () => stage.statusOf(ingest.database, lost.id)).toMatchObject({
    state: 'failing',
    reason: 'unreachable',
  });
  await soon(async () => (await stage.statusOf(ingest.database, theirs.id)).state).toBe('connected');
  await soon(async () => stage.missingOf(ingest.database, theirs.id, [await server.lastNumber()])).toEqual([]);
  expect((await stage.statusOf(ingest.database, plant.id)).state).toBe('connected');
});

test('a server that has nothing new to say is up to date all the same', async () => {
  const quiet = await stage.addConnection(ingest.database, ingest.tenantId, {
    endpoint_url: server.endpointUrl,
    items: [{ id: 1, point: 'constant', node: stage.nodeCalled('double') }],
  });
  await soon(async () => (await stage.statusOf(ingest.database, quiet.id)).committed_through).not.toBeNull();
  const { committed_through: first } = await stage.statusOf(ingest.database, quiet.id);
  await soon(async () => (await stage.statusOf(ingest.database, quiet.id)).committed_through - first).toBeGreaterThan(
    1_000,
  );
});

test('a secret that cannot be opened is told, and stops nobody else', async () => {
  const locked = await stage.addConnection(ingest.database, ingest.tenantId, {
    endpoint_url: server.endpointUrl,
    identity: { kind: 'username', username: 'faultline', password: 'a password' },
    items: stage.numberedItems(1),
  });
  await ingest.database.pool.query(
    'update opcua_connection set secret_sealed = $2, version = version + 1 where id = $1',
    [locked.id, Buffer.of(1)],
  );
  await soon(async () => stage.statusOf(ingest.database, locked.id)).toMatchObject({
    state: 'failing',
    reason: 'identity_rejected',
    detail: 'a secret cannot be opened: SECRET is another than when it was stored',
  });
});

test('a connection that is switched off lets go of its server, and on again has missed nothing that history has', async () => {
  await switchOff();
  await soon(async () => (await server.counts()).sessions).toBe(0);
  const off = { state: 'disabled', resume_sealed: null };
  await soon(() => stage.statusOf(ingest.database, plant.id)).toMatchObject(off);
  const before = await server.lastNumber();
  await soon(() => server.lastNumber()).toBeGreaterThan(before + 5);
  await switchOn(plant.id);
  await soon(async () => (await stage.gapsOf(ingest.database, plant.id)).map(({ reason }) => reason)).toEqual([
    'server_restarted',
    'program_stopped',
  ]);
  const [, gap] = await stage.gapsOf(ingest.database, plant.id);
  expect(Number(gap?.from_at)).toBeLessThan(server.timeOf(before + 1));
  expect(Number(gap?.to_at)).toBeGreaterThan(server.timeOf(before + 5));
  const numbers = (await server.madeNumbers()).filter((number) => number >= before - 20);
  await soon(async () => stage.missingOf(ingest.database, plant.id, numbers)).toEqual([]);
});

async function switchOff(): Promise<void> {
  await ingest.database.pool.query(
    `update opcua_connection set is_enabled = false, state = 'disabled', version = version + 1`,
  );
}

test('what each item said last is there for the next run', async () => {
  const said = await listLastValues(ingest.database.db, plant.id);
  expect(said.map(({ itemId }) => itemId).toSorted((a, b) => a - b)).toEqual(
    Array.from({ length: items }, (_, index) => index + 1),
  );
  for (const { timeMs, value, status } of said) {
    expect([status, Math.abs(server.timeOf(Number(value)) - timeMs) < 1]).toEqual([0, true]);
  }
});

async function switchOn(id: string): Promise<void> {
  await ingest.database.pool.query(
    `update opcua_connection set is_enabled = true, state = 'connecting', version = version + 1 where id = $1`,
    [id],
  );
}

/** Numbers that the server has made, once there are so many. */
async function made(count: number): Promise<number[]> {
  await soon(() => server.lastNumber()).toBeGreaterThan(count + 5);
  const last = await server.lastNumber();
  return Array.from({ length: count }, (_, i) => last - i);
}

function lagMs({ committed_through }: { committed_through: Date | null }): number {
  return committed_through === null ? Number.POSITIVE_INFINITY : Date.now() - committed_through.getTime();
}

async function deviceEvents(): Promise<string[]> {
  const { rows } = await ingest.database.pool.query<{ type: string }>(
    'select type from device_event where device_id = $1 order by at, id',
    [plant.device.id],
  );
  return rows.map(({ type }) => type);
}

function soon<T>(look: () => Promise<T> | T) {
  return expect.poll(look, { timeout: 15_000, interval: 100 });
}
