/** Sessions of Sparkplug B: what dies and is born again, what a restart of the program leaves, the state of the host. */
import { expect, test } from 'vitest';
import { createDevice } from '../src/access/device.ts';
import { insertTenant } from '../src/access/tenant-store.ts';
import { deleteDeadEdgeNodes } from '../src/ingest/sparkplug/sparkplug-store.ts';
import { password } from './support/ingest.ts';
import { publishPacket } from './support/mqtt-client.ts';
import { bornAt, data, deviceBirth, nodeBirth, nodeDeath, useSparkplug } from './support/sparkplug-stage.ts';

const stage = useSparkplug();

test('when the connection of an edge node is lost, all of its points and of its devices are stale at once', async () => {
  const node = await stage.connected({ will: nodeDeath(3) });
  await node.send('NBIRTH', undefined, nodeBirth(3, [{ name: 'uptime', datatype: 8, long: 5n }]));
  await node.send('DBIRTH', 'ahu-1', deviceBirth);
  node.client.end();
  const stale = ['ahu-1/fan/speed=null bad', 'ahu-1/sat=null bad', 'gw-1/uptime=null bad'];
  await expect.poll(async () => (await stage.ingest().readings()).slice(3).sort()).toEqual(stale);
  const again = await stage.connected();
  await again.send('NDEATH', undefined, nodeDeath(3));
  expect(await stage.ingest().readings()).toHaveLength(6);
});

test('a death of another session changes nothing', async () => {
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, nodeBirth(4, [{ name: 'uptime', datatype: 8, long: 5n }]));
  await node.send('NDEATH', undefined, nodeDeath(3));
  expect(await stage.ingest().readings()).toEqual(['gw-1/uptime=5']);
});

test('a device that dies takes only its own points with it, at the time that is said', async () => {
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, nodeBirth(0, [{ name: 'uptime', datatype: 8, long: 5n }]));
  await node.send('DBIRTH', 'ahu-1', deviceBirth);
  await node.send('DDEATH', 'ahu-1', data(2, 7, []));
  const { rows } = await stage
    .ingest()
    .database.pool.query(
      'select p.name, r.time from reading r join point p on p.series_id = r.series_id where r.quality = 2 order by p.name',
    );
  const time = new Date(bornAt + 7_000);
  expect(rows).toEqual([
    { name: 'fan/speed', time },
    { name: 'sat', time },
  ]);
});

test('a death is the last word, also about what came in the same millisecond or by a clock that is ahead', async () => {
  const ahead = { at: Date.now() + 120_000 };
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, nodeBirth(0, [{ name: 'uptime', datatype: 8, long: 5n, ...ahead }]));
  await node.send('DBIRTH', 'ahu-1', deviceBirth);
  await node.send('DDEATH', 'ahu-1', data(2, 0, []));
  await node.send('NDEATH', undefined, nodeDeath(0));
  const lines = await stage.ingest().readings();
  expect(lines.slice(2, 4).sort()).toEqual(['ahu-1/fan/speed=null bad', 'ahu-1/sat=null bad']);
  expect(lines.slice(4)).toEqual(['gw-1/uptime=5', 'gw-1/uptime=null bad']);
});

test('after the birth of a node aliases of its devices mean nothing until they are born again, nor after a restart', async () => {
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, nodeBirth(0));
  await node.send('DBIRTH', 'ahu-1', deviceBirth);
  await node.send('NBIRTH', undefined, nodeBirth(1));
  await node.send('DDATA', 'ahu-1', data(1, 1, [{ alias: 1, double: 14 }]));
  await stage.ingest().stop();
  await using again = await stage.restart();
  const survivor = await stage.connected({ port: again.port });
  await survivor.send('DDATA', 'ahu-1', data(2, 2, [{ alias: 1, double: 15 }]));
  const quarantine = await stage.ingest().quarantine();
  expect(quarantine.map(({ reason }) => reason)).toEqual(['before_birth', 'before_birth']);
  await survivor.send('NDEATH', undefined, nodeDeath(1));
  expect((await stage.ingest().readings()).slice(2).sort()).toEqual(['ahu-1/fan/speed=null bad', 'ahu-1/sat=null bad']);
});

test('what is born again after a death has its value back, though that has not changed since before', async () => {
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, nodeBirth(0));
  await node.send('DBIRTH', 'ahu-1', deviceBirth);
  await node.send('NDEATH', undefined, nodeDeath(0));
  await node.send('NBIRTH', undefined, nodeBirth(1));
  await node.send('DBIRTH', 'ahu-1', deviceBirth);
  expect((await stage.ingest().readings()).slice(-2)).toEqual(['ahu-1/fan/speed=-2', 'ahu-1/sat=13.5']);
});

test('after a restart of the program data that names its metrics by alias is understood, and the births are asked for', async () => {
  const node = await stage.connected();
  await node.send(
    'NBIRTH',
    undefined,
    nodeBirth(0, [{ name: 'big', alias: 2n ** 63n + 1n, datatype: 8, long: 1n, at: bornAt }]),
  );
  await node.send('DBIRTH', 'ahu-1', deviceBirth);
  await stage.ingest().stop();
  await using again = await stage.restart();
  const survivor = await stage.connected({ port: again.port });
  await survivor.send('DDATA', 'ahu-1', data(2, 1, [{ alias: 2, int: -7 }]));
  await survivor.send('NDATA', undefined, data(3, 1, [{ alias: 2n ** 63n + 1n, long: 2n }]));
  expect((await stage.ingest().readings()).slice(-2).sort()).toEqual(['ahu-1/fan/speed=-7', 'gw-1/big=2']);
  expect((await survivor.heard()).topic).toBe('spBv1.0/north/NCMD/gw-1');
  await survivor.send('NDEATH', undefined, nodeDeath(0));
  const stale = ['ahu-1/fan/speed=null bad', 'ahu-1/sat=null bad', 'gw-1/big=null bad'];
  expect((await stage.ingest().readings()).slice(-3).sort()).toEqual(stale);
  await survivor.send('NBIRTH', undefined, nodeBirth(1));
  await survivor.send('DBIRTH', 'ahu-1', deviceBirth);
  const { rows } = await stage.ingest().database.pool.query('select name from asset order by name');
  expect(rows).toEqual([{ name: 'ahu-1' }, { name: 'gw-1' }]);
});

test('edge nodes hear that their host is online while it runs, even if somebody says otherwise, and offline when it ends', async () => {
  const node = await stage.connected();
  node.client.send({ cmd: 'subscribe', messageId: 2, subscriptions: [{ topic: 'spBv1.0/STATE/+', qos: 1 }] } as never);
  const state = async () => {
    const { topic, payload } = await node.heard();
    return { topic, ...(JSON.parse(String(payload)) as { online: boolean; timestamp: number }) };
  };
  const born = await state();
  expect(born).toEqual({ topic: 'spBv1.0/STATE/faultline', online: true, timestamp: expect.any(Number) });
  const lie = JSON.stringify({ online: false, timestamp: born.timestamp });
  node.client.send(publishPacket('spBv1.0/STATE/faultline', lie, 99));
  expect(await state()).toMatchObject({ online: false });
  expect(await state()).toEqual(born);
  await stage.ingest().stop();
  const died = await state();
  expect(died).toMatchObject({ topic: born.topic, online: false });
  expect(died.timestamp).toBeGreaterThanOrEqual(born.timestamp);
});

test('a birth and a death in one batch are kept together: what is born, and that it died', async () => {
  const node = await stage.connected();
  node.post('NBIRTH', undefined, nodeBirth(0));
  node.post('DBIRTH', 'ahu-1', deviceBirth);
  await node.send('DDEATH', 'ahu-1', data(2, 1, []));
  expect(await stage.births()).toEqual([
    { device: '', state: 'live', metrics: 2 },
    { device: 'ahu-1', state: 'dead', metrics: 2 },
  ]);
  await using again = await stage.restart();
  const survivor = await stage.connected({ port: again.port });
  await survivor.send('NDEATH', undefined, nodeDeath(0));
  expect(await stage.ingest().readings()).toHaveLength(4);
});

test('an edge node that died more than a year ago is forgotten with its devices, and is born again as it was', async () => {
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, nodeBirth(0));
  await node.send('DBIRTH', 'ahu-1', deviceBirth);
  await node.send('NDEATH', undefined, nodeDeath(0));
  const { pool, db } = stage.ingest().database;
  const known = async (change: string) => {
    await pool.query(`update sparkplug_birth set ${change}`);
    await deleteDeadEdgeNodes(db);
    const { rows } = await pool.query(
      'select device_id as device, asset_name as asset from sparkplug_birth order by 1',
    );
    return rows;
  };
  const both = [
    { device: '', asset: 'gw-1' },
    { device: 'ahu-1', asset: 'ahu-1' },
  ];
  expect(await known("died_at = now() - interval '399 days'")).toEqual(both);
  expect(
    await known("died_at = now() - interval '401 days', state = case device_id when '' then 'live' else 'dead' end"),
  ).toEqual(both);
  expect(await known("state = 'dead'")).toEqual([]);
  await using again = await stage.restart();
  const back = await stage.connected({ port: again.port });
  await back.send('NBIRTH', undefined, nodeBirth(1));
  await back.send('DBIRTH', 'ahu-1', deviceBirth);
  expect(await known("state = 'live'")).toEqual(both);
});

test('edge nodes of the same names in two tenants know nothing of each other', async () => {
  const { database } = stage.ingest();
  const other = await insertTenant(database.db, {
    name: 'other',
    siteSlug: 'north',
    siteName: 'North',
    timeZone: 'UTC',
    discovery: true,
  });
  const grants = { grants: ['spBv1.0/#'], subscribeGrants: ['spBv1.0/#'] };
  await createDevice(database.db, { tenantId: other.id, name: 'plc', username: 'other-plc', password, ...grants });
  const ours = await stage.connected();
  await ours.send('NBIRTH', undefined, nodeBirth(0, [{ name: 'n', alias: 9, datatype: 8, long: 1n, at: bornAt }]));
  const theirs = await stage.connected({ username: 'other-plc' });
  await theirs.send('NDATA', undefined, data(1, 1, [{ alias: 9, long: 2n }]));
  expect((await theirs.heard()).topic).toBe('spBv1.0/north/NCMD/gw-1');
  await theirs.send('NBIRTH', undefined, nodeBirth(0, [{ name: 'm', alias: 9, datatype: 8, long: 3n, at: bornAt }]));
  await theirs.send('NDEATH', undefined, nodeDeath(0));
  await ours.send('NDATA', undefined, data(1, 2, [{ alias: 9, long: 4n }]));
  expect(ours.client.received).toEqual([]);
  expect(await stage.ingest().readings()).toEqual(['gw-1/m=3', 'gw-1/n=1', 'gw-1/n=4', 'gw-1/m=null bad']);
});

test('an edge node that moves from one process to another keeps its assets, and the will of its old connection is void', async () => {
  await using second = await stage.restart();
  const there = await stage.connected({ port: second.port });
  await there.send('NDATA', undefined, data(1, 1, [{ alias: 1, double: 1 }]));
  const here = await stage.connected();
  await here.send('NBIRTH', undefined, nodeBirth(0));
  await here.send('DBIRTH', 'ahu-1', deviceBirth);
  await there.send('NBIRTH', undefined, nodeBirth(1));
  await there.send('DBIRTH', 'ahu-1', deviceBirth);
  await here.send('NDEATH', undefined, nodeDeath(0));
  expect(await stage.ingest().readings()).toEqual(['ahu-1/fan/speed=-2', 'ahu-1/sat=13.5']);
});
