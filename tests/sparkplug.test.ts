/** A host application of Sparkplug B: births, data, and their order, from an edge node's connection to the table of readings. */
import { expect, test } from 'vitest';
import { refuseReadings, unstorable } from './support/refuse-readings.ts';
import { bornAt, data, deviceBirth, double, nodeBirth, sparkplug, useSparkplug } from './support/sparkplug-stage.ts';

const stage = useSparkplug();

test('births make assets and points with their units, and data may name its metrics by alias only', async () => {
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, nodeBirth(0, [{ name: 'uptime', alias: 9, datatype: 8, long: 5n, at: bornAt }]));
  await node.send('DBIRTH', 'ahu-1', deviceBirth);
  await node.send(
    'DDATA',
    'ahu-1',
    data(2, 1, [
      { alias: 1, double: 14 },
      { alias: 2, int: -3 },
    ]),
  );
  await node.send('NDATA', undefined, data(3, 2, [{ alias: 9, long: 6n }]));
  expect(await stage.ingest().readings()).toEqual([
    'ahu-1/fan/speed=-2',
    'ahu-1/sat=13.5',
    'gw-1/uptime=5',
    'ahu-1/fan/speed=-3',
    'ahu-1/sat=14',
    'gw-1/uptime=6',
  ]);
  expect(await stage.ingest().quarantine()).toEqual([]);
});

test('points get the unit that their birth says, and their class from the name of the device', async () => {
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, nodeBirth(0));
  await node.send('DBIRTH', 'ahu-1', deviceBirth);
  const { rows } = await stage
    .ingest()
    .database.pool.query(
      'select a.class as asset, p.name, p.unit, p.state from point p join asset a on a.id = p.asset_id order by p.name',
    );
  expect(rows).toEqual([
    { asset: 'brick:AHU', name: 'fan/speed', unit: null, state: 'discovered' },
    { asset: 'brick:AHU', name: 'sat', unit: 'degC', state: 'discovered' },
  ]);
});

test('messages that overtook others are held until those have come, unacknowledged, and then stored', async () => {
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, nodeBirth(0));
  node.post('DDATA', 'ahu-1', data(2, 1, [{ alias: 1, double: 14 }]));
  await node.send('NDATA', undefined, { ...data(200, 2, []), at: bornAt - 1_000 });
  expect(await stage.ingest().readings()).toEqual([]);
  await node.send('DBIRTH', 'ahu-1', deviceBirth);
  await expect.poll(() => stage.ingest().readings()).toEqual(['ahu-1/fan/speed=-2', 'ahu-1/sat=13.5', 'ahu-1/sat=14']);
  await node.send('DDATA', 'ahu-1', data(3, 3, [{ alias: 1, double: 15 }]));
  expect(await stage.ingest().quarantine()).toEqual([]);
  expect(node.client.received).toEqual([]);
});

test('a gap that is not filled is stored over, and the edge node is asked for its births, once', async () => {
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, nodeBirth(0));
  await node.send('DBIRTH', 'ahu-1', deviceBirth);
  await node.send('DDATA', 'ahu-1', data(3, 1, [{ alias: 1, double: 14 }]));
  const { topic, payload } = await node.heard();
  expect(topic).toBe('spBv1.0/north/NCMD/gw-1');
  const command = sparkplug.decodePayload(payload);
  expect(command.metrics).toMatchObject([{ name: 'Node Control/Rebirth', type: 'Boolean', value: true }]);
  await node.send('DDATA', 'ahu-1', data(5, 2, [{ alias: 1, double: 15 }]));
  await node.send('NBIRTH', undefined, nodeBirth(0));
  expect(node.client.received).toEqual([]);
  expect(await stage.ingest().readings()).toEqual([
    'ahu-1/fan/speed=-2',
    'ahu-1/sat=13.5',
    'ahu-1/sat=14',
    'ahu-1/sat=15',
  ]);
});

test('sequence numbers go round, and a message that comes twice is stored once', async () => {
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, { ...nodeBirth(0, [{ name: 'n', alias: 9, datatype: 8, long: 0n }]), seq: 250 });
  for (let i = 1; i <= 20; i++)
    await node.send('NDATA', undefined, data((250 + i) % 256, i, [{ alias: 9, long: BigInt(i) }]));
  await node.send('NDATA', undefined, data(14, 20, [{ alias: 9, long: 20n }]));
  expect(await stage.ingest().readings()).toEqual(Array.from({ length: 21 }, (_, i) => `gw-1/n=${i}`));
  expect(await stage.ingest().count('readings_duplicate')).toBe(1);
});

test('history is stored under its own time and does not move the time of a death; null and bad quality are bad', async () => {
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, nodeBirth(0));
  await node.send('DBIRTH', 'ahu-1', deviceBirth);
  const quality = (code: number) => ({ properties: { Quality: code } });
  await node.send(
    'DDATA',
    'ahu-1',
    data(2, 1, [
      { alias: 1, double: 11, at: bornAt - 5_000, isHistorical: true },
      { alias: 1, isNull: true },
      { alias: 1, double: 12, at: bornAt + 2_000, ...quality(0) },
      { alias: 1, double: 13, at: bornAt + 3_000, ...quality(500) },
      { alias: 1, double: 14, at: bornAt + 4_000, ...quality(192) },
      { alias: 1, double: Number.NaN, at: bornAt + 5_000 },
      { alias: 1, double: 15, at: bornAt + 6_000, isTransient: true },
      { alias: 1, double: 16, at: bornAt + 30_000, isHistorical: true },
    ]),
  );
  await node.send('DDEATH', 'ahu-1', data(3, 8, []));
  const seconds = `select round(extract(epoch from r.time) * 1000 - ${bornAt}) / 1000 as s, r.value, r.quality
    from reading r join point p on p.series_id = r.series_id where p.name = 'sat' order by r.time`;
  const { rows } = await stage.ingest().database.pool.query(seconds);
  expect(rows.map(({ s, value, quality: code }) => `${Number(s)} ${value} ${code}`)).toEqual([
    '-5 11 0',
    '0 13.5 0',
    '1 null 2',
    '2 12 2',
    '3 13 2',
    '4 14 0',
    '5 null 2',
    '8 null 2',
    '30 16 0',
  ]);
});

test('data whose birth nobody has seen is kept in quarantine with its reason, and its edge node is asked', async () => {
  const node = await stage.connected();
  await node.send(
    'DDATA',
    'ahu-1',
    data(7, 1, [
      { alias: 1, double: 14 },
      { name: 'sat', datatype: double, double: 15 },
    ]),
  );
  expect((await node.heard()).topic).toBe('spBv1.0/north/NCMD/gw-1');
  expect(await stage.ingest().readings()).toEqual(['ahu-1/sat=15']);
  await node.send('NBIRTH', undefined, nodeBirth(0));
  await node.send('DDATA', 'ahu-1', data(1, 2, [{ name: 'speed', int: 15 }]));
  await node.send('DBIRTH', 'ahu-1', { ...deviceBirth, seq: 2 });
  await node.send('DDATA', 'ahu-1', data(3, 3, [{ alias: 77, double: 14 }]));
  const quarantine = await stage.ingest().quarantine();
  expect(quarantine.map(({ reason }) => reason)).toEqual(['before_birth', 'before_birth', 'unknown_alias']);
  expect(quarantine[2]?.detail).toContain('77');
});

test('devices of one name behind two edge nodes are two assets, and stay so', async () => {
  for (const edge of ['gw-1', 'gw-2']) {
    const node = await stage.connected({ edge });
    await node.send('NBIRTH', undefined, nodeBirth(0));
    await node.send('DBIRTH', 'ahu-1', {
      at: bornAt,
      seq: 1,
      metrics: [{ name: 'sat', alias: 1, datatype: double, double: 1 }],
    });
    await node.send('NBIRTH', undefined, nodeBirth(0));
    await node.send('DBIRTH', 'ahu-1', {
      at: bornAt,
      seq: 1,
      metrics: [{ name: 'sat', alias: 1, datatype: double, double: 1 }],
    });
  }
  expect(await stage.ingest().readings()).toEqual(['ahu-1/sat=1', 'gw-2:ahu-1/sat=1']);
  const { rows } = await stage.ingest().database.pool.query(`select class from asset where name = 'gw-2:ahu-1'`);
  expect(rows).toEqual([{ class: 'brick:AHU' }]);
});

test('a group that is no site goes to the default site; where discovery is off nothing is made', async () => {
  const uptime = { name: 'uptime', datatype: 8, long: 5n, at: bornAt };
  await stage.ingest().addSite('south', { discovery: false });
  const node = await stage.connected({ group: 'Plant One' });
  await node.send('NBIRTH', undefined, nodeBirth(0, [uptime]));
  expect(await stage.ingest().readings()).toEqual(['gw-1/uptime=5']);
  const other = await stage.connected({ group: 'south', edge: 'gw-2' });
  await other.send('NBIRTH', undefined, nodeBirth(0, [uptime]));
  const last = (await stage.ingest().quarantine()).at(-1);
  expect(last).toMatchObject({ reason: 'unknown_point', topic: 'spBv1.0/south/NBIRTH/gw-2' });
  expect(await stage.ingest().readings()).toEqual(['gw-1/uptime=5']);
});

test('nobody speaks for an edge node whose topics are not granted to it', async () => {
  await stage.ingest().addDevice('other', ['spBv1.0/north/+/gw-2/#'], ['spBv1.0/#']);
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, nodeBirth(0, [{ name: 'n', alias: 9, datatype: 8, long: 0n }]));
  const other = await stage.connected({ username: 'other' });
  await other.send('NBIRTH', undefined, { ...nodeBirth(0), seq: 100 });
  await node.send('NDATA', undefined, data(1, 1, [{ alias: 9, long: 1n }]));
  expect(await stage.ingest().readings()).toEqual(['gw-1/n=0', 'gw-1/n=1']);
  expect((await stage.ingest().quarantine()).map(({ reason }) => reason)).toEqual(['not_granted']);
});

test('a message that cannot be stored takes no birth of its batch with it', async () => {
  await refuseReadings(stage.ingest().database.pool);
  const node = await stage.connected();
  node.post('NBIRTH', undefined, nodeBirth(0));
  node.post('DBIRTH', 'ahu-1', deviceBirth);
  node.post('DDATA', 'ahu-1', data(2, 1, [{ alias: 1, double: unstorable }]));
  node.post('DBIRTH', 'ahu-2', { ...deviceBirth, seq: 3 });
  await node.send('DDATA', 'ahu-1', data(4, 2, [{ alias: 1, double: 14 }]));
  expect(await stage.ingest().readings()).toHaveLength(5);
  expect((await stage.ingest().quarantine()).map(({ reason }) => reason)).toEqual(['not_storable']);
  expect(await stage.births()).toEqual([
    { device: '', state: 'live', metrics: 2 },
    { device: 'ahu-1', state: 'live', metrics: 2 },
    { device: 'ahu-2', state: 'live', metrics: 2 },
  ]);
});

test('a message means what it meant when it came, also when its batch is tried again after a later birth', async () => {
  await refuseReadings(stage.ingest().database.pool);
  const node = await stage.connected();
  await node.send('NBIRTH', undefined, nodeBirth(0));
  await node.send('DBIRTH', 'ahu-1', deviceBirth);
  const other = { name: 'rat', alias: 1, datatype: double, double: 20, at: bornAt };
  node.postAll(
    ['DDATA', 'ahu-1', data(2, 1, [{ alias: 1, double: 14 }])],
    ['DBIRTH', 'ahu-1', { at: bornAt, seq: 3, metrics: [other] }],
    ['DDATA', 'ahu-1', data(4, 2, [{ alias: 1, double: unstorable }])],
  );
  await node.send('DDATA', 'ahu-1', data(5, 3, []));
  expect(await stage.ingest().readings()).toEqual([
    'ahu-1/fan/speed=-2',
    'ahu-1/rat=20',
    'ahu-1/sat=13.5',
    'ahu-1/sat=14',
  ]);
});

test('the members of a template are points below its name, by whatever the data calls it', async () => {
  const node = await stage.connected();
  const member = (value: number) => ({ name: 'speed', datatype: double, double: value });
  const template = (value: number) => ({ isDefinition: false, metrics: [member(value)] });
  await node.send(
    'NBIRTH',
    undefined,
    nodeBirth(0, [
      { name: 'Motor', datatype: 19, template: { ...template(0), isDefinition: true } },
      { name: 'motor 1', alias: 5, datatype: 19, template: template(1) },
    ]),
  );
  const plain = { isDefinition: false, metrics: [{ name: 'speed', double: 2 }] };
  await node.send('NDATA', undefined, data(1, 1, [{ alias: 5, template: plain }]));
  expect(await stage.ingest().readings()).toEqual(['gw-1/motor 1/speed=1', 'gw-1/motor 1/speed=2']);
});

test('what is no number is registered as far as it may become one, and is no error in a birth but in data', async () => {
  const node = await stage.connected();
  const metrics = [
    { name: 'mode', alias: 3, datatype: 12, string: 'cooling' },
    { name: 'firmware', alias: 4, datatype: 18, bytes: Buffer.from('x') },
    { name: 'x'.repeat(129), datatype: double, double: 1 },
  ];
  await node.send('NBIRTH', undefined, nodeBirth(0, metrics));
  expect((await stage.ingest().quarantine()).map(({ reason }) => reason)).toEqual(['unknown_point']);
  await node.send('NDATA', undefined, data(1, 1, [{ alias: 3, string: 'heating' }]));
  await node.send('NDATA', undefined, data(2, 2, [{ alias: 4, bytes: Buffer.from('y') }]));
  const refused = await stage.ingest().quarantine();
  expect(refused.map(({ reason }) => reason)).toEqual(['unknown_point', 'unusable_value', 'unusable_value']);
  const { rows } = await stage.ingest().database.pool.query('select name from point');
  expect(rows).toEqual([{ name: 'mode' }]);
});
