/** Topics that name no site by the built-in form: a tenant's own, by its templates, and those of devices made for ThingsBoard. */
import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { Area } from '../src/access/api-key.ts';
import { createIngest } from '../src/ingest/ingest.ts';
import { createTemplate, removeTemplate } from '../src/ingest/templates/set-template.ts';
import { TopicTemplateBody } from '../src/ingest/templates/template.ts';
import { createLog } from '../src/platform/log.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { connectRaw, publishPacket, type RawClient } from './support/mqtt-client.ts';
import { useIngest } from './support/mqtt-door.ts';

const door = useIngest();

const areaOf = (tenantId: string): Area => ({
  caller: {
    tenantId,
    timeZone: 'UTC',
    livemode: true,
    keyId: null,
    sessionId: null,
    userId: null,
    role: null,
    scopes: [],
    siteIds: null,
    rateLimitPerMinute: null,
  },
  site: null,
});

/** Makes a template as the API does. */
async function addTemplate(body: object, tenantId = door.ingest().tenantId): Promise<string> {
  const setting = { area: areaOf(tenantId), at: new Date() };
  const { id } = await door
    .ingest()
    .database.db.transaction()
    .execute((trx) => createTemplate(trx, TopicTemplateBody.parse(body), setting));
  return id;
}

let messageId = 0;
/** Publishes at QoS 1 and waits for the acknowledgement. */
async function publish(client: RawClient, topic: string, payload: string | Buffer): Promise<void> {
  messageId += 1;
  client.send(publishPacket(topic, payload, messageId));
  expect(await client.next()).toMatchObject({ cmd: 'puback', messageId });
}

const reasons = async () => (await door.ingest().quarantine()).map(({ reason }) => reason);

test('a template reads what its tenant publishes, the most specific of several, and what a built-in form reads stays with it', async () => {
  await door.ingest().addDevice('bms', ['#']);
  await addTemplate({ pattern: 'bms/{site}/+/{asset}/{point}', pointers: { value: '/v', time: '/t' } });
  await addTemplate({ pattern: 'bms/{site}/roof/{asset}/{point}', format: 'number' });
  await addTemplate({ pattern: '+/{site}/{asset}/{point}', format: 'text' });
  const client = await door.connected({ username: 'bms' });
  await publish(client, 'bms/north/3/ahu-1/sat', '{"v":13.2,"t":"2026-03-01T12:00:00Z"}');
  await publish(client, 'bms/north/roof/fan-1/speed', '70');
  await publish(client, 'bms/north/roof/fan-1/speed', '{"v":70}');
  await publish(client, 'telemetry/north/ahu-1/rat', '21');
  await publish(client, 'bms/north/x', '1');
  await publish(client, 'bms/nowhere/3/a/p', '{"v":1}');
  await publish(client, 'bms/north/3/a\u0001/p', '{"v":1}');
  expect(await door.ingest().readings()).toEqual(['ahu-1/sat=13.2', 'fan-1/speed=70', 'ahu-1/rat=21']);
  expect(await reasons()).toEqual(['malformed', 'unknown_topic', 'unknown_site', 'unknown_topic']);
});

test('a template needs the grant of the device, and is of its tenant alone', async () => {
  await door.ingest().addDevice('bms', ['bms/north/#']);
  const client = await door.connected({ username: 'bms' });
  const other = randomUUID();
  await door.ingest().database.pool.query(`insert into tenant (id, name) values ($1, 'other')`, [other]);
  await addTemplate({ pattern: 'bms/{site}/{asset}/{point}', format: 'number' }, other);
  await publish(client, 'bms/north/a/p', '1');
  expect(await reasons()).toEqual(['unknown_topic']);
  await addTemplate({ pattern: '#', site: 'north', asset: 'a', point: 'p', format: 'number' });
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  await publish(client, 'lab/north/a/p', '1');
  expect(await reasons()).toEqual(['unknown_topic', 'not_granted']);
});

test('a template that was made or deleted counts within two seconds, in another process too', async () => {
  const { database } = door.ingest();
  const log = createLog('silent');
  const storage = await prepareStorage(database.pool, log);
  const second = await createIngest({ database, storage, graceMs: 5_000, log, registry: new Registry() });
  const { port } = await second.listen(0, '127.0.0.1');
  try {
    await door.ingest().addDevice('bms', ['#']);
    const clients = [
      await door.connected({ username: 'bms' }),
      await connectRaw(port, { username: 'bms', clientId: 'second' }),
    ];
    for (const client of clients) await publish(client, 'bms/north/a/p', '1');
    expect(await reasons()).toEqual(['unknown_topic', 'unknown_topic']);
    const id = await addTemplate({ pattern: 'bms/{site}/{asset}/{point}', format: 'number' });
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    for (const client of clients) await publish(client, 'bms/north/a/p', '1');
    expect(await reasons()).toHaveLength(2);
    const { tenantId } = door.ingest();
    await database.db
      .transaction()
      .execute((trx) => removeTemplate(trx, { area: areaOf(tenantId), id, ifMatch: undefined }));
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    for (const client of clients) await publish(client, 'bms/north/a/p', '1');
    expect(await reasons()).toHaveLength(4);
    for (const client of clients) client.end();
  } finally {
    await second.close();
  }
});

test("a device's own telemetry lands at its home, or else at the default site in an asset of its name", async () => {
  const { database, tenantId } = door.ingest();
  await door.ingest().addSite('south', { discovery: true });
  const grants = ['v1/devices/me/telemetry', 'v1/gateway/telemetry'];
  for (const name of ['t1', 't2', 't3']) await door.ingest().addDevice(name, grants);
  await database.pool.query(
    `update device set site_id = (select id from site where slug = 'south' and tenant_id = $1), asset_name = 'boiler' where username = 't2'`,
    [tenantId],
  );
  await database.pool.query(`update device set name = 't1' where username = 't3'`);
  for (const username of ['t1', 't2', 't3']) {
    const client = await door.connected({ username, clientId: username });
    await publish(client, 'v1/devices/me/telemetry', gzipSync(`{"ts":1767225600000,"values":{"${username}":21.5}}`));
  }
  const gateway = await door.connected({ username: 't2', clientId: 'gateway' });
  await publish(
    gateway,
    'v1/gateway/telemetry',
    '{"Pump A":[{"ts":1767225600000,"values":{"p":1}}],"Pump B":[{"ts":1767225600000,"values":{"p":2}}]}',
  );
  const { rows } = await database.pool.query(
    `select s.slug, a.name as asset, p.name as point from point p join asset a on a.id = p.asset_id join site s on s.id = a.site_id order by 1, 2, 3`,
  );
  expect(rows.map(({ slug, asset, point }) => `${slug}/${asset}/${point}`)).toEqual([
    'north/t1/t1',
    'north/t3/t3',
    'south/Pump A/p',
    'south/Pump B/p',
    'south/boiler/t2',
  ]);
  expect((await door.ingest().readings()).sort()).toEqual([
    'Pump A/p=1',
    'Pump B/p=2',
    'boiler/t2=21.5',
    't1/t1=21.5',
    't3/t3=21.5',
  ]);
  await database.pool.query('update tenant set default_site_id = (select id from site where slug = $1)', ['south']);
  await new Promise((resolve) => setTimeout(resolve, 1_100));
  const client = await door.connected({ username: 't1', clientId: 'again' });
  await publish(client, 'v1/devices/me/telemetry', '{"later":1}');
  const { rows: later } = await database.pool.query(
    `select s.slug from point p join asset a on a.id = p.asset_id join site s on s.id = a.site_id where p.name = 'later'`,
  );
  expect(later).toEqual([{ slug: 'south' }]);
});

test('names with slashes never lead to the point of another asset', async () => {
  await door.ingest().addDevice('gw', ['#']);
  const client = await door.connected({ username: 'gw' });
  await publish(client, 'telemetry/north/a', '{"b/c":1}');
  await publish(client, 'v1/gateway/telemetry', '{"a/b":{"c":2}}');
  await publish(client, 'telemetry/north/a', '{"b/c":3}');
  expect(await door.ingest().readings()).toEqual(['a/b/c=1', 'a/b/c=2', 'a/b/c=3']);
  const { rows } = await door
    .ingest()
    .database.pool.query(
      'select a.name, array_agg(r.value order by r.value) as values from reading r join point p on p.series_id = r.series_id join asset a on a.id = p.asset_id group by 1 order by 1',
    );
  expect(rows).toEqual([
    { name: 'a', values: [1, 3] },
    { name: 'a/b', values: [2] },
  ]);
});
