import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashSecret } from '../src/access/api-key.ts';
import type { Role } from '../src/access/role.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { enter, makePerson } from './support/people.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/api/v1/api-keys';
const make = (key: string, body: object) =>
  api.call('POST', path, { key, body: { name: 'made', scopes: ['read'], ...body } });
const made = async (body: object) => (await make(world.key, body)).json.data;
const idOf = async (secret: string) =>
  (
    await api.database.db
      .selectFrom('api_key')
      .select('id')
      .where('secret_sha256', '=', hashSecret(secret))
      .executeTakeFirstOrThrow()
  ).id;
const exceeds = { status: 403, json: { error: 'grant_exceeds_caller' } };
const missing = { status: 403, json: { error: 'scope_missing' } };
const forbidden = { status: 403, json: { error: 'site_forbidden' } };

describe('who may make keys', () => {
  test.each([['read'], ['write'], ['read', 'write'], ['users:write', 'tenant:write'], ['calendar:read']])(
    'R2 N1: with %s nothing of keys is seen or changed',
    async (...scopes) => {
      const key = await world.makeKey({ scopes });
      const id = await idOf(key);
      for (const [method, url, body] of [
        ['GET', path, undefined],
        ['POST', path, { name: 'x', scopes }],
        ['GET', `${path}/${id}`, undefined],
        ['PATCH', `${path}/${id}`, { name: 'x' }],
        ['DELETE', `${path}/${id}`, undefined],
        ['POST', `${path}/${id}/rotate`, {}],
      ] as const) {
        expect(await api.call(method, url, { key, body })).toMatchObject(missing);
      }
    },
  );

  test('api-keys:read sees keys and changes none', async () => {
    const key = await world.makeKey({ scopes: ['api-keys:read'] });
    expect((await api.call('GET', path, { key })).status).toBe(200);
    expect(await make(key, { scopes: ['api-keys:read'] })).toMatchObject(missing);
  });
});

describe('people', () => {
  const logIn = async (own: World, role: Role) => (await enter(api, await makePerson(api, own, role))).access;

  test.each(['manager', 'technician', 'viewer'] as const)('R2: a %s makes no key: 403', async (role) => {
    const own = await makeWorld(api.database);
    const key = await logIn(own, role);
    expect((await api.call('GET', '/api/v1/work-orders', { key })).status).toBe(200);
    expect(await make(key, {})).toMatchObject(missing);
    expect(await api.call('GET', path, { key })).toMatchObject(missing);
  });

  test('R2: an admin makes one in his own name, with any scope and any limit; on Free nobody does', async () => {
    const own = await makeWorld(api.database);
    const key = await logIn(own, 'admin');
    const body = { scopes: ['read', 'write', 'admin'], rate_limit_per_minute: null };
    const { json } = await make(key, body);
    const { db } = api.database;
    const admin = db.selectFrom('app_user').select('id').where('tenant_id', '=', own.tenantId);
    const { id } = await admin.where('role', '=', 'admin').executeTakeFirstOrThrow();
    expect(json.data).toMatchObject({ ...body, created_by: id });
    expect((await api.call('GET', path, { key: json.data.secret })).status).toBe(200);
    await db.updateTable('tenant').set({ plan: 'free' }).where('id', '=', own.tenantId).execute();
    const free = { status: 403, json: { error: 'api_key_disabled_by_plan' } };
    expect(await make(key, {})).toMatchObject(free);
    expect(await make(key, { livemode: false })).toMatchObject(free);
    const url = `${path}/${json.data.id}`;
    expect(await api.call('POST', `${url}/rotate`, { key, body: {} })).toMatchObject(free);
    // What leaks can be ended all the same.
    expect((await api.call('GET', url, { key })).json.data.disabled_reason).toBe('plan');
    expect((await api.call('DELETE', url, { key })).status).toBe(204);
  });
});

test('an admin of one site makes keys of that site alone, live ones alone', async () => {
  const { access: key } = await enter(api, await makePerson(api, world, 'admin', { siteIds: [world.plantId] }));
  expect((await make(key, {})).json.data.site_ids).toEqual([world.plantId]);
  expect(await make(key, { site_ids: null })).toMatchObject(exceeds);
  expect(await make(key, { livemode: false })).toMatchObject(forbidden);
});

describe('nobody gives what he does not have', () => {
  test.each([
    [['admin'], ['read']],
    [['admin'], ['write']],
    [['admin'], ['work-orders:read']],
    [['admin', 'read'], ['work-orders:write']],
    [['api-keys:write'], ['admin']],
    [['api-keys:write'], ['api-keys:read']],
    [['api-keys:write', 'read', 'write'], ['users:write']],
    [['api-keys:write', 'read', 'write'], ['audit-log:read']],
    // A bundle holds what comes to be some day, so all of its parts do not make it.
    [['api-keys:write', 'work-orders:read', 'assets:read', 'sites:read', 'insights:read'], ['read']],
  ])('N1: a key with %j makes none with %j', async (scopes, given) => {
    const key = await world.makeKey({ scopes });
    expect(await make(key, { scopes: given })).toMatchObject(exceeds);
  });

  test.each([
    [['admin'], ['api-keys:write', 'users:write', 'admin']],
    [
      ['api-keys:write', 'read'],
      ['read', 'work-orders:read', 'calendar:read', 'users:read'],
    ],
    [
      ['api-keys:write', 'write'],
      ['telemetry:write', 'write'],
    ],
    [
      ['api-keys:write', 'assets:read'],
      ['assets:read', 'api-keys:write'],
    ],
  ])('a key with %j makes one with %j', async (scopes, given) => {
    const key = await world.makeKey({ scopes });
    expect((await make(key, { scopes: given })).json.data.scopes).toEqual(given);
  });

  test('what a key may do cannot be widened by whoever may do less, nor may he have its secret', async () => {
    const strong = await made({ scopes: ['read', 'write'] });
    const key = await world.makeKey({ scopes: ['api-keys:write', 'api-keys:read', 'read'] });
    const own = await made({ scopes: ['read'] });
    const change = (id: string, body: object) => api.call('PATCH', `${path}/${id}`, { key, body });
    expect(await change(own.id, { scopes: ['read', 'write'] })).toMatchObject(exceeds);
    expect(await change(strong.id, { name: 'mine' })).toMatchObject(exceeds);
    expect(await change(strong.id, { scopes: ['read'] })).toMatchObject(exceeds);
    expect(await api.call('POST', `${path}/${strong.id}/rotate`, { key, body: {} })).toMatchObject(exceeds);
    expect((await change(own.id, { name: 'ours', scopes: ['work-orders:read'] })).status).toBe(200);
    expect((await api.call('POST', `${path}/${own.id}/rotate`, { key, body: {} })).status).toBe(200);
    const after = (await api.call('GET', `${path}/${strong.id}`, { key })).json.data;
    expect(after).toMatchObject({ name: 'made', scopes: ['read', 'write'], prefix: strong.prefix });
  });

  test('it cannot give itself more, and may end itself', async () => {
    const key = await world.makeKey({ scopes: ['api-keys:write'] });
    const id = await idOf(key);
    const reply = await api.call('PATCH', `${path}/${id}`, { key, body: { scopes: ['api-keys:write', 'read'] } });
    expect(reply).toMatchObject(exceeds);
    expect((await api.call('DELETE', `${path}/${id}`, { key })).status).toBe(204);
    expect((await api.call('DELETE', `${path}/${id}`, { key })).status).toBe(401);
  });

  test('whoever may end keys may end any, also one that may do more', async () => {
    const strong = await made({ scopes: ['read', 'write', 'admin'] });
    const key = await world.makeKey({ scopes: ['api-keys:write'] });
    expect((await api.call('DELETE', `${path}/${strong.id}`, { key })).status).toBe(204);
    expect((await api.call('GET', path, { key: strong.secret })).status).toBe(401);
  });

  test('R22: a limit a minute is at most that of the key which gives it', async () => {
    const key = await world.makeKey({ scopes: ['admin', 'read'], rateLimitPerMinute: 600 });
    const limit = async (body: object) => (await make(key, body)).json.data?.rate_limit_per_minute;
    expect(await limit({})).toBe(60);
    expect(await limit({ rate_limit_per_minute: 600 })).toBe(600);
    for (const rate_limit_per_minute of [601, null]) {
      const reply = await make(key, { rate_limit_per_minute });
      expect(reply).toMatchObject({ status: 400, json: { errors: [{ pointer: '/rate_limit_per_minute' }] } });
      const own = await api.call('PATCH', `${path}/${await idOf(key)}`, { key, body: { rate_limit_per_minute } });
      expect(own.status).toBe(400);
    }
    const slow = await world.makeKey({ scopes: ['admin', 'read'], rateLimitPerMinute: 7 });
    expect((await make(slow, {})).json.data.rate_limit_per_minute).toBe(7);
  });

  test('a key makes none that outlives it', async () => {
    const soon = new Date(Date.now() + 3_600_000);
    const key = await world.makeKey({ scopes: ['admin', 'read'], expiresAt: soon });
    expect(new Date((await make(key, {})).json.data.expires_at)).toEqual(soon);
    const before = new Date(soon.getTime() - 1_000).toISOString();
    expect((await make(key, { expires_at: before })).status).toBe(201);
    for (const expires_at of [null, new Date(soon.getTime() + 1_000).toISOString()]) {
      const reply = await make(key, { expires_at });
      expect(reply).toMatchObject({ status: 400, json: { errors: [{ pointer: '/expires_at' }] } });
    }
  });

  test('nor may a key have the secret of one that outlives it, or that may ask more often', async () => {
    const expiresAt = new Date(Date.now() + 3_600_000);
    const [soon, slow] = [
      await world.makeKey({ scopes: ['admin', 'read'], expiresAt }),
      await world.makeKey({ scopes: ['admin', 'read'], rateLimitPerMinute: 60 }),
    ];
    const rotate = (key: string, id: string) => api.call('POST', `${path}/${id}/rotate`, { key, body: {} });
    const [lasting, brief] = [await made({}), await made({ expires_at: expiresAt.toISOString() })];
    const [busy, calm] = [await made({ rate_limit_per_minute: null }), await made({ rate_limit_per_minute: 60 })];
    expect(await rotate(soon, lasting.id)).toMatchObject(exceeds);
    expect(await rotate(slow, busy.id)).toMatchObject(exceeds);
    expect((await api.call('GET', '/api/v1/work-orders', { key: lasting.secret })).status).toBe(200);
    expect((await rotate(soon, brief.id)).status).toBe(200);
    expect((await rotate(slow, calm.id)).status).toBe(200);
  });
});

describe('a key of some sites', () => {
  const admin = () => world.makeKey({ scopes: ['admin', 'read', 'write'], siteIds: [world.plantId] });

  test('makes keys of these sites alone', async () => {
    const key = await admin();
    expect((await make(key, {})).json.data.site_ids).toEqual([world.plantId]);
    expect((await make(key, { site_ids: [world.plantId] })).status).toBe(201);
    for (const site_ids of [null, [world.campusId], [world.plantId, world.campusId]]) {
      expect(await make(key, { site_ids })).toMatchObject(exceeds);
    }
  });

  test('sees keys of these sites alone, and 403 for others of its tenant', async () => {
    const key = await admin();
    const [everywhere, campus, plant, both] = [
      await made({ name: 'everywhere' }),
      await made({ name: 'campus', site_ids: [world.campusId] }),
      await made({ name: 'plant', site_ids: [world.plantId] }),
      await made({ name: 'both', site_ids: [world.campusId, world.plantId] }),
    ];
    const { json } = await api.call('GET', `${path}?limit=200`, { key });
    const shown = json.data.map(({ id }: { id: string }) => id);
    expect(shown).toContain(plant.id);
    expect(json.total).toBe(shown.length);
    for (const { id } of [everywhere, campus, both]) {
      expect(shown).not.toContain(id);
      for (const [method, url, body] of [
        ['GET', `${path}/${id}`, undefined],
        ['PATCH', `${path}/${id}`, { name: 'x' }],
        ['DELETE', `${path}/${id}`, undefined],
        ['POST', `${path}/${id}/rotate`, {}],
      ] as const) {
        expect(await api.call(method, url, { key, body })).toMatchObject(forbidden);
      }
    }
    expect((await api.call('PATCH', `${path}/${plant.id}`, { key, body: { name: 'y' } })).status).toBe(200);
    const wider = await api.call('PATCH', `${path}/${plant.id}`, { key, body: { site_ids: null } });
    expect(wider).toMatchObject(exceeds);
  });

  test('makes no test keys: it has no site there', async () => {
    expect(await make(await admin(), { livemode: false })).toMatchObject(forbidden);
  });

  test("another tenant's sites are no sites", async () => {
    const other = await makeWorld(api.database);
    const reply = await make(world.key, { site_ids: [world.plantId, other.plantId] });
    expect(reply).toMatchObject({ status: 400, json: { errors: [{ pointer: '/site_ids/1', code: 'not_found' }] } });
  });
});
