import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { enter, makePerson } from './support/people.ts';

let api: TestApi;
let world: World;
let key: string;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  key = world.key;
});
afterAll(() => api.close());

const path = '/api/v1/users';
const make = (body: object, by = key) => api.call('POST', path, { key: by, body });
const patch = (id: string, body: object, by = key) => api.call('PATCH', `${path}/${id}`, { key: by, body });
let count = 0;
const newEmail = () => {
  count += 1;
  return `person-${count}@betacit.com`;
};

describe('people', () => {
  test('are made with what is given, the rest as it is said to be, and found again', async () => {
    const email = newEmail();
    const made = await make({
      email,
      name: ' Kim Park ',
      skills: ['chillers', 'chillers', 'ahu'],
      metadata: { badge: 7 },
    });
    const { id } = made.json.data;
    expect(made).toMatchObject({ status: 201, headers: { location: `http://127.0.0.1:3000${path}/${id}` } });
    expect(made.json.data).toMatchObject({
      email,
      username: email.split('@')[0],
      name: 'Kim Park',
      role: 'technician',
      active: true,
      log_in: 'none',
      site_ids: null,
      skills: ['chillers', 'ahu'],
      phone: null,
      external_id: null,
      metadata: { badge: 7 },
      last_login_at: null,
    });
    const got = await api.call('GET', `${path}/${id}`, { key });
    expect([got.json, got.headers.etag]).toEqual([made.json, made.headers.etag]);
    expect(got.text).not.toMatch(/password_argon2id|deleted_at/);
  });

  test('N4: are changed in what is given alone; null and the empty text unset', async () => {
    const { id } = (
      await make({ email: newEmail(), phone: '+44 20 7946 0018', external_id: `hr-${count}`, locale: 'de' })
    ).json.data;
    const changed = (await patch(id, { name: 'Lee', phone: null, locale: '' })).json.data;
    expect(changed).toMatchObject({ name: 'Lee', phone: null, locale: null, external_id: `hr-${count}` });
    expect((await patch(id, { external_id: null, skills: [], metadata: null })).json.data).toMatchObject({
      external_id: null,
      skills: [],
      metadata: {},
      name: 'Lee',
    });
  });

  test('If-Match of a version that is not the present one is 412, for a change and a deletion', async () => {
    const made = await make({ email: newEmail() });
    const url = `${path}/${made.json.data.id}`;
    const headers = { 'if-match': String(made.headers.etag) };
    expect((await api.call('PATCH', url, { key, body: { name: 'first' }, headers })).status).toBe(200);
    expect((await api.call('PATCH', url, { key, body: { name: 'second' }, headers })).status).toBe(412);
    expect((await api.call('DELETE', url, { key, headers })).status).toBe(412);
    expect((await api.call('GET', url, { key })).json.data.name).toBe('first');
  });

  test('that are deleted are gone from the list and free their names; their work goes on naming them', async () => {
    const email = newEmail();
    const { id, username } = (await make({ email })).json.data;
    const order = await api.call('POST', '/api/v1/work-orders', { key, body: { title: 'x', assigned_to: id } });
    expect((await api.call('DELETE', `${path}/${id}`, { key })).status).toBe(204);
    expect(await api.call('GET', `${path}/${id}`, { key })).toMatchObject({
      status: 404,
      json: { error: 'user_not_found' },
    });
    expect((await api.call('DELETE', `${path}/${id}`, { key })).status).toBe(404);
    const list = await api.call('GET', `${path}?q=${username}`, { key });
    expect(list.json.data).toEqual([]);
    const url = `/api/v1/sites/ucl-east-campus/work-orders/${order.json.data.id}/`;
    expect((await api.call('GET', url, { key })).json.assigned_to_detail).toMatchObject({ id, username });
    expect((await make({ email })).status).toBe(201);
  });

  test('R15: work is given to one who is active, and to nobody who is not, was deleted, or is of another tenant', async () => {
    const { id } = (await make({ email: newEmail() })).json.data;
    const assign = (assigned_to: string) =>
      api.call('POST', '/api/v1/work-orders', { key, body: { title: 'x', assigned_to } });
    expect((await assign(id)).status).toBe(201);
    await api.call('POST', `${path}/${id}/deactivate`, { key });
    const refused = { status: 400, json: { errors: [{ pointer: '/assigned_to', code: 'not_found' }] } };
    expect(await assign(id)).toMatchObject(refused);
    await api.call('POST', `${path}/${id}/activate`, { key });
    expect((await assign(id)).status).toBe(201);
    await api.call('DELETE', `${path}/${id}`, { key });
    expect(await assign(id)).toMatchObject(refused);
    const other = await makeWorld(api.database);
    expect(await assign(other.alexId)).toMatchObject(refused);
  });

  test('N5: are listed a page at a time, in an order that was asked for, by role, site, skill, words', async () => {
    const own = await makeWorld(api.database);
    for (const name of ['Bo', 'Ada', 'Cy']) {
      const site_ids = name === 'Cy' ? [own.plantId] : null;
      await make({ email: `${name}@own.example`, name, role: 'manager', skills: [name], site_ids }, own.key);
    }
    const list = async (query: string) =>
      (await api.call('GET', `${path}?${query}`, { key: own.key })).json.data.map(
        ({ name, username }: { name: string; username: string }) => name || username,
      );
    expect(await list('role=manager&sort=name')).toEqual(['Ada', 'Bo', 'Cy']);
    expect(await list('role=manager&sort=-name&limit=2')).toEqual(['Cy', 'Bo']);
    expect(await list('skill=Ada')).toEqual(['Ada']);
    expect(await list('q=ad')).toEqual(['Ada']);
    expect(await list('role=manager&site=ucl-east-campus&sort=name')).toEqual(['Ada', 'Bo']);
    expect(await list('active=false')).toEqual(['sam']);
    const first = await api.call('GET', `${path}?limit=2`, { key: own.key });
    expect(first.json).toMatchObject({ total: 5, limit: 2, offset: 0, nextCursor: expect.any(String) });
    const next = await api.call('GET', `${path}?limit=200&cursor=${first.json.nextCursor}`, { key: own.key });
    expect([next.json.data.length, next.json.nextCursor]).toEqual([3, null]);
    expect((await api.call('GET', `${path}?sort=password_argon2id`, { key })).status).toBe(400);
  });

  test.each([
    ['email', () => ({ email: 'taken@betacit.com', username: 'another' })],
    ['email', () => ({ email: 'TAKEN@betacit.com', username: 'free' })],
    ['username', () => ({ email: newEmail(), username: 'taken' })],
    ['username', () => ({ email: newEmail(), username: 'Taken' })],
    ['external_id', () => ({ email: newEmail(), external_id: 'taken' })],
  ] as const)('of a tenant have %s for themselves: another is 409 that names it', async (property, body) => {
    await make({ email: 'taken@betacit.com', username: 'taken', external_id: 'taken' });
    const conflict = {
      status: 409,
      json: { error: 'user_exists', errors: [{ pointer: `/${property}`, code: 'conflict' }] },
    };
    expect(await make(body())).toMatchObject(conflict);
    const { id } = (await make({ email: newEmail() })).json.data;
    expect(await patch(id, body())).toMatchObject(conflict);
    const other = await makeWorld(api.database);
    expect((await make(body(), other.key)).status).toBe(201);
  });

  test.each([
    {},
    { email: 'nobody' },
    { email: 'a b@c.de' },
    { email: '' },
    { email: null },
    { email: `${'x'.repeat(260)}@c.de` },
    { email: 'a@b.c', role: 'owner' },
    { email: 'a@b.c', role: ['admin'] },
    { email: 'a@b.c', username: 'a@b.c' },
    { email: 'a@b.c', username: '../admin' },
    { email: 'a@b.c', username: '' },
    { email: 'a@b.c', site_ids: [] },
    { email: 'a@b.c', site_ids: ['plant'] },
    { email: 'a@b.c', site_ids: ['b2c3d4e5-6789-0abc-def1-234567890abc'] },
    { email: 'a@b.c', password_argon2id: 'x' },
    { email: 'a@b.c', tenant_id: 'b2c3d4e5-6789-0abc-def1-234567890abc' },
    { email: 'a@b.c', active: false },
    { email: 'a@b.c', name: 'a\u0007b' },
    { email: 'a@b.c', name: '\ud800' },
    { email: 'a@b.c', skills: ['\u0000'] },
    { email: 'a@b.c', metadata: { x: 'x'.repeat(20_000) } },
    [],
  ])('are not made of %j', async (body) => {
    expect(await api.call('POST', path, { key, body })).toMatchObject({
      status: 400,
      json: { error: 'validation_failed' },
    });
  });

  test('are made once by a repeated request with one Idempotency-Key', async () => {
    const email = newEmail();
    const headers = { 'idempotency-key': 'make-once' };
    const replies = [];
    for (let times = 0; times < 2; times += 1)
      replies.push(await api.call('POST', path, { key, body: { email }, headers }));
    expect(replies.map(({ status }) => status)).toEqual([201, 201]);
    expect(replies[1]?.headers['idempotent-replayed']).toBe('true');
  });

  test('of another tenant are not there, for reading, changing, letting in and inviting', async () => {
    const other = await makeWorld(api.database);
    const notFound = { status: 404, json: { error: 'user_not_found' } };
    const url = `${path}/${world.alexId}`;
    expect(await api.call('GET', url, { key: other.key })).toMatchObject(notFound);
    expect(await patch(world.alexId, { role: 'viewer' }, other.key)).toMatchObject(notFound);
    expect(await api.call('DELETE', url, { key: other.key })).toMatchObject(notFound);
    for (const verb of ['activate', 'deactivate', 'invite'])
      expect(await api.call('POST', `${url}/${verb}`, { key: other.key })).toMatchObject(notFound);
    const site_ids = [world.campusId];
    expect(await make({ email: newEmail(), site_ids }, other.key)).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/site_ids/0' }] },
    });
  });

  test('show when they logged in last also to who knows their ETag, which a log-in does not move', async () => {
    const person = await makePerson(api, world, 'viewer');
    const get = (headers = {}) => api.call('GET', `${path}/${person.id}`, { key, headers });
    const before = await get();
    await enter(api, person);
    const after = await get({ 'if-none-match': String(before.headers.etag) });
    expect([after.status, after.headers.etag]).toEqual([200, before.headers.etag]);
    expect([before.json.data.last_login_at, typeof after.json.data.last_login_at]).toEqual([null, 'string']);
  });
});
