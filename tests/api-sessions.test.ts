import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { enter, makePerson, type Person, refresh } from './support/people.ts';

let api: TestApi;
let world: World;
let kim: Person;
let now = new Date('2026-04-11T18:22:33.000Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => now });
  world = await makeWorld(api.database);
});
afterAll(() => api.close());
beforeEach(async () => {
  kim = await makePerson(api, world, 'technician');
});

const later = (ms: number) => {
  now = new Date(now.getTime() + ms);
};
const me = (key: string) => api.call('GET', '/api/v1/auth/me', { key });
const change = (body: object) => api.call('PATCH', `/api/v1/users/${kim.id}`, { key: world.key, body });

describe('a refresh token', () => {
  test('gives the next pair, and so on, each once', async () => {
    let { refresh: token } = await enter(api, kim);
    for (let times = 0; times < 4; times += 1) {
      later(900_000);
      const { status, json } = await refresh(api, token);
      expect([status, json.data.user.id]).toEqual([200, kim.id]);
      expect((await me(json.data.access_token)).status).toBe(200);
      expect(json.data.refresh_token).not.toBe(token);
      token = json.data.refresh_token;
    }
  });

  test('that was used ends the whole family when it comes again: the newest pair as well, at once', async () => {
    const first = await enter(api, kim);
    const other = await enter(api, kim);
    const second = (await refresh(api, first.refresh)).json.data;
    const third = (await refresh(api, second.refresh_token)).json.data;
    expect((await me(third.access_token)).status).toBe(200);
    expect(await refresh(api, first.refresh)).toMatchObject({ status: 401, json: { error: 'refresh_token_reused' } });
    for (const key of [first.access, second.access_token, third.access_token])
      expect(await me(key)).toMatchObject({ status: 401, json: { error: 'session_ended' } });
    for (const token of [first.refresh, second.refresh_token, third.refresh_token])
      expect(await refresh(api, token)).toMatchObject({ status: 401, json: { error: 'session_ended' } });
    expect((await me(other.access)).status).toBe(200);
  });

  test('of 20 that come with one token at the same time one wins, and the family ends', async () => {
    const { refresh: token } = await enter(api, kim);
    const replies = await Promise.all(Array.from({ length: 20 }, () => refresh(api, token)));
    const of = (status: number) => replies.filter((reply) => reply.status === status);
    expect([of(200).length, of(401).length]).toEqual([1, 19]);
    expect(of(401).filter(({ json }) => json.error === 'refresh_token_reused').length).toBe(1);
    expect(await me(of(200)[0]?.json.data.access_token)).toMatchObject({
      status: 401,
      json: { error: 'session_ended' },
    });
  });

  test('whose answer was lost may be sent again with the same Idempotency-Key, for a minute; what was lost is of no use', async () => {
    const { refresh: token } = await enter(api, kim);
    const headers = { 'idempotency-key': 'refresh-1' };
    const lost = (await refresh(api, token, headers)).json.data;
    later(59_000);
    const again = await refresh(api, token, headers);
    expect([again.status, again.headers['idempotent-replayed']]).toEqual([200, 'true']);
    const kept = again.json.data;
    expect(await refresh(api, lost.refresh_token)).toMatchObject({
      status: 401,
      json: { error: 'refresh_token_reused' },
    });
    expect((await me(kept.access_token)).status).toBe(401);

    const another = await enter(api, kim);
    const next = (await refresh(api, another.refresh, headers)).json.data;
    expect((await refresh(api, next.refresh_token)).status).toBe(200);
    later(60_000);
    expect(await refresh(api, another.refresh, headers)).toMatchObject({ json: { error: 'refresh_token_reused' } });
  });

  test('with another Idempotency-Key, or none, is one that came again', async () => {
    const { refresh: token } = await enter(api, kim);
    expect((await refresh(api, token, { 'idempotency-key': 'one' })).status).toBe(200);
    expect(await refresh(api, token, { 'idempotency-key': 'two' })).toMatchObject({
      json: { error: 'refresh_token_reused' },
    });
  });

  test('is good for 30 days without a refresh, and each refresh begins them anew', async () => {
    const days = 86_400_000;
    const { refresh: token } = await enter(api, kim);
    later(30 * days - 1);
    const next = (await refresh(api, token)).json.data;
    later(30 * days - 1);
    expect(next.refresh_expires_at).toBe(new Date(now.getTime() + 1).toISOString().replace('.000', ''));
    const last = (await refresh(api, next.refresh_token)).json.data;
    later(30 * days);
    expect(await refresh(api, last.refresh_token)).toMatchObject({ status: 401, json: { error: 'session_ended' } });
  });

  test.each(['frt_nobody', 'x', 'eyJhbGciOiJub25lIn0.e30.', "' or 1=1 --", 'x'.repeat(200)])(
    '%s is known to nobody',
    async (token) => {
      expect(await refresh(api, token)).toMatchObject({ status: 401, json: { error: 'refresh_token_invalid' } });
    },
  );

  test.each([{}, { refresh_token: '' }, { refresh_token: 7 }, { refresh_token: 'x'.repeat(201) }, [], null])(
    '%j is 400',
    async (body) => {
      for (const verb of ['refresh', 'logout'])
        expect((await api.call('POST', `/api/v1/auth/${verb}`, { body })).status).toBe(400);
    },
  );

  test('is in the database as a hash alone', async () => {
    const { refresh: token } = await enter(api, kim);
    const { rows } = await api.database.pool.query('select row_to_json(r)::text as row from refresh_token r');
    expect(rows.length).toBeGreaterThan(0);
    expect(rows.some(({ row }) => row.includes(token.slice(4)))).toBe(false);
  });
});

describe('a log-in ends, for its access token too', () => {
  const ended = async (key: string) =>
    expect(await me(key)).toMatchObject({ status: 401, json: { error: 'session_ended' } });

  test('by logging out, with any of its refresh tokens, and no other log-in does', async () => {
    const [first, other] = [await enter(api, kim), await enter(api, kim)];
    const next = (await refresh(api, first.refresh)).json.data;
    const out = () => api.call('POST', '/api/v1/auth/logout', { body: { refresh_token: first.refresh } });
    expect((await out()).json.data).toEqual({ ended: true });
    await ended(next.access_token);
    expect((await out()).json.data).toEqual({ ended: false });
    expect((await me(other.access)).status).toBe(200);
    const unknown = await api.call('POST', '/api/v1/auth/logout', { body: { refresh_token: 'frt_nobody' } });
    expect(unknown).toMatchObject({ status: 200, json: { data: { ended: false } } });
  });

  test('and of two changes of a password at once one is made: the other finds that its password is another by then', async () => {
    const { access: key } = await enter(api, kim);
    const change = (password: string) =>
      api.call('POST', '/api/v1/auth/password', { key, body: { current_password: kim.password, password } });
    const replies = await Promise.all(['a first one that is long', 'another that is long'].map(change));
    expect(replies.map(({ status, json }) => json.error ?? status).sort()).toEqual([200, 'credentials_invalid']);
  });

  test('by another password, but for the one that asks', async () => {
    const [own, other] = [await enter(api, kim), await enter(api, kim)];
    const ask = (current_password: string, password: string) =>
      api.call('POST', '/api/v1/auth/password', { key: own.access, body: { current_password, password } });
    expect(await ask('a wrong one', 'something else entirely')).toMatchObject({
      status: 401,
      json: { error: 'credentials_invalid' },
    });
    expect(await ask(kim.password, 'too short')).toMatchObject({ status: 400 });
    expect((await ask(kim.password, 'something else entirely')).status).toBe(200);
    expect((await me(own.access)).status).toBe(200);
    await ended(other.access);
    await expect(enter(api, kim)).rejects.toThrow('401');
    await enter(api, { ...kim, password: 'something else entirely' });
    const byKey = await api.call('POST', '/api/v1/auth/password', {
      key: world.key,
      body: { current_password: 'x', password: 'something else entirely' },
    });
    expect(byKey).toMatchObject({ status: 403, json: { error: 'log_in_required' } });
  });

  test('by deactivation, from the next request on, and activation brings back none', async () => {
    const { access, refresh: token } = await enter(api, kim);
    await api.call('POST', `/api/v1/users/${kim.id}/deactivate`, { key: world.key });
    await ended(access);
    await api.call('POST', `/api/v1/users/${kim.id}/activate`, { key: world.key });
    await ended(access);
    expect(await refresh(api, token)).toMatchObject({ status: 401, json: { error: 'session_ended' } });
    await enter(api, kim);
  });

  test('by deletion', async () => {
    const { access } = await enter(api, kim);
    await api.call('DELETE', `/api/v1/users/${kim.id}`, { key: world.key });
    await ended(access);
  });
});

describe('what a person may do is read at every request, whatever the token says', () => {
  test('another role holds from the next one on', async () => {
    const { access } = await enter(api, kim);
    const write = () => api.call('POST', '/api/v1/work-orders', { key: access, body: { title: 'x' } });
    expect((await write()).status).toBe(201);
    await change({ role: 'viewer' });
    expect(await write()).toMatchObject({ status: 403, json: { error: 'scope_missing' } });
    await change({ role: 'manager' });
    expect((await write()).status).toBe(201);
  });

  test('T14: other sites hold from the next one on: another of the tenant is 403', async () => {
    const { access: key } = await enter(api, kim);
    const get = (slug: string) => api.call('GET', `/api/v1/sites/${slug}/work-orders/`, { key });
    expect((await get('plant')).status).toBe(200);
    await change({ site_ids: [world.campusId] });
    expect(await get('plant')).toMatchObject({ status: 403, json: { error: 'site_forbidden' } });
    expect((await get('ucl-east-campus')).status).toBe(200);
  });

  test.each([
    ['admin', ['read', 'write', 'admin']],
    ['manager', ['read', 'write']],
    ['technician', ['read', 'work-orders:write', 'insights:write']],
    ['viewer', ['read']],
  ] as const)('a %s has %j', async (role, scopes) => {
    const person = await makePerson(api, world, role, { siteIds: [world.plantId] });
    const { access } = await enter(api, person);
    const { json } = await me(access);
    expect(json.data).toMatchObject({ role, scopes, site_ids: [world.plantId], key: null, user: { id: person.id } });
    expect(json.data.tenant).toMatchObject({ id: world.tenantId, plan: 'pro', livemode: true });
  });

  test('an Idempotency-Key that another person has used with the very same body is 422, and tells nothing of theirs', async () => {
    const lee = await makePerson(api, world, 'technician');
    const headers = { 'idempotency-key': 'the-same' };
    const create = async (person: Person) => {
      const { access: key } = await enter(api, person);
      return api.call('POST', '/api/v1/work-orders', { key, body: { title: 'by me' }, headers });
    };
    expect((await create(kim)).status).toBe(201);
    expect((await create(kim)).headers['idempotent-replayed']).toBe('true');
    expect(await create(lee)).toMatchObject({ status: 422, json: { error: 'idempotency_key_reused' } });
  });

  test('what is kept of a request with a password says nothing by which passwords can be tried', async () => {
    const { access: key } = await enter(api, kim);
    const body = { current_password: kim.password, password: 'something else entirely' };
    const headers = { 'idempotency-key': 'a password' };
    expect((await api.call('POST', '/api/v1/auth/password', { key, body, headers })).status).toBe(200);
    const kept = api.database.db.selectFrom('idempotency_key').select('request_sha256').where('key', '=', 'a password');
    const { request_sha256: sha256 } = await kept.executeTakeFirstOrThrow();
    const sent = JSON.stringify(body);
    const who = [JSON.stringify([kim.id, null]), kim.id, ''];
    const guesses = who.map((one) => createHash('sha256').update(`${one}${sent}`).digest('hex'));
    expect(guesses).not.toContain(sha256.toString('hex'));
  });

  test('a key is told who it is as well', async () => {
    const { json } = await me(world.key);
    expect(json.data).toMatchObject({
      role: null,
      key: { name: 'all', prefix: world.key.slice(0, 13) },
      user: { username: 'alex' },
    });
    expect((await api.call('GET', '/api/v1/auth/me')).status).toBe(401);
  });

  test('R2: people go on while the plan is Free, so that one of them can change it', async () => {
    const free = await makeWorld(api.database, { plan: 'free' });
    const admin = await makePerson(api, free, 'admin');
    const { access: key } = await enter(api, admin);
    expect(await api.call('GET', '/api/v1/tenant', { key: free.key })).toMatchObject({
      json: { error: 'api_key_disabled_by_plan' },
    });
    expect((await api.call('PATCH', '/api/v1/tenant', { key, body: { plan: 'pro' } })).status).toBe(200);
    expect((await api.call('GET', '/api/v1/tenant', { key: free.key })).status).toBe(200);
  });
});
