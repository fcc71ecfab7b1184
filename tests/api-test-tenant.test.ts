import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/api/v1/api-keys';
const orders = '/api/v1/work-orders';
const make = (key: string, body: object) =>
  api.call('POST', path, { key, body: { name: 'made', scopes: ['read', 'write', 'admin'], ...body } });
const makeTest = async (from: World, body = {}) => (await make(from.key, { livemode: false, ...body })).json.data;
const testTenantsOf = ({ tenantId }: World) =>
  api.database.db.selectFrom('tenant').selectAll().where('live_tenant_id', '=', tenantId).execute();

describe('the test tenant', () => {
  test('O12 N1: the first test key makes it, beside the live one; its keys begin with flt_test_', async () => {
    const own = await makeWorld(api.database, { timeZone: 'Asia/Kolkata' });
    expect(await testTenantsOf(own)).toEqual([]);
    const first = await makeTest(own);
    const second = await makeTest(own);
    expect(first).toMatchObject({
      livemode: false,
      created_by: own.alexId,
      secret: expect.stringMatching(/^flt_test_/),
    });
    expect(second.secret).toMatch(/^flt_test_[\w-]{43}$/);
    const [tenant, ...others] = await testTenantsOf(own);
    expect(others).toEqual([]);
    expect(tenant).toMatchObject({ name: 'A tenant (test)', livemode: false, time_zone: 'Asia/Kolkata' });
  });

  test('two first test keys at once make one', async () => {
    const own = await makeWorld(api.database);
    // So that each has a connection already, and none comes too late.
    await Promise.all(Array.from({ length: 8 }, () => make(own.key, {})));
    const keys = await Promise.all(Array.from({ length: 6 }, () => makeTest(own)));
    expect(new Set(keys.map(({ id }) => id)).size).toBe(6);
    expect(await testTenantsOf(own)).toHaveLength(1);
  });

  test('it has its own copy of whoever asks, a site like the default one, and else nothing', async () => {
    const own = await makeWorld(api.database);
    await own.makeInsight();
    await api.call('POST', orders, { key: own.key, body: { title: 'live' } });
    const { secret: key } = await makeTest(own);
    const list = async (what: string) => {
      const { json, text } = await api.call('GET', `/api/v1/${what}`, { key });
      return json.data ?? text;
    };
    expect(await list('sites')).toMatchObject([{ slug: 'ucl-east-campus', time_zone: 'Europe/London' }]);
    for (const what of ['work-orders', 'assets', 'insights', 'points', 'devices', 'locations']) {
      expect([what, await list(what)]).toEqual([what, []]);
    }
    const [tenant] = await testTenantsOf(own);
    const people = await api.database.db
      .selectFrom('app_user')
      .select(['username', 'live_user_id', 'password_argon2id'])
      .where('tenant_id', '=', tenant?.id ?? '')
      .execute();
    expect(people).toEqual([{ username: 'alex', live_user_id: own.alexId, password_argon2id: null }]);
  });

  test('a key in nobody’s name copies the first administrator', async () => {
    const own = await makeWorld(api.database);
    const row = { tenant_id: own.tenantId, role: 'admin' };
    const admins = [
      { ...row, id: newId(), username: 'late', email: 'late@x.org', created_at: new Date('2026-02-01') },
      { ...row, id: newId(), username: 'first', email: 'first@x.org', created_at: new Date('2026-01-01') },
    ];
    await api.database.db.insertInto('app_user').values(admins).execute();
    const key = await own.makeKey({ scopes: ['read', 'write', 'admin'] });
    expect((await make(key, { livemode: false })).json.data.created_by).toBe(admins[1]?.id);
  });
});

describe('nothing crosses', () => {
  test('N1 O1: what one makes the other does not have', async () => {
    const { secret: key } = await makeTest(world);
    const live = await api.call('POST', orders, { key: world.key, body: { title: 'live' } });
    const test = await api.call('POST', orders, { key, body: { title: 'test' } });
    expect([live.status, test.status]).toEqual([201, 201]);
    expect(test.json.data.number).toBe(1);
    expect((await api.call('GET', `${orders}/${live.json.data.id}`, { key })).status).toBe(404);
    expect((await api.call('GET', `${orders}/${test.json.data.id}`, { key: world.key })).status).toBe(404);
    const body = { title: 'x', asset_id: world.ahuId };
    expect((await api.call('POST', orders, { key, body })).status).toBe(400);
    const person = { title: 'x', assigned_to: world.alexId };
    expect((await api.call('POST', orders, { key, body: person })).status).toBe(400);
  });

  test('a test key sees and changes test keys alone', async () => {
    const own = await makeWorld(api.database);
    const live = (await make(own.key, { name: 'live' })).json.data;
    const test = await makeTest(own, { name: 'test' });
    const { json } = await api.call('GET', path, { key: test.secret });
    expect(json.data.map(({ id }: { id: string }) => id)).toEqual([test.id]);
    expect(json.data[0].created_by).not.toBe(own.alexId);
    for (const [method, url, body] of [
      ['GET', `${path}/${live.id}`, undefined],
      ['PATCH', `${path}/${live.id}`, { name: 'x' }],
      ['DELETE', `${path}/${live.id}`, undefined],
      ['POST', `${path}/${live.id}/rotate`, {}],
    ] as const) {
      expect((await api.call(method, url, { key: test.secret, body })).status).toBe(404);
    }
    const refused = await make(test.secret, { livemode: true });
    expect(refused).toMatchObject({ status: 400, json: { errors: [{ pointer: '/livemode' }] } });
    expect((await make(test.secret, {})).json.data).toMatchObject({ livemode: false });
  });

  test('a live key sees both kinds, tells them apart, and changes and ends both', async () => {
    const own = await makeWorld(api.database);
    const test = await makeTest(own, { name: 'test' });
    const kinds = async (query: string) =>
      (await api.call('GET', `${path}?${query}`, { key: own.key })).json.data.map(({ name }: { name: string }) => name);
    expect((await kinds('')).sort()).toEqual(['all', 'test']);
    expect(await kinds('livemode=false')).toEqual(['test']);
    expect(await kinds('livemode=true')).toEqual(['all']);
    const url = `${path}/${test.id}`;
    expect((await api.call('PATCH', url, { key: own.key, body: { name: 'renamed' } })).json.data.name).toBe('renamed');
    const rotated = await api.call('POST', `${url}/rotate`, { key: own.key, body: {} });
    expect(rotated.json.data.secret).toMatch(/^flt_test_/);
    expect((await api.call('GET', orders, { key: rotated.json.data.secret })).status).toBe(200);
    expect((await api.call('DELETE', url, { key: own.key })).status).toBe(204);
    expect((await api.call('GET', orders, { key: rotated.json.data.secret })).status).toBe(401);
  });

  test('the sites of a test key are those of the test tenant', async () => {
    const own = await makeWorld(api.database);
    const { secret } = await makeTest(own);
    const [site] = (await api.call('GET', '/api/v1/sites', { key: secret })).json.data;
    expect((await make(own.key, { livemode: false, site_ids: [own.campusId] })).status).toBe(400);
    const made = await makeTest(own, { site_ids: [site.id] });
    expect(made.site_ids).toEqual([site.id]);
    expect((await api.call('GET', '/api/v1/sites', { key: made.secret })).json.total).toBe(1);
  });

  test("another tenant's test keys are not there", async () => {
    const other = await makeWorld(api.database);
    const { id } = await makeTest(other);
    expect((await api.call('GET', `${path}/${id}`, { key: world.key })).status).toBe(404);
    expect((await api.call('DELETE', `${path}/${id}`, { key: world.key })).status).toBe(404);
  });
});

test('R3: a test key works by the plan of the live tenant, and in the name of somebody active there', async () => {
  const own = await makeWorld(api.database);
  const { secret: key } = await makeTest(own);
  const { db } = api.database;
  const ask = async () => (await api.call('GET', orders, { key })).json.error;
  const setPlan = (plan: string) => db.updateTable('tenant').set({ plan }).where('id', '=', own.tenantId).execute();
  const setActive = (active: boolean) =>
    db.updateTable('app_user').set({ active }).where('id', '=', own.alexId).execute();
  expect(await ask()).toBeUndefined();
  await setPlan('free');
  expect(await ask()).toBe('api_key_disabled_by_plan');
  await setPlan('pro');
  await setActive(false);
  expect(await ask()).toBe('api_key_owner_inactive');
  await setActive(true);
  expect(await ask()).toBeUndefined();
});
