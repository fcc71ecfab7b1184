import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { passwordMatches } from './support/devices.ts';

let api: TestApi;
let world: World;
let now = new Date('2026-04-11T18:22:33.000Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => now });
});
afterAll(() => api.close());
beforeEach(async () => {
  now = new Date('2026-04-11T18:22:33.000Z');
  await api.database.db.updateTable('tenant').set({ default_site_id: null }).execute();
  world = await makeWorld(api.database);
});

const path = '/api/v1/devices';
const sitePath = '/api/v1/sites/ucl-east-campus/devices/';
let serial = 0;
const nextSerial = () => `SN-${serial++}`;

async function register(body: object = {}, key = world.key) {
  const reply = await api.call('POST', path, { key, body: { name: 'PLC 1', ...body } });
  expect(reply.status).toBe(201);
  return reply.json.data;
}

const isPassword = (id: string, password: string) => passwordMatches(api, { id, password });

describe('a new device', () => {
  test('may do nothing that was not granted, and has a user name and a password of its own', async () => {
    const device = await register({ name: 'PLC of the chiller plant' });
    expect(device).toMatchObject({
      publish_grants: [],
      subscribe_grants: [],
      site: null,
      online: false,
      last_seen_at: null,
      revoked_at: null,
      has_password: true,
      protocol: 'mqtt',
    });
    expect(device.username).toMatch(/^plc-of-the-chiller-plant-[a-z0-9]{8}$/);
    expect(await isPassword(device.id, device.password)).toBe(true);
  });

  test('shows its password once, and nothing that is stored tells it', async () => {
    const key = world.key;
    const headers = { 'idempotency-key': 'a-device' };
    const made = await api.call('POST', path, { key, body: { name: 'x' }, headers });
    const { id, password } = made.json.data;
    expect(JSON.stringify((await api.call('GET', `${path}/${id}`, { key })).json)).not.toContain(password);
    expect(JSON.stringify((await api.call('GET', path, { key })).json)).not.toContain(password);
    const kept = await api.database.db.selectFrom('idempotency_key').selectAll().execute();
    expect(kept.length).toBeGreaterThan(0);
    expect(JSON.stringify(kept)).not.toContain(password);
  });

  test('is made once by a request that is repeated with its Idempotency-Key, with the same password', async () => {
    const asked = { key: world.key, body: { name: 'x' }, headers: { 'idempotency-key': 'twice' } };
    const first = await api.call('POST', path, asked);
    const second = await api.call('POST', path, asked);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(second.text).toBe(first.text);
    const other = await api.call('POST', path, { ...asked, key: await world.makeKey({ name: 'another key' }) });
    expect(other).toMatchObject({ status: 422, json: { error: 'idempotency_key_reused' } });
  });

  test('takes what it is given', async () => {
    const body = {
      username: 'plc-0815',
      password: 'correct horse',
      site: 'ucl-east-campus',
      asset_name: 'AHU-01',
      certificate_cn: 'plc-0815.plant',
      protocol: 'sparkplug_b',
      external_id: 'S7-1200',
      metadata: { cabinet: 'E2' },
      publish_grants: ['telemetry/{site}/{asset}/#', 'v1/devices/me/telemetry', 'raw/{username}/{external_id}'],
      subscribe_grants: ['insights/{site}/#'],
    };
    const device = await register(body);
    expect(device).toMatchObject({
      ...body,
      publish_grants: ['telemetry/ucl-east-campus/AHU-01/#', 'v1/devices/me/telemetry', 'raw/plc-0815/S7-1200'],
      subscribe_grants: ['insights/ucl-east-campus/#'],
    });
    expect(await isPassword(device.id, 'correct horse')).toBe(true);
  });

  test('without a password has none', async () => {
    const device = await register({ password: null, certificate_cn: 'only.certificate' });
    expect(device).toMatchObject({ password: null, has_password: false });
  });

  test.each([
    ['/publish_grants/0', { publish_grants: ['a/#/b'] }],
    ['/publish_grants/0', { publish_grants: ['a/b#'] }],
    ['/publish_grants/0', { publish_grants: ['a+/b'] }],
    ['/publish_grants/0', { publish_grants: [''] }],
    ['/publish_grants/0', { publish_grants: ['$SYS/#'] }],
    ['/subscribe_grants/1', { subscribe_grants: ['a', '$share/x/#'] }],
    ['/publish_grants/0', { publish_grants: ['x/{tenant}'] }],
    ['/publish_grants/0', { publish_grants: ['x/{site'] }],
    ['/publish_grants/0', { publish_grants: ['telemetry/{site}/#'] }],
    ['/publish_grants/0', { publish_grants: ['telemetry/{external_id}/#'], external_id: '+' }],
    ['/publish_grants/0', { publish_grants: ['telemetry/{external_id}/#'], external_id: '#' }],
    ['/publish_grants/0', { publish_grants: ['telemetry/{external_id}'], external_id: 'a/b' }],
    ['/publish_grants', { publish_grants: Array.from({ length: 51 }, (_, i) => `a/${i}`) }],
    ['/publish_grants/0', { publish_grants: [`a/${'b'.repeat(600)}`] }],
    ['/username', { username: 'a b' }],
    ['/username', { username: 'a/b' }],
    ['/username', { username: '+' }],
    ['/password', { password: 'short' }],
    ['/site', { site: 'nowhere' }],
    ['/asset_name', { asset_name: 'AHU-01' }],
    ['/asset_name', { asset_name: 'a/b', site: 'ucl-east-campus' }],
    ['/name', { name: '' }],
    ['/protocol', { protocol: 'carrier pigeon' }],
    ['/metadata', { metadata: { a: 'x'.repeat(20_000) } }],
    ['/nothing', { nothing: 1 }],
  ])('is refused, with %s named, for %j', async (pointer, body) => {
    const reply = await api.call('POST', path, { key: world.key, body: { name: 'x', ...body } });
    expect(reply).toMatchObject({ status: 400, json: { error: 'validation_failed' } });
    expect(reply.json.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
  });

  test.each([
    ['username', { username: 'taken-name' }],
    ['certificate_cn', { certificate_cn: 'taken.cn' }],
    ['external_id', { external_id: 'taken-id' }],
  ])('does not get a %s that is taken, which 409 names', async (property, body) => {
    await api.database.db.deleteFrom('device').where('username', '=', 'taken-name').execute();
    await api.database.db.deleteFrom('device').where('certificate_cn', '=', 'taken.cn').execute();
    await register(body);
    const reply = await api.call('POST', path, { key: world.key, body: { name: 'y', ...body } });
    expect(reply).toMatchObject({
      status: 409,
      json: { error: 'device_conflict', errors: [{ pointer: `/${property}` }] },
    });
    expect((await api.call('GET', path, { key: world.key })).json.total).toBe(1);
  });

  test('needs the scope devices:write; to be seen, devices:read', async () => {
    const reader = await world.makeKey({ scopes: ['devices:read'] });
    const other = await world.makeKey({ scopes: ['assets:write', 'points:read'] });
    const { id } = await register();
    expect((await api.call('GET', `${path}/${id}`, { key: reader })).status).toBe(200);
    expect((await api.call('POST', path, { key: reader, body: { name: 'x' } })).status).toBe(403);
    expect((await api.call('DELETE', `${path}/${id}`, { key: reader })).status).toBe(403);
    expect((await api.call('GET', path, { key: other })).status).toBe(403);
    expect((await api.call('GET', path)).status).toBe(401);
  });
});

describe('lists', () => {
  test('are filtered by site, name, external id, protocol and whether a device is online or revoked', async () => {
    const at = { site: 'ucl-east-campus' };
    const first = await register({ ...at, name: 'Boiler PLC', external_id: 'EX-77' });
    const second = await register({ site: 'plant', name: 'Chiller', protocol: 'http' });
    const third = await register({ name: 'Roof' });
    await api.call('POST', `${path}/${third.id}/revoke`, { key: world.key });
    const { db } = api.database;
    const { id: processId } = await db
      .insertInto('device_process')
      .values({ id: crypto.randomUUID() })
      .returning('id')
      .executeTakeFirstOrThrow();
    await db.insertInto('device_session').values({ process_id: processId, device_id: first.id, sessions: 2 }).execute();
    const idsOf = async (query: string) =>
      (await api.call('GET', `${path}?${query}`, { key: world.key })).json.data.map(({ id }: { id: string }) => id);
    expect(await idsOf('')).toEqual([third.id, second.id, first.id]);
    expect(await idsOf('site=ucl-east-campus')).toEqual([first.id]);
    expect(await idsOf('q=boiler')).toEqual([first.id]);
    expect(await idsOf('q=ex-7')).toEqual([first.id]);
    expect(await idsOf('q=%25')).toEqual([]);
    expect(await idsOf('external_id=EX-77')).toEqual([first.id]);
    expect(await idsOf('protocol=http')).toEqual([second.id]);
    expect(await idsOf('online=true')).toEqual([first.id]);
    expect(await idsOf('online=false')).toEqual([third.id, second.id]);
    expect(await idsOf('revoked=true')).toEqual([third.id]);
    const below = await api.call('GET', sitePath, { key: world.key });
    expect(below.json.map(({ id }: { id: string }) => id)).toEqual([first.id]);
    await db
      .updateTable('device_process')
      .set({ beat_at: new Date(0) })
      .where('id', '=', processId)
      .execute();
    expect(await idsOf('online=true')).toEqual([]);
  });
});

describe('changes', () => {
  test('change what they name, under the ETag that they name', async () => {
    const { id } = await register({
      site: 'ucl-east-campus',
      publish_grants: ['telemetry/{site}/#'],
      metadata: { a: 1 },
    });
    const { headers } = await api.call('GET', `${path}/${id}`, { key: world.key });
    const ifMatch = { 'if-match': String(headers.etag) };
    const changed = await api.call('PATCH', `${path}/${id}`, {
      key: world.key,
      body: { name: 'PLC 2', external_id: nextSerial() },
      headers: ifMatch,
    });
    expect(changed.json.data).toMatchObject({
      name: 'PLC 2',
      site: 'ucl-east-campus',
      publish_grants: ['telemetry/ucl-east-campus/#'],
      metadata: { a: 1 },
    });
    const late = await api.call('PATCH', `${path}/${id}`, {
      key: world.key,
      body: { name: 'PLC 3' },
      headers: ifMatch,
    });
    expect(late.status).toBe(412);
    const moved = await api.call('PATCH', `${path}/${id}`, {
      key: world.key,
      body: { site: null, publish_grants: [] },
    });
    expect(moved.json.data).toMatchObject({ site: null, publish_grants: [] });
  });

  test('rotating gives another password, and the old one is none any more', async () => {
    const { id, password } = await register();
    const rotated = await api.call('POST', `${path}/${id}/rotate-credentials`, { key: world.key });
    expect(rotated.status).toBe(200);
    expect(await isPassword(id, password)).toBe(false);
    expect(await isPassword(id, rotated.json.data.password)).toBe(true);
    const given = await api.call('POST', `${path}/${id}/rotate-credentials`, {
      key: world.key,
      body: { password: 'one of my own' },
    });
    expect(given.json.data.password).toBe('one of my own');
    expect(await isPassword(id, 'one of my own')).toBe(true);
  });

  test('a revoked device stays revoked, and its user name taken; its serial number is free for another', async () => {
    const external_id = nextSerial();
    const { id, username } = await register({ external_id });
    const revoked = await api.call('POST', `${path}/${id}/revoke`, { key: world.key });
    expect(revoked.json.data.revoked_at).toBe('2026-04-11T18:22:33Z');
    now = new Date('2026-04-12T00:00:00.000Z');
    const again = await api.call('POST', `${path}/${id}/revoke`, { key: world.key });
    expect(again.json.data.revoked_at).toBe('2026-04-11T18:22:33Z');
    const rotated = await api.call('POST', `${path}/${id}/rotate-credentials`, { key: world.key, body: {} });
    expect(rotated).toMatchObject({ status: 409, json: { error: 'device_revoked' } });
    const double = await api.call('POST', path, { key: world.key, body: { name: 'x', username } });
    expect(double.status).toBe(409);
    await register({ external_id });
  });

  test('a deleted device is gone from every list, and its user name stays taken', async () => {
    const { id, username } = await register();
    expect((await api.call('DELETE', `${path}/${id}`, { key: world.key })).status).toBe(204);
    expect((await api.call('GET', `${path}/${id}`, { key: world.key })).status).toBe(404);
    expect((await api.call('DELETE', `${path}/${id}`, { key: world.key })).status).toBe(404);
    expect((await api.call('GET', path, { key: world.key })).json.total).toBe(0);
    expect((await api.call('POST', path, { key: world.key, body: { name: 'x', username } })).status).toBe(409);
  });
});
