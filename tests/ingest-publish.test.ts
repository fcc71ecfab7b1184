/** What devices publish, from PUBLISH to the table and back to the acknowledgement. */
import { expect, test } from 'vitest';
import { publishPacket } from './support/mqtt-client.ts';
import { useIngest } from './support/mqtt-door.ts';

const door = useIngest();

test('QoS 1 ends in the table and in a PUBACK; a point that nobody knew has been discovered with its class', async () => {
  const client = await door.connected();
  client.send(publishPacket('telemetry/north/ahu-1/sat', '13.5', 9));
  expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: 9 });
  expect(await door.ingest().readings()).toEqual(['ahu-1/sat=13.5']);
  const { rows } = await door
    .ingest()
    .database.pool.query(
      `select a.class as asset, a.state, p.class, p.unit, a.shard from asset a join point p on p.asset_id = a.id`,
    );
  expect(rows).toEqual([
    { asset: 'brick:AHU', state: 'discovered', class: 'brick:Supply_Air_Temperature_Sensor', unit: 'degC', shard: 7 },
  ]);
});

test('QoS 2 is stored once, however often the message comes before it is released', async () => {
  const client = await door.connected({ clean: false });
  client.send(publishPacket('telemetry/north/a/p', '1', 5, 2));
  expect(await client.next()).toMatchObject({ cmd: 'pubrec', messageId: 5 });
  client.end();
  const again = await door.connected({ clean: false });
  again.send({ ...publishPacket('telemetry/north/a/p', '1', 5, 2), dup: true } as never);
  expect(await again.next()).toMatchObject({ cmd: 'pubrec', messageId: 5 });
  again.send({ cmd: 'pubrel', messageId: 5 });
  expect(await again.next()).toMatchObject({ cmd: 'pubcomp', messageId: 5 });
  expect(await door.ingest().readings()).toEqual(['a/p=1']);
  again.send(publishPacket('telemetry/north/a/p', '2', 5, 2));
  expect(await again.next()).toMatchObject({ cmd: 'pubrec', messageId: 5 });
  expect(await door.ingest().readings()).toEqual(['a/p=1', 'a/p=2']);
});

test('an empty message that takes back what is retained is no reading, and nothing to complain about (3.3.1.3)', async () => {
  const client = await door.connected();
  client.send(
    { ...publishPacket('telemetry/north/a/p', '1', 1), retain: true } as never,
    { ...publishPacket('telemetry/north/a/p', '', 2), retain: true } as never,
    publishPacket('telemetry/north/a/p', '', 3),
  );
  for (const messageId of [1, 2, 3]) expect(await client.next()).toMatchObject({ cmd: 'puback', messageId });
  expect(await door.ingest().readings()).toEqual(['a/p=1']);
  expect((await door.ingest().quarantine()).map(({ reason }) => reason)).toEqual(['malformed']);
});

test('QoS 0 before a DISCONNECT is not lost', async () => {
  const client = await door.connected();
  client.send(publishPacket('telemetry/north/a/p', '1'), { cmd: 'disconnect' });
  await client.closed();
  await expect.poll(() => door.ingest().readings()).toEqual(['a/p=1']);
});

test('the same time twice is stored once: the same value is a duplicate, another one a conflict, and the first stays', async () => {
  const client = await door.connected();
  const at = (value: number) => JSON.stringify({ value, time: '2026-01-01T00:00:00Z' });
  client.send(publishPacket('telemetry/north/a/p', at(1), 1));
  await client.next();
  client.send(publishPacket('telemetry/north/a/p', at(1), 2), publishPacket('telemetry/north/a/p', at(3), 3));
  await client.next();
  await client.next();
  expect(await door.ingest().readings()).toEqual(['a/p=1']);
  expect(await door.ingest().count('readings_duplicate')).toBe(1);
  expect(await door.ingest().count('readings_conflict')).toBe(1);
  expect(await door.ingest().count('readings_committed')).toBe(1);
});

test('a local time is read in the zone of its site', async () => {
  await door.ingest().addSite('chicago', { discovery: true, timeZone: 'America/Chicago' });
  await door.ingest().addDevice('south', ['telemetry/chicago/+/sat']);
  const client = await door.connected({ username: 'south' });
  client.send(publishPacket('telemetry/chicago/a/sat', '{"value":1,"time":"2026-01-01T06:00:00"}', 1));
  await client.next();
  const { rows } = await door.ingest().database.pool.query('select time from reading');
  expect(rows).toEqual([{ time: new Date('2026-01-01T12:00:00Z') }]);
});

test("a state's name is its number where the point declares it", async () => {
  await door.ingest().database.pool.query(
    `with a as (insert into asset (id, tenant_id, site_id, name, uri, shard)
       select gen_random_uuid(), tenant_id, id, 'a', 'urn:a', shard from site returning *)
     insert into point (id, tenant_id, asset_id, name, states)
       select gen_random_uuid(), tenant_id, id, 'mode', '{"AUTO": 3}' from a`,
  );
  const client = await door.connected();
  client.send(
    publishPacket('telemetry/north/a/mode', 'AUTO', 1),
    publishPacket('telemetry/north/a', '{"mode":"toString"}', 2),
  );
  await client.next();
  await client.next();
  expect(await door.ingest().readings()).toEqual(['a/mode=3']);
  expect((await door.ingest().quarantine()).map(({ reason }) => reason)).toEqual(['unusable_value']);
});

test('a device describes its asset, until a person has modelled it', async () => {
  const client = await door.connected();
  const describe = (description: object, messageId: number) =>
    client.send(publishPacket('telemetry/north/unit-7/$points', JSON.stringify(description), messageId));
  describe(
    {
      class: 'brick:AHU',
      params: { min_oa: 0.4 },
      points: { 'SA-T': { class: 'brick:Supply_Air_Temperature_Sensor', unit: 'degF' }, sat: {} },
    },
    1,
  );
  await client.next();
  const modelled = () =>
    door
      .ingest()
      .database.pool.query(
        `select a.class as asset, a.params, p.name, p.class, p.unit from asset a join point p on p.asset_id = a.id order by p.name`,
      )
      .then(({ rows }) => rows);
  const sat = { class: 'brick:Supply_Air_Temperature_Sensor' };
  expect(await modelled()).toEqual([
    { asset: 'brick:AHU', params: { min_oa: 0.4 }, name: 'SA-T', ...sat, unit: 'degF' },
    { asset: 'brick:AHU', params: { min_oa: 0.4 }, name: 'sat', ...sat, unit: 'degC' },
  ]);
  await door.ingest().database.pool.query(`update point set state = 'modelled' where name = 'SA-T'`);
  await door.ingest().database.pool.query(`update asset set state = 'modelled'`);
  describe({ class: 'brick:RTU', points: { 'SA-T': { unit: 'K' }, sat: { unit: 'K' } } }, 2);
  await client.next();
  expect(await modelled()).toEqual([
    { asset: 'brick:AHU', params: { min_oa: 0.4 }, name: 'SA-T', ...sat, unit: 'degF' },
    { asset: 'brick:AHU', params: { min_oa: 0.4 }, name: 'sat', ...sat, unit: 'K' },
  ]);
});

test('of what is said about an asset in one go the last counts, point by point, and the same again later, too', async () => {
  const client = await door.connected();
  const say = (unit: string) => JSON.stringify({ points: { p: { unit } } });
  const unit = async () =>
    (await door.ingest().database.pool.query<{ unit: string }>(`select unit from point where name = 'p'`)).rows[0]
      ?.unit;
  const publish = async (units: string[]) => {
    client.send(...units.map((one, n) => publishPacket('telemetry/north/a/$points', say(one), n + 1)));
    for (const [n] of units.entries()) expect(await client.next()).toMatchObject({ cmd: 'puback', messageId: n + 1 });
    return unit();
  };
  expect(await publish([...Array<string>(200).fill('degF'), 'K', 'degC', 'K'])).toBe('K');
  expect(await publish(['degC'])).toBe('degC');
  expect(await publish(['K', 'K'])).toBe('K');
  client.send(publishPacket('telemetry/north/b/$points', say('kW'), 1), publishPacket('telemetry/north/b/p', '1', 2));
  expect([await client.next(), await client.next()]).toMatchObject([{ messageId: 1 }, { messageId: 2 }]);
  expect(await door.ingest().readings()).toEqual(['b/p=1']);
  const parts = [
    { points: { x: { unit: 'K' } } },
    { class: 'brick:AHU', points: { x: {}, y: {} } },
    { points: { x: { class: 'brick:Fan' } } },
  ];
  client.send(...parts.map((part, n) => publishPacket('telemetry/north/c/$points', JSON.stringify(part), n + 1)));
  for (const [n] of parts.entries()) expect(await client.next()).toMatchObject({ messageId: n + 1 });
  const { rows } = await door
    .ingest()
    .database.pool.query(
      `select a.class as asset, p.name, p.class, p.unit from point p join asset a on a.id = p.asset_id where a.name = 'c' order by 2`,
    );
  expect(rows).toEqual([
    { asset: 'brick:AHU', name: 'x', class: 'brick:Fan', unit: 'K' },
    { asset: 'brick:AHU', name: 'y', class: null, unit: null },
  ]);
  expect(await door.ingest().quarantine()).toEqual([]);
});
