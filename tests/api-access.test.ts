import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashSecret } from '../src/access/api-key.ts';
import { ensureApiKey } from '../src/access/store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { enter, makePerson, refresh } from './support/people.ts';

let api: TestApi;
let world: World;
let now = new Date('2026-04-11T18:22:33.000Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => now });
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/api/v1/work-orders';
const sitePath = '/api/v1/sites/ucl-east-campus/work-orders/';

describe('keys', () => {
  test.each([undefined, '', 'Basic YTpi', 'Bearer', 'Bearer ', 'Bearer a b'])(
    'R1: Authorization %j is 401 with a challenge (RFC 6750)',
    async (authorization) => {
      const headers = authorization === undefined ? {} : { authorization };
      const reply = await api.call('GET', path, { headers });
      expect(reply).toMatchObject({ status: 401, json: { error: 'unauthenticated', statusCode: 401 } });
      expect(reply.headers['www-authenticate']).toBe('Bearer realm="faultline"');
    },
  );

  test('R1: a key that nobody made is 401 invalid_token', async () => {
    const reply = await api.call('GET', path, { key: 'flt_live_nobody' });
    expect(reply).toMatchObject({ status: 401, json: { error: 'api_key_invalid' } });
    expect(reply.headers['www-authenticate']).toContain('error="invalid_token"');
  });

  test('the word Bearer is read in any case (RFC 9110, section 11.1)', async () => {
    expect((await api.call('GET', path, { headers: { authorization: `bearer ${world.key}` } })).status).toBe(200);
  });

  test('a key is issued as flt_live_ with 256 random bits, or flt_test_ for a test tenant, and only its hash is stored', async () => {
    expect(world.key).toMatch(/^flt_live_[\w-]{43}$/);
    const { db } = api.database;
    await db.updateTable('tenant').set({ livemode: false }).where('id', '=', world.tenantId).execute();
    const key = await world.makeKey({});
    await db.updateTable('tenant').set({ livemode: true }).where('id', '=', world.tenantId).execute();
    expect(key).toMatch(/^flt_test_[\w-]{43}$/);
    const row = await db
      .selectFrom('api_key')
      .selectAll()
      .where('secret_sha256', '=', hashSecret(key))
      .executeTakeFirstOrThrow();
    expect(JSON.stringify(row)).not.toContain(key.slice(13));
    expect(row.prefix).toBe(key.slice(0, 13));
  });

  test.each([
    'tac_your_api_key_here',
    'rops_live_0123456789',
    'anything at all? no: without blanks'.replaceAll(' ', '-'),
  ])('T16 O12: the given key %s works whatever its prefix says, and is made once', async (secret) => {
    const key = { tenantId: world.tenantId, name: 'given', scopes: ['read'], secret };
    expect(await ensureApiKey(api.database.db, key)).toBe(true);
    expect(await ensureApiKey(api.database.db, key)).toBe(false);
    expect((await api.call('GET', path, { key: secret })).status).toBe(200);
  });

  test('an expired key is 401 from the instant of its expiry on', async () => {
    const key = await world.makeKey({ expiresAt: new Date(now.getTime() + 1000) });
    expect((await api.call('GET', path, { key })).status).toBe(200);
    now = new Date(now.getTime() + 1000);
    expect(await api.call('GET', path, { key })).toMatchObject({ status: 401, json: { error: 'api_key_expired' } });
  });

  test('a revoked key is 401 at once, and only its own tenant can revoke it', async () => {
    const key = await world.makeKey({});
    const { db } = api.database;
    const row = await db
      .selectFrom('api_key')
      .select('id')
      .where('secret_sha256', '=', hashSecret(key))
      .executeTakeFirstOrThrow();
    const other = await makeWorld(api.database);
    const revoke = (by: string) => api.call('DELETE', `/api/v1/api-keys/${row.id}`, { key: by });
    expect((await revoke(other.key)).status).toBe(404);
    expect((await api.call('GET', path, { key })).status).toBe(200);
    expect((await revoke(world.key)).status).toBe(204);
    expect(await api.call('GET', path, { key })).toMatchObject({ status: 401, json: { error: 'api_key_revoked' } });
  });

  test('R2 R3: on the plan Free every key is 403 api_key_disabled_by_plan, and works again after an upgrade', async () => {
    const free = await makeWorld(api.database, { plan: 'free' });
    for (const url of [path, sitePath, '/api/v1/assets']) {
      const reply = await api.call('GET', url, { key: free.key });
      expect(reply).toMatchObject({ status: 403, json: { error: 'api_key_disabled_by_plan' } });
    }
    const { db } = api.database;
    const setPlan = (plan: string) => db.updateTable('tenant').set({ plan }).where('id', '=', free.tenantId).execute();
    await setPlan('pro');
    expect((await api.call('GET', path, { key: free.key })).status).toBe(200);
    await setPlan('free');
    expect((await api.call('GET', path, { key: free.key })).status).toBe(403);
  });

  test('last_used_at is noted at the first use, and again after a minute', async () => {
    const key = await world.makeKey({});
    const usedAt = async () => {
      await api.call('GET', path, { key });
      const rows = api.database.db.selectFrom('api_key').select('last_used_at');
      return (await rows.where('secret_sha256', '=', hashSecret(key)).executeTakeFirstOrThrow()).last_used_at;
    };
    const first = now;
    expect(await usedAt()).toEqual(first);
    now = new Date(first.getTime() + 59_000);
    expect(await usedAt()).toEqual(first);
    now = new Date(first.getTime() + 60_000);
    expect(await usedAt()).toEqual(now);
  });
});

test('HEAD is GET without the body, and wants the same key', async () => {
  const { key } = world;
  const head = await api.call('HEAD', sitePath, { key });
  expect([head.status, head.text, head.headers['x-total-count']]).toEqual([200, '', '0']);
  expect((await api.call('HEAD', sitePath)).status).toBe(401);
  expect((await api.call('HEAD', sitePath, { key: await world.makeKey({ scopes: ['write'] }) })).status).toBe(403);
});

describe('scopes', () => {
  const writes = [
    ['POST', path, { title: 'x' }],
    ['POST', sitePath, { title: 'x' }],
    ['PATCH', `${path}/b2c3d4e5-6789-0abc-def1-234567890abc`, { title: 'x' }],
    ['DELETE', `${path}/b2c3d4e5-6789-0abc-def1-234567890abc`, undefined],
  ] as const;
  test.each(writes)('N1: %s %s with a read key is 403 scope_missing, and says which', async (method, url, body) => {
    for (const scopes of [['read'], ['work-orders:read'], ['assets:write'], []]) {
      const key = await world.makeKey({ scopes });
      const reply = await api.call(method, url, { key, body });
      expect(reply).toMatchObject({ status: 403, json: { error: 'scope_missing' } });
      expect(reply.headers['www-authenticate']).toContain('scope="work-orders:write"');
    }
  });

  test.each(['work-orders', 'assets', 'sites', 'insights', 'points', 'quarantine'])(
    'reading %s takes read or its own scope, and no other',
    async (resource) => {
      for (const scope of ['read', `${resource}:read`]) {
        const key = await world.makeKey({ scopes: [scope] });
        expect((await api.call('GET', `/api/v1/${resource}`, { key })).status).toBe(200);
      }
      for (const scope of ['write', `${resource}:write`, 'metrics:read']) {
        const key = await world.makeKey({ scopes: [scope] });
        expect((await api.call('GET', `/api/v1/${resource}`, { key })).status).toBe(403);
      }
    },
  );
});

describe('a key that is limited to a site', () => {
  test('T14: sees its site, and another of its own tenant is 403, everywhere', async () => {
    const key = await world.makeKey({ siteIds: [world.plantId] });
    const { json } = await api.call('POST', sitePath, { key: world.key, body: { title: 'campus' } });
    const insight = await world.makeInsight();
    const forbidden = [
      sitePath,
      `${sitePath}${json.id}/`,
      `${path}/${json.id}`,
      `/api/v1/assets/${world.ahuId}`,
      `/api/v1/points/${world.pointId}`,
      `/api/v1/points/${world.pointId}/readings`,
      `/api/v1/insights/${insight}`,
      '/api/v1/sites/ucl-east-campus',
      '/api/v1/quarantine',
    ];
    for (const url of forbidden) {
      expect(await api.call('GET', url, { key })).toMatchObject({ status: 403, json: { error: 'site_forbidden' } });
    }
    for (const [method, body] of [
      ['PATCH', { title: 'y' }],
      ['DELETE', undefined],
    ] as const) {
      const reply = await api.call(method, `${path}/${json.id}`, { key, body });
      expect(reply).toMatchObject({ status: 403, json: { error: 'site_forbidden' } });
    }
    expect((await api.call('GET', '/api/v1/sites/plant/work-orders/', { key })).status).toBe(200);
  });

  test('its lists hold what lies at its site alone, and their totals count that', async () => {
    const key = await world.makeKey({ siteIds: [world.plantId] });
    await api.call('POST', sitePath, { key: world.key, body: { title: 'campus' } });
    await api.call('POST', '/api/v1/sites/plant/work-orders/', { key: world.key, body: { title: 'plant' } });
    await world.makeInsight();
    for (const [list, total] of [
      ['work-orders', 1],
      ['assets', 1],
      ['sites', 1],
      ['points', 0],
      ['insights', 0],
    ] as const) {
      const { json } = await api.call('GET', `/api/v1/${list}`, { key });
      expect([list, json.total, json.data.length]).toEqual([list, total, total]);
    }
  });

  test('a key that is limited to no site at all sees nothing, and gets no error of ours', async () => {
    const key = await world.makeKey({ siteIds: [] });
    for (const list of ['work-orders', 'assets', 'sites', 'points', 'insights']) {
      expect((await api.call('GET', `/api/v1/${list}`, { key })).json.total).toBe(0);
    }
    expect((await api.call('GET', sitePath, { key })).status).toBe(403);
  });

  test('it creates at its site, and what would lie elsewhere is refused', async () => {
    const key = await world.makeKey({ siteIds: [world.plantId] });
    const byDefault = await api.call('POST', path, { key, body: { title: 'x' } });
    expect(byDefault).toMatchObject({ status: 403, json: { error: 'site_forbidden' } });
    const foreign = await api.call('POST', path, { key, body: { title: 'x', asset_id: world.ahuId } });
    expect(foreign).toMatchObject({ status: 400, json: { errors: [{ pointer: '/asset_id', code: 'not_found' }] } });
    const own = await api.call('POST', path, { key, body: { title: 'x', asset_id: world.chillerId } });
    expect(own).toMatchObject({ status: 201, json: { data: { site: 'plant' } } });
  });
});

describe('where somebody is logged in', () => {
  const sessions = '/api/v1/auth/sessions';
  const later = (ms: number) => {
    now = new Date(now.getTime() + ms);
  };
  const me = (key: string) => api.call('GET', '/api/v1/auth/me', { key });
  const list = async (key: string) => (await api.call('GET', sessions, { key })).json.data;
  const end = (key: string, id: string, headers = {}) => api.call('DELETE', `${sessions}/${id}`, { key, headers });

  test('is shown to them, and each log-in can be ended by itself, at once', async () => {
    const kim = await makePerson(api, world, 'technician');
    const first = await enter(api, kim);
    later(60_000);
    const second = await enter(api, kim);
    const [newest, oldest, ...others] = await list(second.access);
    expect(others).toEqual([]);
    expect([newest.current, oldest.current]).toEqual([true, false]);
    expect(oldest).toMatchObject({ address: '127.0.0.1', user_agent: expect.any(String) });
    later(60_000);
    await refresh(api, first.refresh);
    const [, refreshed] = await list(second.access);
    expect([refreshed.id, refreshed.created_at]).toEqual([oldest.id, oldest.created_at]);
    expect(Date.parse(refreshed.updated_at)).toBe(now.getTime());
    expect((await end(second.access, oldest.id)).status).toBe(204);
    expect(await me(first.access)).toMatchObject({ status: 401, json: { error: 'session_ended' } });
    expect(await end(second.access, oldest.id)).toMatchObject({ status: 404, json: { error: 'session_not_found' } });
    expect((await list(second.access)).map(({ id }: { id: string }) => id)).toEqual([newest.id]);
    const { json } = await api.call('GET', `/api/v1/audit-log?action=session.ended&subject_id=${kim.id}`, {
      key: world.key,
    });
    expect(json.data).toMatchObject([
      { actor: { kind: 'user', id: kim.id }, subject: { id: kim.id, name: kim.username } },
    ]);
    expect((await end(second.access, newest.id)).status).toBe(204);
    expect((await me(second.access)).status).toBe(401);
  });

  test('is shown to nobody else, who ends none of it; a key is of no log-in', async () => {
    const kim = await makePerson(api, world, 'technician');
    const { access } = await enter(api, kim);
    const [{ id }] = await list(access);
    const other = await enter(api, await makePerson(api, world, 'admin'));
    for (const key of [other.access, world.key, await world.makeKey({ createdBy: kim.id, scopes: ['admin'] })]) {
      expect((await list(key)).filter((one: { id: string }) => one.id === id)).toEqual([]);
      expect((await end(key, id)).status).toBe(404);
    }
    expect(await list(world.key)).toEqual([]);
    expect((await me(access)).status).toBe(200);
  });
});
