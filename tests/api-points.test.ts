/** Points as people make, change and find them; what a change of unit or states means for readings that are there. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { dropEverything, readingsOf, storeReadings } from './support/readings.ts';

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
  await dropEverything(api.database);
});

const minute = (n: number) => `2026-03-17T17:${String(n).padStart(2, '0')}:00Z`;
const store = (values: readonly (number | null)[]) =>
  storeReadings(
    api.database,
    world.seriesId,
    values.map((value, i) => ({ time: minute(i), value })),
  );
const values = async () => (await readingsOf(api.database, world.seriesId)).map(({ value }) => value);
const change = (body: object, key = world.key) => api.call('PATCH', path, { key, body });
const create = (body: object, key = world.key) =>
  api.call('POST', '/api/v1/points', { key, body: { asset_id: world.ahuId, name: 'rat', ...body } });

describe('POST /points', () => {
  test('makes a point with all that is said of it', async () => {
    const said = {
      class: 'brick:Return_Air_Temperature_Sensor',
      part_of: 'brick:Cooling_Coil',
      unit: 'degC',
      min: 5,
      max: 40,
      states: { Off: 0 },
      tags: { critical: true, panel: 'MCC-2', floor: 3 },
      expected_interval_s: 60,
      external_id: 'BMS-4711',
      metadata: { ticket: 'FM-1021' },
    };
    const made = await create(said);
    expect(made).toMatchObject({
      status: 201,
      json: {
        data: {
          ...said,
          name: 'rat',
          asset_id: world.ahuId,
          asset: 'AHU-01',
          site: 'ucl-east-campus',
          state: 'modelled',
          learned_interval_s: null,
          merged_into: null,
        },
      },
    });
    const { id } = made.json.data;
    expect(made.headers.location).toBe(`http://127.0.0.1:3000/api/v1/points/${id}`);
    expect((await api.call('GET', `/api/v1/points/${id}`, { key: world.key })).json).toEqual(made.json);
    const sent = { site: 'ucl-east-campus', asset: 'AHU-01', point: 'rat', time: minute(0), value: 21 };
    const rows = await api.call('POST', '/api/v1/telemetry', { key: world.key, body: { readings: [sent] } });
    expect(rows.json.data).toMatchObject({ stored: 1 });
    const readings = await api.call('GET', `/api/v1/points/${id}/readings`, { key: world.key });
    expect(readings.json.data).toMatchObject([{ time: minute(0), value: 21 }]);
  });

  test('names without a prefix are classes of Brick, and units have one name', async () => {
    const { json } = await create({ class: 'Return_Air_Temperature_Sensor', unit: '°F' });
    expect(json.data).toMatchObject({ class: 'brick:Return_Air_Temperature_Sensor', unit: 'degF' });
  });

  test.each([
    [{ name: '' }, '/name'],
    [{ name: 'a\u0001b' }, '/name'],
    [{ asset_id: '0198f0a0-7b5c-7def-8abc-0123456789ab' }, '/asset_id'],
    [{ unit: 'furlong' }, '/unit'],
    [{ class: 'no class' }, '/class'],
    [{ min: 4, max: 4 }, '/max'],
    [{ tags: { 'a:b': 1 } }, '/tags/a:b'],
    [{ tags: { a: null } }, '/tags/a'],
    [{ merged_into: null }, '/merged_into'],
  ])('is refused for %j at %s', async (body, pointer) => {
    expect(await create(body)).toMatchObject({ status: 400, json: { errors: [{ pointer }] } });
  });

  test('its asset is named by id or by URI, and not by both', async () => {
    const body = { asset_id: undefined, asset_uri: `${world.base}#AHU-01` };
    expect((await create(body)).json.data.asset_id).toBe(world.ahuId);
    expect(await create({ ...body, asset_id: world.ahuId })).toMatchObject({ status: 400 });
    expect(await create({ asset_id: undefined })).toMatchObject({
      status: 400,
      json: { errors: [{ code: 'required' }] },
    });
  });

  test('a name is of one point of an asset', async () => {
    const reply = await create({ name: 'sat' });
    expect(reply).toMatchObject({ status: 409, json: { error: 'point_exists', errors: [{ pointer: '/name' }] } });
    expect(reply.json.detail).toContain(world.pointId);
  });

  test("is for keys of the asset's site, with the scope; another tenant's asset is none", async () => {
    expect((await create({}, await world.makeKey({ scopes: ['points:read'] }))).status).toBe(403);
    expect((await create({}, await world.makeKey({ siteIds: [world.plantId] }))).status).toBe(403);
    expect((await create({}, (await makeWorld(api.database)).key)).status).toBe(400);
    const body = { asset_id: world.ahuId, name: 'rat' };
    const elsewhere = await api.call('POST', '/api/v1/sites/plant/points/', { key: world.key, body });
    expect(elsewhere).toMatchObject({ status: 400, json: { errors: [{ pointer: '/asset_id' }] } });
    expect((await api.call('POST', '/api/v1/sites/ucl-east-campus/points/', { key: world.key, body })).status).toBe(
      201,
    );
  });
});

describe('GET /points', () => {
  test.each([
    ['class=brick:Return_Air_Temperature_Sensor', ['rat']],
    ['class=Return_Air_Temperature_Sensor', ['rat']],
    ['unit=degC', ['rat', 'sat']],
    ['unit=%C2%B0C', ['rat', 'sat']],
    ['unit=degF', []],
    ['tag=critical', ['rat']],
    ['tag=panel:MCC-2', ['rat']],
    ['tag=panel:MCC-3', []],
    ['tag=floor:3', ['rat']],
    ['q=AIR_TEMP', ['rat']],
    ['q=ahu', ['rat', 'sat']],
    ['q=%25', []],
    ['q=chill', ['flow']],
    ['site=plant', ['flow']],
    ['site=nowhere', []],
    ['state=discovered', ['flow']],
    ['state=modelled&q=a&unit=degC&tag=critical', ['rat']],
  ])('?%s gives %j', async (query, names) => {
    const { db } = api.database;
    await create({
      class: 'brick:Return_Air_Temperature_Sensor',
      unit: 'degC',
      tags: { critical: true, panel: 'MCC-2', floor: 3 },
    });
    await create({ asset_id: world.chillerId, name: 'flow' });
    await db.updateTable('point').set({ state: 'discovered' }).where('name', '=', 'flow').execute();
    const { json } = await api.call('GET', `/api/v1/points?${query}`, { key: world.key });
    expect([json.data.map((one: { name: string }) => one.name).sort(), json.total]).toEqual([names, names.length]);
  });
});

describe('a change of unit', () => {
  test('asks what it means for the readings that are there, and says what may be answered', async () => {
    await store([50]);
    const reply = await change({ unit: 'degF' });
    expect(reply).toMatchObject({ status: 409, json: { error: 'history_undecided', errors: [{ pointer: '/unit' }] } });
    expect(reply.json.detail).toMatch(/relabel.*convert/);
    expect((await api.call('GET', path, { key: world.key })).json.data.unit).toBe('degC');
  });

  test('relabel leaves the numbers, and is on record', async () => {
    await store([50]);
    expect((await change({ unit: 'degF', history: 'relabel', reason: 'as the label on it says' })).json.data.unit).toBe(
      'degF',
    );
    expect(await values()).toEqual([50]);
    const { json } = await api.call('GET', `${path}/corrections`, { key: world.key });
    expect(json.data).toMatchObject([
      { action: 'relabel', reason: 'as the label on it says', author: 'alex', changed: 0 },
    ]);
  });

  test('convert changes numbers and range with it, and is on record', async () => {
    await change({ min: 0, max: 100 });
    await store([10, null, 15]);
    const { status, json } = await change({ unit: 'degF', history: 'convert' });
    expect([status, json.data.unit, json.data.min, json.data.max]).toEqual([200, 'degF', 32, 212]);
    expect(await values()).toEqual([50, null, 59]);
    const record = await api.call('GET', `${path}/corrections`, { key: world.key });
    expect(record.json.data).toMatchObject([{ action: 'convert', changed: 2, request: { unit: 'degF' } }]);
    await change({ unit: 'degF', history: 'convert' });
    expect(await values()).toEqual([50, null, 59]);
    await change({ unit: 'degC', history: 'convert' });
    expect(await values()).toEqual([10, null, 15]);
  });

  test('convert stops at the instant from which on the device has sent the new unit', async () => {
    await store([10, 50]);
    await change({ unit: 'degF', history: 'convert', history_before: minute(1) });
    expect(await values()).toEqual([50, 50]);
  });

  test.each([
    [{ unit: 'kW', history: 'convert' }, '/history'],
    [{ unit: null, history: 'convert' }, '/history'],
    [{ unit: 'degF', history: 'relabel', history_before: minute(1) }, '/history_before'],
    [{ unit: 'degF', history: 'convert', history_before: 'then' }, '/history_before'],
    [{ unit: 'degF', history: 'guess' }, '/history'],
  ])('%j is refused at %s', async (body, pointer) => {
    await store([10]);
    expect(await change(body)).toMatchObject({ status: 400, json: { errors: [{ pointer }] } });
    expect(await values()).toEqual([10]);
  });

  test('needs no answer without readings, for another name of the unit, nor where none was known', async () => {
    expect((await change({ unit: 'kW' })).status).toBe(200);
    await change({ unit: null });
    await store([10]);
    expect((await change({ unit: 'degC' })).json.data.unit).toBe('degC');
    expect((await change({ unit: 'celsius' })).status).toBe(200);
    expect((await change({ unit: null })).status).toBe(409);
  });
});

describe('a change of states', () => {
  beforeEach(async () => {
    await change({ states: { Off: 0, On: 1 } });
    await store([0, 1, 5]);
  });

  test.each([
    ['one more state', { Off: 0, On: 1, Fault: 2 }],
    ['another name beside', { Off: 0, On: 1, Aus: 0 }],
  ])('%s needs no answer', async (_, states) => {
    expect((await change({ states })).json.data.states).toEqual(states);
  });

  test.each([
    ['one less', { Off: 0 }],
    ['another number', { Off: 0, On: 2 }],
    ['none any more', null],
  ])('%s asks what it means for the readings', async (_, states) => {
    expect(await change({ states })).toMatchObject({ status: 409, json: { errors: [{ pointer: '/states' }] } });
    expect((await change({ states, history: 'relabel' })).status).toBe(200);
    expect(await values()).toEqual([0, 1, 5]);
  });

  test('convert gives readings the new number of their state', async () => {
    await change({ states: { Off: 1, On: 0 }, history: 'convert' });
    expect(await values()).toEqual([1, 0, 5]);
  });

  test('convert must know what becomes of each', async () => {
    expect(await change({ states: { Off: 3 }, history: 'convert' })).toMatchObject({
      status: 400,
      json: { errors: [{ pointer: '/states' }] },
    });
    await change({ states: { Off: 0, On: 1, Aus: 0 } });
    expect((await change({ states: { Off: 2, On: 1, Aus: 3 }, history: 'convert' })).status).toBe(400);
    expect(await values()).toEqual([0, 1, 5]);
  });
});

test('what a person has changed is modelled, and stays as it is when its device describes itself', async () => {
  const { db } = api.database;
  await db.updateTable('point').set({ state: 'discovered' }).where('id', '=', world.pointId).execute();
  expect((await change({ tags: { seen: true } })).json.data).toMatchObject({ state: 'modelled', tags: { seen: true } });
  expect((await change({})).json.data.tags).toEqual({ seen: true });
});

test('a range is refused when it is empty with what the point has already', async () => {
  await change({ min: 10, max: 20 });
  expect(await change({ min: 30 })).toMatchObject({ status: 400, json: { errors: [{ pointer: '/max' }] } });
  expect((await change({ min: 30, max: null })).json.data).toMatchObject({ min: 30, max: null });
});
