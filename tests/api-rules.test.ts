import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { classifyEquipment, deployLibrary, libraryTexts, warmText } from './support/api-rules.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  await classifyEquipment(api, world);
});
afterAll(() => api.close());

const get = (path: string, { key = world.key, headers = {} } = {}) =>
  api.call('GET', `/api/v1${path}`, { key, headers });
const idsOf = (rules: { id: string }[]) => rules.map(({ id }) => id);

test('before anything is deployed there are no rules, no errors and no versions', async () => {
  expect((await get('/rules')).json).toMatchObject({ data: [], total: 0, nextCursor: null });
  expect((await get('/rules/errors')).json).toMatchObject({ data: [], total: 0 });
  expect((await get('/rule-sets')).json).toMatchObject({ data: [], total: 0 });
  expect(await get('/rules/sat-warm')).toMatchObject({ status: 404, json: { error: 'rule_not_found' } });
});

describe('the deployed library', () => {
  let hash: string;
  beforeAll(async () => {
    hash = await deployLibrary(api);
  });

  test.each([
    ['', ['fan-at-night', 'pump-hot', 'sat-broken', 'sat-warm'], 'all, in the order of their ids'],
    ['?severity=critical', ['sat-broken'], 'by severity'],
    ['?category=energy', ['fan-at-night'], 'by category'],
    ['?tag=comfort-band', ['sat-warm'], 'by tag'],
    ['?class=brick:Pump', ['pump-hot'], 'by the class of equipment'],
    ['?class=brick:DOAS', ['fan-at-night', 'sat-broken', 'sat-warm'], 'rules for a class run on its subclasses'],
    ['?enabled=true', ['sat-broken', 'sat-warm'], 'those that run'],
    ['?enabled=shadow', ['fan-at-night'], 'those on trial'],
    ['?enabled=false', ['pump-hot'], 'those that are off'],
    ['?q=AIR%20warm', ['sat-warm'], 'by words, whatever their case'],
    ['?q=handbook', ['sat-warm'], 'by words of its source'],
    ['?limit=1&offset=2', ['sat-broken'], 'from an offset on'],
  ])('GET /rules%s gives %j: %s', async (query, ids) => {
    expect(idsOf((await get(`/rules${query}`)).json.data)).toEqual(ids);
  });

  test('pages follow each other by cursor, and a cursor holds for its filter alone', async () => {
    const first = await get('/rules?limit=3');
    expect([idsOf(first.json.data), first.json.total]).toEqual([['fan-at-night', 'pump-hot', 'sat-broken'], 4]);
    const next = await get(`/rules?limit=3&cursor=${first.json.nextCursor}`);
    expect([idsOf(next.json.data), next.json.nextCursor, next.json.offset]).toEqual([['sat-warm'], null, 3]);
    expect(await get(`/rules?severity=info&cursor=${first.json.nextCursor}`)).toMatchObject({
      status: 400,
      json: { error: 'cursor_invalid' },
    });
  });

  test('one rule is told whole, its expressions as they are written', async () => {
    const { status, json, headers } = await get('/rules/sat-warm');
    expect([status, json.data]).toMatchObject([
      200,
      {
        id: 'sat-warm',
        version: 2,
        file: 'ahu/sat-warm.yaml',
        class: 'brick:AHU',
        enabled: true,
        every: '1m',
        inputs: [
          { name: 'sat', class: 'brick:Supply_Air_Temperature_Sensor', unit: 'degC', valid: [-40, 80], from: ['self'] },
        ],
        params: [{ name: 'limit', default: 18, unit: 'degC', min: 10, max: 30, help: 'the warmest that is right' }],
        let: [{ name: 'excess', expression: 'sat - limit' }],
        when: "avg(sat, '5m') > limit",
        for: '10m',
        clear: 'excess < 0',
        clear_for: '5m',
        max_gap: '15m',
        message: 'Supply air is at {{ sat | 1 degC }}',
        causes: ['A valve that is stuck'],
        actions: ['Stroke the valve'],
        work_order: { after: '20m', priority: 'high', due: '3d', assign: 'team:hvac', type: null },
        suppressed_by: ['sat-broken'],
        suppresses: [],
        effective: { enabled: true, severity: 'warning', params: { limit: 18 } },
        rule_set: hash,
      },
    ]);
    const again = await get('/rules/sat-warm', { headers: { 'if-none-match': String(headers.etag) } });
    expect(again.status).toBe(304);
    expect((await get('/rules/sat-broken')).json.data.suppresses).toEqual(['sat-warm']);
    expect((await get('/rules/fan-at-night')).json.data).toMatchObject({
      active: [{ days: 'mon-fri', from: '20:00', to: '24:00', zone: null }],
      effective: { enabled: 'shadow', params: { hours: null } },
    });
  });

  test.each(['..%2Fsat-warm', 'sat-warm.yaml', 'ahu%2Fsat-warm', 'SAT-WARM', '__proto__', 'constructor'])(
    'the id %s is that of no rule',
    async (id) => {
      for (const below of ['', '/bindings']) {
        expect(await get(`/rules/${id}${below}`)).toMatchObject({ status: 404, json: { error: 'rule_not_found' } });
      }
    },
  );

  test('below a site the same rules are a bare array, with links', async () => {
    const { json, headers } = await get('/sites/plant/rules/?limit=2');
    expect([idsOf(json), headers['x-total-count']]).toEqual([['fan-at-night', 'pump-hot'], '4']);
    expect((await get('/sites/plant/rules/sat-warm/')).json.id).toBe('sat-warm');
  });

  test('mistakes in files are listed by file and line, with what was probably meant', async () => {
    const bad = {
      file: 'ahu/sat-warm.yaml',
      text: warmText.replace('limit\nfor', 'limt\nfor').replace('1 degC', '1 s'),
    };
    await deployLibrary(api, [...libraryTexts.filter(({ file }) => file !== bad.file), bad]);
    const { json } = await get('/rules/errors');
    expect(json.data).toMatchObject([
      {
        file: bad.file,
        line: 12,
        column: 24,
        code: 'unknown_variable',
        help: "did you mean 'limit'?",
        severity: 'error',
      },
      { file: bad.file, line: 18, code: 'unit_mismatch' },
    ]);
    expect(json.data[0].line_text).toBe("when: avg(sat, '5m') > limt");
    expect((await get('/rules/errors?file=ahu/other.yaml')).json.total).toBe(0);
    const versions = await get('/rule-sets');
    expect(versions.json.data).toMatchObject([
      { is_deployed: true, file_count: 4, error_count: 2 },
      { id: hash, is_deployed: false, file_count: 4, error_count: 0 },
    ]);
    await deployLibrary(api);
    const { data } = (await get('/rule-sets')).json;
    expect(data.map((one: { id: string; is_deployed: boolean }) => [one.id === hash, one.is_deployed])).toEqual([
      [true, true],
      [false, false],
      [true, false],
    ]);
  });
});

describe('where rules run', () => {
  test('a rule is told for each piece of equipment of its class, with what it lacks where it cannot run', async () => {
    const warm = (await get('/rules/sat-warm/bindings')).json;
    expect([warm.total, warm.data[0]]).toMatchObject([
      1,
      {
        asset_id: world.ahuId,
        asset: 'AHU-01',
        site: 'ucl-east-campus',
        status: 'running',
        params: { limit: 18 },
        inputs: [{ name: 'sat', source: 'point', point_id: world.pointId }],
        missing: [],
      },
    ]);
    const fan = (await get('/rules/fan-at-night/bindings')).json.data[0];
    expect([fan.status, fan.missing.map(({ input }: { input: string }) => input)]).toEqual([
      'cannot_run',
      ['fan', 'hours'],
    ]);
    expect((await get('/rules/fan-at-night/bindings?status=running')).json.total).toBe(0);
    expect((await get('/rules/pump-hot/bindings')).json.total).toBe(0);
  });

  test('a piece of equipment has the rules that are for its class; one without a class has none', async () => {
    const { json } = await get(`/assets/${world.ahuId}/rules`);
    expect(json.data.map((one: { rule_id: string; status: string }) => [one.rule_id, one.status])).toEqual([
      ['fan-at-night', 'cannot_run'],
      ['sat-broken', 'running'],
      ['sat-warm', 'running'],
    ]);
    expect((await get(`/assets/${world.ahuId}/rules?status=cannot_run&limit=1`)).json.total).toBe(1);
    expect((await get(`/assets/${world.chillerId}/rules`)).json.total).toBe(0);
    expect((await get(`/sites/plant/assets/${world.ahuId}/rules/`)).status).toBe(404);
  });

  test("a site's mount tells of its own equipment alone, and so does a key that is limited to sites", async () => {
    expect((await get('/sites/plant/rules/sat-warm/bindings/')).json).toEqual([]);
    const key = await world.makeKey({ siteIds: [world.plantId] });
    expect((await get('/rules/sat-warm/bindings', { key })).json.total).toBe(0);
    expect((await get(`/assets/${world.ahuId}/rules`, { key })).status).toBe(403);
  });
});

test.each([
  ['rules:read', [200, 403]],
  ['rules:write', [403, 201]],
  ['insights:read', [403, 403]],
])('a key with the scope %s reads and writes with %j', async (scope, statuses) => {
  const key = await world.makeKey({ scopes: [scope] });
  const body = { reason: 'A trial of scopes.' };
  const written = await api.call('POST', '/api/v1/rules/sat-warm/shadow', { key, body });
  expect([(await get('/rules', { key })).status, written.status]).toEqual(statuses);
});
