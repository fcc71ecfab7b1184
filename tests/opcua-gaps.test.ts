/** What a server could not send is recorded, and taken from its history as far as it has one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { onServer, urlOf } from './support/database.ts';
import { startTestIngest, type TestIngest } from './support/ingest.ts';
import { type OpcuaServer, startOpcuaServer } from './support/opcua-server.ts';
import * as stage from './support/opcua-stage.ts';

const items = 15;
let directory: string;
let ingest: TestIngest;
const servers: OpcuaServer[] = [];
/** With history, of which it gives a little at a time; without; and with a history that is gone after a restart. */
const plants: Plant[] = [];
type Plant = { readonly server: OpcuaServer; readonly id: string; from: number; killedAt: number };

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'faultline-spool-'));
  const spool = { directory, bytesMax: 1e9 };
  const [first, second, third, made] = await Promise.all([
    startOpcuaServer({ items, hz: 10, history: true, historyValuesMax: 4, nodesPerHistoryReadMax: 6 }),
    startOpcuaServer({ items, hz: 10 }),
    startOpcuaServer({ items, hz: 10, history: true, keepsHistory: false }),
    startTestIngest({}, { sealer: stage.sealer, spool }),
  ]);
  servers.push(first, second, third);
  ingest = made;
  for (const server of servers) {
    const { id } = await stage.addConnection(ingest.database, ingest.tenantId, {
      endpoint_url: server.endpointUrl,
      items: [...stage.numberedItems(items), { id: 99, point: 'constant', node: stage.nodeCalled('double') }],
    });
    plants.push({ server, id, from: 0, killedAt: 0 });
  }
});
afterAll(async () => {
  await ingest?.close();
  for (const server of servers) await server.stop();
  await rm(directory, { recursive: true, force: true });
});

test('what a server made while nobody heard it comes out of its history, or is a gap with its bounds', async () => {
  for (const plant of plants) {
    await soon(async () => stage.missingOf(ingest.database, plant.id, [await plant.server.lastNumber()])).toEqual([]);
    plant.from = (await plant.server.lastNumber()) + 2;
    await soon(() => plant.server.lastNumber()).toBeGreaterThan(plant.from + 5);
  }
  await Promise.all(
    plants.map(async (plant) => {
      plant.killedAt = await plant.server.lastNumber();
      await plant.server.restart();
    }),
  );
  for (const { id } of plants) {
    await soon(async () => (await stage.gapsOf(ingest.database, id)).map(({ reason }) => reason)).toEqual([
      'server_restarted',
    ]);
    await soon(async () => (await stage.statusOf(ingest.database, id)).state).toBe('connected');
  }
  const [kept, lost, forgotten] = plants as [Plant, Plant, Plant];
  await untilAllSince(kept);
  await soon(async () => (await stage.gapsOf(ingest.database, lost.id))[0]?.state).toBe('lost');
  const [gap] = await stage.gapsOf(ingest.database, lost.id);
  expect(gap).toMatchObject({
    item_id: null,
    state: 'lost',
    items_filled: 0,
    items_lost: items + 1,
    readings_found: 0,
  });
  expect(gap?.detail).toMatch(/^Not out of history: 16 of 16 items \(nsu=.*, …\): the node keeps no history\.$/);
  await soon(async () => (await stage.gapsOf(ingest.database, forgotten.id))[0]).toMatchObject({
    state: 'lost',
    items_lost: items + 1,
    detail: expect.stringContaining('the history does not reach back before the gap'),
  });
  const [before, after] = [lost.killedAt - 10, lost.killedAt + 3].map((number) => lost.server.timeOf(number));
  expect(gap?.from_at.getTime()).toBeGreaterThan(before as number);
  expect(gap?.from_at.getTime()).toBeLessThan(after as number);
  const between = (await numbersSince(lost)).filter((number) => {
    const at = lost.server.timeOf(number);
    return at < Number(gap?.from_at.getTime()) - 100 || at > Number(gap?.to_at?.getTime());
  });
  await soon(() => stage.missingOf(ingest.database, lost.id, between)).toEqual([]);
});

test('nothing is missing after the database was away', async () => {
  const name = new URL(urlOf(ingest.database)).pathname.slice(1);
  await onServer(inject('serverUrl'), `alter database ${name} allow_connections false`);
  await onServer(
    inject('serverUrl'),
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`,
  );
  await sleep(4_000);
  await onServer(inject('serverUrl'), `alter database ${name} allow_connections true`);
  for (const plant of plants) {
    const [gap] = await stage.gapsOf(ingest.database, plant.id);
    plant.from = Math.ceil((Number(gap?.to_at) - plant.server.timeOf(0)) / 100) + 1;
    await untilAllSince(plant);
    expect(await stage.gapsOf(ingest.database, plant.id)).toHaveLength(1);
  }
  expect(await ingest.count('messages_spooled')).toBeGreaterThan(0);
});

test('a gap says what became of each of its items', async () => {
  const [{ id }] = plants as [Plant];
  await expect
    .poll(async () => (await stage.gapsOf(ingest.database, id))[0]?.state, { timeout: 25_000, interval: 200 })
    .toBe('partly');
  const [gap] = await stage.gapsOf(ingest.database, id);
  expect(gap).toMatchObject({ items_filled: items, items_lost: 1 });
  expect(gap?.readings_found).toBeGreaterThan(0);
  expect(gap?.detail).toMatch(/^Not out of history: 1 of 16 items \(nsu=.*=double\): the node keeps no history\.$/);
});

async function numbersSince({ server, from }: Plant): Promise<number[]> {
  const last = await server.lastNumber();
  return (await server.madeNumbers()).filter((number) => number >= from && number <= last);
}

async function untilAllSince(plant: Plant): Promise<void> {
  const numbers = await numbersSince(plant);
  await soon(() => stage.missingOf(ingest.database, plant.id, numbers)).toEqual([]);
}

function soon<T>(look: () => Promise<T> | T) {
  return expect.poll(look, { timeout: 15_000, interval: 100 });
}
