import { afterAll, beforeAll, describe, expect, test } from 'vitest';
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
const make = async (key: string, body: object = {}) =>
  (await api.call('POST', path, { key, body: { name: 'made', scopes: ['read'], ...body } })).json.data;
const reasonOf = async (id: string, key: string) =>
  (await api.call('GET', `${path}/${id}`, { key })).json.data.disabled_reason;
const set = (id: string, columns: { active?: boolean; deleted_at?: Date | null }) =>
  api.database.db.updateTable('app_user').set(columns).where('id', '=', id).execute();

describe('a key works, or says why it does not', () => {
  test('R3: on Free a key is 403 api_key_disabled_by_plan, and works again at once after an upgrade', async () => {
    const own = await makeWorld(api.database);
    const { id, secret } = await make(own.key);
    const { db } = api.database;
    const onPlan = async (plan: string) => {
      await db.updateTable('tenant').set({ plan }).where('id', '=', own.tenantId).execute();
      return api.call('GET', orders, { key: secret });
    };
    expect((await onPlan('pro')).status).toBe(200);
    expect(await onPlan('free')).toMatchObject({ status: 403, json: { error: 'api_key_disabled_by_plan' } });
    const stored = db.selectFrom('api_key').selectAll().where('id', '=', id);
    expect(await stored.executeTakeFirstOrThrow()).toMatchObject({ revoked_at: null, expires_at: null });
    expect((await onPlan('pro')).status).toBe(200);
    expect(await reasonOf(id, own.key)).toBeNull();
  });

  test.each([
    ['is deactivated', { active: false }, { active: true }],
    ['is deleted', { deleted_at: new Date() }, { deleted_at: null }],
  ])('once its owner %s a key is 403 api_key_owner_inactive, until he is back', async (_, gone, back) => {
    const own = await makeWorld(api.database);
    const { secret } = await make(own.key);
    const ask = () => api.call('GET', orders, { key: secret });
    expect((await ask()).status).toBe(200);
    await set(own.alexId, gone);
    expect(await ask()).toMatchObject({ status: 403, json: { error: 'api_key_owner_inactive' } });
    await set(own.alexId, back);
    expect((await ask()).status).toBe(200);
  });

  test('a key in nobody’s name has no owner that could be inactive', async () => {
    const key = await world.makeKey({ scopes: ['read', 'admin'] });
    expect((await make(key)).created_by).toBeNull();
    expect((await api.call('GET', orders, { key })).status).toBe(200);
  });

  test('the first reason counts: revoked, expired, plan, owner', async () => {
    const own = await makeWorld(api.database);
    const watcher = await own.makeKey({ scopes: ['admin'] });
    const expires_at = new Date(now.getTime() + 1_000).toISOString();
    const { id } = await make(own.key, { expires_at });
    expect(await reasonOf(id, watcher)).toBeNull();
    await set(own.alexId, { active: false });
    expect(await reasonOf(id, watcher)).toBe('owner_inactive');
    now = new Date(now.getTime() + 1_000);
    expect(await reasonOf(id, watcher)).toBe('expired');
    await api.call('DELETE', `${path}/${id}`, { key: watcher });
    expect(await reasonOf(id, watcher)).toBe('revoked');
  });
});

test('last_used_at and last_used_ip are noted at the first use, and again after a minute', async () => {
  const { id, secret } = await make(world.key);
  const { headers: unused } = await api.call('GET', `${path}/${id}`, { key: world.key });
  const known = { 'if-none-match': String(unused.etag) };
  const use = async (remoteAddress: string) => {
    const headers = { authorization: `Bearer ${secret}` };
    await api.app.inject({ method: 'GET', url: orders, headers, remoteAddress });
    const { status, json } = await api.call('GET', `${path}/${id}`, { key: world.key, headers: known });
    // Uses move no ETag, and are told all the same.
    expect(status).toBe(200);
    return [json.data.last_used_at, json.data.last_used_ip];
  };
  const shown = (at: Date) => at.toISOString().replace('.000Z', 'Z');
  const first = now;
  expect(await use('192.0.2.7')).toEqual([shown(first), '192.0.2.7']);
  now = new Date(first.getTime() + 59_000);
  expect(await use('2001:db8::9')).toEqual([shown(first), '192.0.2.7']);
  now = new Date(first.getTime() + 60_000);
  expect(await use('2001:db8::9')).toEqual([shown(now), '2001:db8::9']);
});

test('so is the use of a key that stands in the query of a calendar', async () => {
  const { id, secret } = await make(world.key, { scopes: ['calendar:read'] });
  expect((await api.call('GET', `/api/v1/calendar.ics?key=${secret}`)).status).toBe(200);
  const { last_used_at } = (await api.call('GET', `${path}/${id}`, { key: world.key })).json.data;
  expect(new Date(last_used_at)).toEqual(now);
});

describe('the audit log', () => {
  test('has each change of a key: who, from where, before and after, and no secret', async () => {
    const own = await makeWorld(api.database);
    const { id, secret } = await make(own.key, { name: 'watched', scopes: ['read', 'write'] });
    await api.call('PATCH', `${path}/${id}`, { key: own.key, body: { scopes: ['read'], rate_limit_per_minute: 5 } });
    await api.call('PATCH', `${path}/${id}`, { key: own.key, body: { scopes: ['read'] } });
    const rotated = await api.call('POST', `${path}/${id}/rotate`, { key: own.key, body: {} });
    await api.call('GET', orders, { key: rotated.json.data.secret });
    await api.call('DELETE', `${path}/${id}`, { key: own.key });
    await api.call('DELETE', `${path}/${id}`, { key: own.key });
    const { json, text } = await api.call('GET', `/api/v1/audit-log?subject_id=${id}&sort=at`, { key: own.key });
    expect(text).not.toContain(secret.slice(13));
    expect(text).not.toContain(rotated.json.data.secret.slice(13));
    expect(json.data.map(({ action }: { action: string }) => action).sort()).toEqual([
      'api_key.changed',
      'api_key.created',
      'api_key.revoked',
      'api_key.rotated',
    ]);
    const entry = (action: string) => json.data.find((one: { action: string }) => one.action === action);
    expect(entry('api_key.created')).toMatchObject({
      actor: { kind: 'key' },
      address: '127.0.0.1',
      subject: { kind: 'api_key', id, name: 'watched' },
      before: null,
      after: { name: 'watched', scopes: ['read', 'write'], livemode: true },
    });
    expect(entry('api_key.changed')).toMatchObject({
      before: { scopes: ['read', 'write'], rate_limit_per_minute: 60 },
      after: { scopes: ['read'], rate_limit_per_minute: 5 },
    });
    expect(Object.keys(entry('api_key.rotated').after)).toEqual(['prefix']);
    expect(Object.keys(entry('api_key.revoked').after)).toEqual(['revoked_at']);
  });

  test('a refused change leaves no entry', async () => {
    const { id } = await make(world.key);
    const weak = await world.makeKey({ scopes: ['api-keys:write'] });
    expect((await api.call('PATCH', `${path}/${id}`, { key: weak, body: { scopes: ['admin'] } })).status).toBe(403);
    const { json } = await api.call('GET', `/api/v1/audit-log?subject_id=${id}`, { key: world.key });
    expect(json.data.map(({ action }: { action: string }) => action)).toEqual(['api_key.created']);
  });
});
