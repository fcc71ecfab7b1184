/** Messages of OPC-UA connections on their way to readings. */
import { Registry } from 'prom-client';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { createDevice, type Device } from '../src/access/device.ts';
import { createDirectory } from '../src/ingest/decode/directory.ts';
import { createInterpret } from '../src/ingest/decode/interpret.ts';
import { createTenants } from '../src/ingest/decode/tenants.ts';
import type { Message } from '../src/ingest/intake/message.ts';
import type { Value } from '../src/ingest/opcua/connection.ts';
import { topicOf } from '../src/ingest/opcua/connections/set-connection.ts';
import { createOpcuaReader } from '../src/ingest/opcua/read-values.ts';
import { encodeValues } from '../src/ingest/opcua/values.ts';
import { createPipeline, type Pipeline } from '../src/ingest/pipeline.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { createTestDatabase } from './support/database.ts';
import { addConnection, addItems, addTenant, type TestConnection } from './support/opcua-stage.ts';

const log = createLog('silent');
const timeMs = Date.now() - 60_000;
const bad = 0x8031_0000;
const uncertain = 0x4092_0000;
const goodWithOverflow = 0x0000_0480;

let own: Awaited<ReturnType<typeof createTestDatabase>>;
let database: Database;
let pipeline: Pipeline;
let tenantId: string;
let plant: TestConnection;

beforeAll(async () => {
  own = await createTestDatabase();
  database = openDatabase(own.url, { connectionsMax: 4, log });
});
afterAll(async () => {
  await database.close();
  await own.drop();
});
beforeEach(async () => {
  const storage = await prepareStorage(database.pool, log);
  pipeline = createPipeline({ database, storage, graceMs: 5_000, log, registry: new Registry() });
  tenantId = await addTenant(database);
  plant = await addConnection(database, tenantId, {
    items: [
      { id: 1, point: 'sat' },
      { id: 2, point: 'mode' },
      { id: 3, point: 'flow', asset: 'pump-1' },
    ],
  });
});
afterEach(() => pipeline.intake.drain(5_000));

test('values become readings of their points, with the quality that their status says', async () => {
  await send([
    { itemId: 1, timeMs, value: 12.5, status: 0 },
    { itemId: 1, timeMs: timeMs + 0.25, value: 13, status: goodWithOverflow },
    { itemId: 3, timeMs, value: 4, status: uncertain },
    { itemId: 3, timeMs: timeMs + 1, value: 99, status: bad },
    { itemId: 1, timeMs: timeMs + 2, value: null, status: 0 },
  ]);
  expect(await readings()).toEqual([
    'pump-1/flow=4 uncertain',
    'numbers/sat=12.5',
    'numbers/sat=13',
    'pump-1/flow=null bad',
    'numbers/sat=null bad',
  ]);
  expect(await quarantine()).toEqual([]);
});

test('a text is a state of its point, and one that is none is put into quarantine by itself', async () => {
  await send([{ itemId: 2, timeMs, value: '0', status: 0 }]);
  await database.pool.query(
    `update point set states = '{"off": 0, "auto": 2}' where name = 'mode' and tenant_id = $1`,
    [tenantId],
  );
  await restart();
  await send([
    { itemId: 1, timeMs: timeMs + 1, value: 1, status: 0 },
    { itemId: 2, timeMs: timeMs + 1, value: 'auto', status: 0 },
    { itemId: 2, timeMs: timeMs + 2, value: 'AUTO', status: 0 },
  ]);
  expect(await readings()).toEqual(['numbers/mode=0', 'numbers/mode=2', 'numbers/sat=1']);
  expect(await quarantine()).toEqual(['unusable_value: mode: "AUTO" is none of the point\'s states: off, auto']);
});

test('a device with the grant # speaks for no server, not even for one of another tenant', async () => {
  const account = { name: 'stranger', username: 'stranger', password: 'a password for tests', grants: ['#'] };
  const stranger = await createDevice(database.db, { ...account, tenantId });
  const others = await addConnection(database, await addTenant(database), { items: [{ id: 1, point: 'sat' }] });
  await send([{ itemId: 1, timeMs, value: 1, status: 0 }], { device: stranger as Device });
  await send([{ itemId: 1, timeMs, value: 1, status: 0 }], {
    device: { ...plant.device, grants: ['#'] },
    connectionId: others.id,
  });
  expect(await readings()).toEqual([]);
  expect((await quarantine()).map((line) => line.split(':')[0])).toEqual(['not_granted', 'not_granted']);
});

test('what is wrong with some values does not stop the others', async () => {
  await send([
    { itemId: 1, timeMs, value: 1, status: 0 },
    { itemId: 17, timeMs, value: 1, status: 0 },
    { itemId: 3_000_000_000, timeMs, value: 1, status: 0 },
    { itemId: 1, timeMs: Date.now() + 3_600_000, value: 2, status: 0 },
    { itemId: 1, timeMs: -11_644_473_600_000, value: 3, status: 0 },
  ]);
  expect(await readings()).toEqual(['numbers/sat=1']);
  const reasons = (await quarantine()).map((line) => line.split(':')[0]).sort();
  expect(reasons).toEqual(['time_in_future', 'time_too_old', 'unknown_point']);
});

test('an item that was added or given to another point is known within seconds', async () => {
  await send([{ itemId: 1, timeMs, value: 1, status: 0 }]);
  await addItems(database, plant.id, [{ id: 4, point: 'rh' }]);
  await send([{ itemId: 4, timeMs, value: 40, status: 0 }]);
  expect(await readings()).toEqual(['numbers/rh=40', 'numbers/sat=1']);
  await database.pool.query(`update opcua_item set point = 'dat' where connection_id = $1 and id = 1`, [plant.id]);
  await database.pool.query(`update opcua_connection set version = version + 1 where id = $1`, [plant.id]);
  await expect
    .poll(
      async () => {
        await send([{ itemId: 1, timeMs: timeMs + 1, value: 2, status: 0 }]);
        return readings();
      },
      { timeout: 5_000, interval: 250 },
    )
    .toContain('numbers/dat=2');
});

test('what was refused is understood when it is read again after the item is there', async () => {
  await send([{ itemId: 9, timeMs, value: 9, status: 0 }]);
  expect(await quarantine()).toEqual([
    'unknown_point: the connection has no item 9 any more: it was removed since the value came',
  ]);
  const { rows } = await database.pool.query<{ topic: string; payload: Buffer }>(
    'select topic, payload from quarantine where tenant_id = $1',
    [tenantId],
  );
  await addItems(database, plant.id, [{ id: 9, point: 'late' }]);
  const directory = createDirectory(database.db);
  const opcua = createOpcuaReader({ db: database.db, directory });
  const interpret = createInterpret({ directory, tenants: createTenants(database.db), protocols: { opcua } });
  const { arrivals, rejected } = await interpret(rows.map((row) => messageOf(row.topic, row.payload, plant.device)));
  expect(rejected).toEqual([]);
  expect(arrivals.map(({ value }) => value)).toEqual([9]);
});

async function restart(): Promise<void> {
  await pipeline.intake.drain(5_000);
  const storage = await prepareStorage(database.pool, log);
  pipeline = createPipeline({ database, storage, graceMs: 5_000, log, registry: new Registry() });
}

/** Resolves once they are settled. */
async function send(
  values: readonly Value[],
  { device = plant.device, connectionId = plant.id }: { device?: Device; connectionId?: string } = {},
): Promise<void> {
  const payloads = encodeValues(values);
  const settled = Promise.withResolvers<void>();
  let left = payloads.length;
  const done = () => {
    left--;
    if (left === 0) settled.resolve();
  };
  for (const payload of payloads) pipeline.intake.offer(messageOf(topicOf(connectionId), payload, device, done));
  await settled.promise;
}

function messageOf(topic: string, payload: Buffer, device: Device, done: () => void = () => {}): Message {
  const origin = { device, settle: done, flush: () => {} };
  return { origin, topic, payload, receivedMs: Date.now(), qos: 0, messageId: undefined, isRepeated: false };
}

async function readings(): Promise<string[]> {
  const { rows } = await database.pool.query<{ line: string }>(
    `select a.name || '/' || p.name || '=' || coalesce(r.value::text, 'null') || (array['', ' uncertain', ' bad'])[r.quality + 1] as line
     from reading r join point p on p.series_id = r.series_id join asset a on a.id = p.asset_id
     where p.tenant_id = $1 order by r.time, p.name`,
    [tenantId],
  );
  return rows.map(({ line }) => line);
}

async function quarantine(): Promise<string[]> {
  const { rows } = await database.pool.query<{ line: string }>(
    `select reason || ': ' || detail as line from quarantine where tenant_id = $1 order by id`,
    [tenantId],
  );
  return rows.map(({ line }) => line);
}
