import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { hashSecret } from '../src/access/api-key.ts';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let now = new Date('2026-04-11T18:22:33.000Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => now });
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = '/api/v1/api-keys';
const orders = '/api/v1/work-orders';
const later = (ms: number) => {
  now = new Date(now.getTime() + ms);
  return now;
};

/** A key as its maker gets it. */
async function make(body: object, key = world.key) {
  const reply = await api.call('POST', path, { key, body: { name: 'Middleware', scopes: ['read'], ...body } });
  expect([reply.status, reply.text]).toEqual([201, expect.any(String)]);
  return reply.json.data;
}
const get = async (id: string, key = world.key) => (await api.call('GET', `${path}/${id}`, { key })).json.data;
const patch = (id: string, body: object, headers = {}) =>
  api.call('PATCH', `${path}/${id}`, { key: world.key, body, headers });
const rotate = (id: string, body?: object) =>
  api.call('POST', `${path}/${id}/rotate`, { key: world.key, body: body ?? {} });
const statusOf = async (key: string) => (await api.call('GET', orders, { key })).status;

describe('making a key', () => {
  test('R2 N1 O12: an admin makes one; its secret is shown once, and its hash alone is kept', async () => {
    const reply = await api.call('POST', path, { key: world.key, body: { name: ' Middleware ', scopes: ['read'] } });
    const { secret, ...made } = reply.json.data;
    expect(reply.status).toBe(201);
    expect(reply.headers.location).toBe(`http://127.0.0.1:3000${path}/${made.id}`);
    expect(made).toEqual({
      id: expect.any(String),
      name: 'Middleware',
      prefix: secret.slice(0, 13),
      scopes: ['read'],
      site_ids: null,
      livemode: true,
      rate_limit_per_minute: 60,
      expires_at: null,
      last_used_at: null,
      last_used_ip: null,
      previous_expires_at: null,
      revoked_at: null,
      disabled_reason: null,
      created_by: world.alexId,
      external_id: null,
      metadata: {},
      created_at: '2026-04-11T18:22:33Z',
      updated_at: '2026-04-11T18:22:33Z',
    });
    expect(secret).toMatch(/^flt_live_[\w-]{43}$/);
    for (const url of [path, `${path}/${made.id}`, '/api/v1/audit-log']) {
      const { status, text } = await api.call('GET', url, { key: world.key });
      expect([url, status, text.includes(secret.slice(13))]).toEqual([url, 200, false]);
    }
    const rows = api.database.db.selectFrom('api_key').selectAll().where('id', '=', made.id);
    const row = await rows.executeTakeFirstOrThrow();
    expect(row.secret_sha256).toEqual(hashSecret(secret));
    expect(JSON.stringify(row)).not.toContain(secret.slice(13));
    expect(await statusOf(secret)).toBe(200);
  });

  test('O13: the limit is 60 a minute unless another is given; R22: null is none', async () => {
    expect((await make({})).rate_limit_per_minute).toBe(60);
    expect((await make({ rate_limit_per_minute: 600 })).rate_limit_per_minute).toBe(600);
    expect((await make({ rate_limit_per_minute: null })).rate_limit_per_minute).toBeNull();
  });

  test('all that is given is kept', async () => {
    const given = {
      name: 'Nightly export',
      scopes: ['assets:read', 'work-orders:write'],
      site_ids: [world.plantId],
      rate_limit_per_minute: 5,
      expires_at: '2026-05-01T00:00:00Z',
      external_id: 'vault/17',
      metadata: { team: 'night' },
    };
    const { secret: _, ...made } = await make(given);
    expect(made).toMatchObject(given);
    expect(await get(made.id)).toEqual(made);
  });

  test.each([
    ['no name', { name: undefined }, '/name'],
    ['an empty name', { name: '' }, '/name'],
    ['a name of two lines', { name: 'a\nb' }, '/name'],
    ['a long name', { name: 'x'.repeat(201) }, '/name'],
    ['no scopes', { scopes: undefined }, '/scopes'],
    ['an empty list of scopes', { scopes: [] }, '/scopes'],
    ['a scope that there is not', { scopes: ['everything'] }, '/scopes/0'],
    ['a verb that there is not', { scopes: ['work-orders:delete'] }, '/scopes/0'],
    ['an empty list of sites', { site_ids: [] }, '/site_ids'],
    ['a site that there is not', { site_ids: [newId()] }, '/site_ids/0'],
    ['no request at all', { rate_limit_per_minute: 0 }, '/rate_limit_per_minute'],
    ['half a request', { rate_limit_per_minute: 1.5 }, '/rate_limit_per_minute'],
    ['a time that is none', { expires_at: 'soon' }, '/expires_at'],
    ['a time that is over', { expires_at: '2020-01-01T00:00:00Z' }, '/expires_at'],
    ['a secret of its own', { secret: 'flt_live_of-my-own' }, '/secret'],
    ['much metadata', { metadata: { k: 'x'.repeat(17_000) } }, '/metadata'],
  ])('with %s is 400, which names it', async (_, given, pointer) => {
    const body = { name: 'x', scopes: ['read'], ...given };
    const reply = await api.call('POST', path, { key: world.key, body });
    expect(reply).toMatchObject({ status: 400, json: { error: 'validation_failed' } });
    expect(reply.json.errors.map((error: { pointer: string }) => error.pointer)).toContain(pointer);
  });

  test('asked twice with one Idempotency-Key there is one key, and both answers show the secret', async () => {
    const body = { name: 'once', scopes: ['read'] };
    const headers = { 'idempotency-key': 'make-once' };
    const first = await api.call('POST', path, { key: world.key, body, headers });
    const second = await api.call('POST', path, { key: world.key, body, headers });
    expect(second.json).toEqual(first.json);
    expect(second.headers['idempotent-replayed']).toBe('true');
    const kept = api.database.db.selectFrom('idempotency_key').select('body').where('key', '=', 'make-once');
    expect((await kept.executeTakeFirstOrThrow()).body).not.toContain(first.json.data.secret);
    expect((await api.call('GET', `${path}?q=once`, { key: world.key })).json.total).toBe(1);
  });
});

describe('the list of keys', () => {
  test('is newest first, can be narrowed and sorted, and has no secrets', async () => {
    const own = await makeWorld(api.database);
    const names = ['alpha', 'beta', 'gamma'];
    for (const name of names) {
      later(1_000);
      await make({ name, external_id: name, ...(name === 'beta' && { expires_at: '2027-01-01T00:00:00Z' }) }, own.key);
    }
    const list = async (query: string) => (await api.call('GET', `${path}?${query}`, { key: own.key })).json;
    const named = async (query: string) => (await list(query)).data.map(({ name }: { name: string }) => name);
    expect((await named('')).filter((name: string) => name !== 'all')).toEqual(['gamma', 'beta', 'alpha']);
    expect(await named('sort=name&limit=2')).toEqual(['all', 'alpha']);
    expect(await named('q=gam')).toEqual(['gamma']);
    expect(await named('external_id=beta')).toEqual(['beta']);
    expect(await named('expires_at[lt]=2028-01-01')).toEqual(['beta']);
    const page = await list('limit=3&sort=name');
    expect([page.total, page.data.length]).toEqual([4, 3]);
    expect(await named(`limit=3&sort=name&cursor=${page.nextCursor}`)).toEqual(['gamma']);
    const [beta] = (await list('external_id=beta')).data;
    await api.call('DELETE', `${path}/${beta.id}`, { key: own.key });
    expect(await named('active=false')).toEqual(['beta']);
    expect((await named('active=true')).sort()).toEqual(['all', 'alpha', 'gamma']);
  });
});

describe('changing a key', () => {
  test('N4: only what is given changes, from the next request on', async () => {
    const made = await make({ scopes: ['read', 'write'] });
    const write = () => api.call('POST', orders, { key: made.secret, body: { title: 'x' } });
    expect((await write()).status).toBe(201);
    later(1_000);
    const reply = await patch(made.id, { scopes: ['read'], metadata: { a: 1 }, rate_limit_per_minute: null });
    const { secret: _, ...before } = made;
    expect(reply).toMatchObject({ status: 200 });
    expect(reply.json.data).toEqual({
      ...before,
      scopes: ['read'],
      metadata: { a: 1 },
      rate_limit_per_minute: null,
      last_used_at: '2026-04-11T18:22:36Z',
      last_used_ip: '127.0.0.1',
      updated_at: '2026-04-11T18:22:37Z',
    });
    expect((await write()).status).toBe(403);
  });

  test('If-Match holds: of two changes with one ETag the second is 412; uses of the key move no ETag', async () => {
    const made = await make({});
    const { headers } = await api.call('GET', `${path}/${made.id}`, { key: world.key });
    later(1_000);
    await statusOf(made.secret);
    expect((await patch(made.id, { name: 'a' }, { 'if-match': headers.etag })).status).toBe(200);
    expect((await patch(made.id, { name: 'b' }, { 'if-match': headers.etag })).status).toBe(412);
    const removal = { key: world.key, headers: { 'if-match': String(headers.etag) } };
    expect((await api.call('DELETE', `${path}/${made.id}`, removal)).status).toBe(412);
  });

  test('of many changes at once with one ETag one is made', async () => {
    const { id } = await make({});
    const { headers } = await api.call('GET', `${path}/${id}`, { key: world.key });
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const replies = await Promise.all(names.map((name) => patch(id, { name }, { 'if-match': headers.etag })));
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 412, 412, 412, 412, 412]);
  });

  test.each([{ livemode: false }, { secret: 'x' }, { prefix: 'x' }, { revoked_at: null }, { created_by: null }])(
    '%j cannot be changed',
    async (body) => {
      expect((await patch((await make({})).id, body)).status).toBe(400);
    },
  );

  test('a later expiry revives a key that has expired', async () => {
    const made = await make({ expires_at: new Date(now.getTime() + 1_000).toISOString() });
    expect(await statusOf(made.secret)).toBe(200);
    later(1_000);
    expect(await statusOf(made.secret)).toBe(401);
    expect((await get(made.id)).disabled_reason).toBe('expired');
    expect((await patch(made.id, { expires_at: null })).json.data.disabled_reason).toBeNull();
    expect(await statusOf(made.secret)).toBe(200);
  });
});

describe('rotating a key', () => {
  test('the old secret ends at once, the new one has the same rights', async () => {
    const made = await make({ scopes: ['work-orders:read'] });
    later(1_000);
    const { status, json } = await rotate(made.id);
    const { secret, ...rotated } = json.data;
    expect(status).toBe(200);
    expect(rotated).toMatchObject({ id: made.id, scopes: ['work-orders:read'], prefix: secret.slice(0, 13) });
    expect(rotated.previous_expires_at).toBeNull();
    expect(secret).not.toBe(made.secret);
    expect([await statusOf(made.secret), await statusOf(secret)]).toEqual([401, 200]);
    expect((await api.call('GET', '/api/v1/assets', { key: secret })).status).toBe(403);
  });

  test('asks for no body', async () => {
    const { id } = await make({});
    const { status, json } = await api.call('POST', `${path}/${id}/rotate`, { key: world.key });
    expect([status, json.data.previous_expires_at]).toEqual([200, null]);
  });

  test('with an overlap both secrets are good until it is over, and another rotation ends it', async () => {
    const made = await make({});
    const first = (await rotate(made.id, { overlap_minutes: 30 })).json.data;
    expect(first.previous_expires_at).toBe(new Date(now.getTime() + 1_800_000).toISOString().replace('.000Z', 'Z'));
    later(1_799_000);
    expect([await statusOf(made.secret), await statusOf(first.secret)]).toEqual([200, 200]);
    later(1_000);
    expect([await statusOf(made.secret), await statusOf(first.secret)]).toEqual([401, 200]);
    expect((await get(made.id)).previous_expires_at).toBeNull();
    const second = (await rotate(made.id, { overlap_minutes: 30 })).json.data;
    await rotate(made.id);
    expect([await statusOf(first.secret), await statusOf(second.secret)]).toEqual([401, 401]);
  });

  test.each([{ overlap_minutes: -1 }, { overlap_minutes: 10_081 }, { overlap_minutes: '5' }, { grace: 5 }])(
    '%j is 400',
    async (body) => {
      expect((await rotate((await make({})).id, body)).status).toBe(400);
    },
  );

  test('two rotations at once leave one secret that is good', async () => {
    const made = await make({});
    const replies = await Promise.all(Array.from({ length: 8 }, () => rotate(made.id)));
    const secrets = replies.map(({ json }) => json.data.secret);
    const statuses = await Promise.all(secrets.map(statusOf));
    expect(statuses.filter((status) => status === 200)).toHaveLength(1);
  });
});

describe('revoking a key', () => {
  test('it ends at once, with the secret before it, for good, and stays in the list', async () => {
    const made = await make({});
    const { secret } = (await rotate(made.id, { overlap_minutes: 30 })).json.data;
    const remove = () => api.call('DELETE', `${path}/${made.id}`, { key: world.key });
    expect((await remove()).status).toBe(204);
    expect(await api.call('GET', orders, { key: secret })).toMatchObject({
      status: 401,
      json: { error: 'api_key_revoked' },
    });
    expect(await statusOf(made.secret)).toBe(401);
    const shown = await get(made.id);
    expect(shown).toMatchObject({ disabled_reason: 'revoked', revoked_at: expect.any(String) });
    later(1_000);
    expect((await remove()).status).toBe(204);
    expect(await get(made.id)).toEqual(shown);
    expect(await patch(made.id, { name: 'x' })).toMatchObject({ status: 409, json: { error: 'api_key_ended' } });
    expect(await rotate(made.id)).toMatchObject({ status: 409, json: { error: 'api_key_ended' } });
  });

  test('a key that there is not, and one of another tenant, is 404 whatever is done to it', async () => {
    const other = await makeWorld(api.database);
    const { id } = await make({ name: 'theirs' }, other.key);
    for (const which of [newId(), id]) {
      for (const [method, url, body] of [
        ['GET', `${path}/${which}`, undefined],
        ['PATCH', `${path}/${which}`, { name: 'mine' }],
        ['DELETE', `${path}/${which}`, undefined],
        ['POST', `${path}/${which}/rotate`, {}],
      ] as const) {
        const reply = await api.call(method, url, { key: world.key, body });
        expect(reply).toMatchObject({ status: 404, json: { error: 'api_key_not_found' } });
      }
    }
    expect(await get(id, other.key)).toMatchObject({ name: 'theirs', disabled_reason: null });
  });
});
