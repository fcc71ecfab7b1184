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

test('a point is shown whole to who knows its version: its asset may have another name, and its interval may have been learned', async () => {
  const { headers } = await api.call('GET', path, { key: world.key });
  await api.call('PATCH', `/api/v1/assets/${world.ahuId}`, { key: world.key, body: { name: 'AHU-01b' } });
  const known = { 'if-none-match': String(headers.etag) };
  const again = await api.call('GET', path, { key: world.key, headers: known });
  expect(again).toMatchObject({ status: 200, json: { data: { asset: 'AHU-01b' } }, headers: { etag: headers.etag } });
});

const change = (body: object) => api.call('PATCH', path, { key: world.key, body });

test('N4: what programs keep with a point is set, found, and taken away by null or the empty text; only what is given changes', async () => {
  const set = await change({
    external_id: 'BMS-4711',
    metadata: { ticket: 1 },
    class: 'Supply_Air_Temperature_Sensor',
  });
  expect(set.json.data).toMatchObject({ external_id: 'BMS-4711', metadata: { ticket: 1 }, unit: 'degC' });
  const found = () => api.call('GET', '/api/v1/points?external_id=BMS-4711', { key: world.key });
  expect((await found()).json.data).toEqual([set.json.data]);
  for (const [name, empty, is] of [
    ['external_id', '', null],
    ['metadata', null, {}],
    ['class', '', null],
    ['part_of', '', null],
    ['tags', null, {}],
  ] as const) {
    const { status, json } = await change({ [name]: empty });
    expect([status, name, json.data?.[name]]).toEqual([200, name, is]);
  }
  expect((await found()).json.total).toBe(0);
});

test('what a building model calls a point is its external_id, unless another program calls it otherwise', async () => {
  const { db } = api.database;
  await db.updateTable('point').set({ external_id: 'urn:of-the-model' }).where('id', '=', world.pointId).execute();
  const count = async (name: string) =>
    (await api.call('GET', `/api/v1/points?external_id=${name}`, { key: world.key })).json.total;
  expect([await count('urn:of-the-model'), await count('own')]).toEqual([1, 0]);
  expect((await change({ external_id: 'own' })).json.data.external_id).toBe('own');
  expect([await count('urn:of-the-model'), await count('own')]).toEqual([0, 1]);
  expect((await change({ external_id: null })).json.data.external_id).toBe('urn:of-the-model');
});

test('what people make and change of a point is told, each property with its value before and after, and nothing where nothing changed', async () => {
  const { id } = (
    await api.call('POST', '/api/v1/points', {
      key: world.key,
      body: { asset_id: world.ahuId, name: 'rat', unit: 'degC' },
    })
  ).json.data;
  const url = `/api/v1/points/${id}`;
  const body = { unit: 'K', min: 280, tags: { critical: true }, expected_interval_s: 60, metadata: { a: 1 } };
  for (let times = 0; times < 2; times += 1) await api.call('PATCH', url, { key: world.key, body });
  const log = async (key: string) => (await api.call('GET', `/api/v1/events?subject_id=${id}`, { key })).json.data;
  const events = await log(world.key);
  expect(events.map(({ type }: { type: string }) => type)).toEqual(['point.updated', 'point.created']);
  const [changed] = events;
  expect(changed).toMatchObject({
    subject: { kind: 'point', id },
    site: 'ucl-east-campus',
    asset_id: world.ahuId,
    actor: { kind: 'key', user_id: world.alexId },
    data: { id, asset_id: world.ahuId, name: 'rat', unit: 'K' },
  });
  const told = changed.changes.map(({ field, from, to }: Record<string, unknown>) => [field, from, to]);
  expect(told.sort()).toEqual([
    ['expected_interval_s', null, 60],
    ['metadata', {}, { a: 1 }],
    ['min', null, 280],
    ['tags', {}, { critical: true }],
    ['unit', 'degC', 'K'],
  ]);
  expect(await log(await world.makeKey({ scopes: ['events:read', 'assets:read'] }))).toEqual([]);
});
