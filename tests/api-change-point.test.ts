import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let path: string;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await makeWorld(api.database);
  path = `/api/v1/points/${world.pointId}`;
});

describe('PATCH of a point', () => {
  test('sets how often it is expected to report, and since when', async () => {
    const before = await api.call('GET', path, { key: world.key });
    const ifMatch = { 'if-match': String(before.headers.etag) };
    const changed = await api.call('PATCH', path, {
      key: world.key,
      body: { expected_interval_s: 2.5 },
      headers: ifMatch,
    });
    expect([changed.status, changed.json.data.expected_interval_s]).toEqual([200, 2.5]);
    expect(changed.headers.etag).not.toBe(before.headers.etag);
    const { db } = api.database;
    const since = async () =>
      (await db.selectFrom('point').select('expected_since').where('id', '=', world.pointId).executeTakeFirstOrThrow())
        .expected_since;
    const first = await since();
    expect(first).not.toBeNull();
    await api.call('PATCH', path, { key: world.key, body: { states: { On: 1, Off: 0 } } });
    expect(await since()).toEqual(first);
    const late = await api.call('PATCH', path, {
      key: world.key,
      body: { expected_interval_s: 60 },
      headers: ifMatch,
    });
    expect(late.status).toBe(412);
    const unset = await api.call('PATCH', path, { key: world.key, body: { expected_interval_s: null } });
    expect(unset.json.data).toMatchObject({ expected_interval_s: null, states: { On: 1, Off: 0 } });
    expect(await since()).toBeNull();
  });

  test.each([
    [{ expected_interval_s: 0 }, '/expected_interval_s'],
    [{ expected_interval_s: -60 }, '/expected_interval_s'],
    [{ expected_interval_s: 1e9 }, '/expected_interval_s'],
    [{ expected_interval_s: '60' }, '/expected_interval_s'],
    [{ states: { On: 'on' } }, '/states/On'],
    [{ states: { '': 1 } }, '/states/'],
    [{ value: 1 }, '/value'],
  ])('is refused for %j at %s', async (body, pointer) => {
    const reply = await api.call('PATCH', path, { key: world.key, body });
    expect(reply).toMatchObject({ status: 400, json: { errors: [{ pointer }] } });
  });

  test('needs the scope points:write, the site, and the tenant', async () => {
    const body = { expected_interval_s: 60 };
    const statusFor = async (key: string) => (await api.call('PATCH', path, { key, body })).status;
    expect(await statusFor(await world.makeKey({ scopes: ['points:read'] }))).toBe(403);
    expect(await statusFor(await world.makeKey({ siteIds: [world.plantId] }))).toBe(403);
    expect(await statusFor((await makeWorld(api.database)).key)).toBe(404);
    expect(await statusFor(await world.makeKey({ siteIds: [world.campusId], scopes: ['points:write'] }))).toBe(200);
  });
});
