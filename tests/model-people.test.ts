/** Building models and people who say things of the same equipment: who has the last word on what. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { describeAsset, SelfDescription } from '../src/assets/discovery.ts';
import { listSites } from '../src/assets/point-store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { type AssetWords, assetWords } from './support/api-assets.ts';
import { brickHouse } from './support/models.ts';

let api: TestApi;
let world: World;
let words: AssetWords;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await makeWorld(api.database);
  words = assetWords(api, world);
});

async function importModel(payload = brickHouse, query = '') {
  const headers = { 'content-type': 'text/turtle' };
  const { status, json } = await api.call('POST', `/api/v1/sites/ucl-east-campus/models/${query}`, {
    key: world.key,
    payload,
    headers,
  });
  expect(status).toBe(200);
  return json;
}
const codesOf = ({ findings }: { findings: { code: string }[] }) => findings.map(({ code }) => code);

async function named(name: string) {
  const [found] = (await words.get('/assets?limit=200')).filter((one: { name: string }) => one.name === name);
  return found;
}

describe('what a model says of its equipment', () => {
  test('changes there alone, and the answer says so; all else is people’s', async () => {
    await importModel();
    const [ahu, coil] = [await named('AHU-9'), await named('coil')];
    for (const [id, body] of [
      [ahu.id, { class: 'brick:Fan' }],
      [ahu.id, { class: null }],
      [coil.id, { parent_id: null }],
      [ahu.id, { location_id: null }],
      [ahu.id, { location_uri: 'urn:elsewhere' }],
    ] as const) {
      const { status, json } = await words.ask('PATCH', `/assets/${id}`, body);
      expect([status, json.error, json.errors[0].pointer]).toEqual([409, 'asset_of_model', `/${Object.keys(body)[0]}`]);
      expect(json.detail).toContain('brick');
    }
    const said = {
      class: ahu.class,
      manufacturer: 'Trane',
      status: 'degraded',
      params: { min_oa: 0.2 },
      external_id: 'mine',
    };
    expect(await words.change(ahu.id, said)).toMatchObject({
      ...said,
      source: 'brick',
      source_id: 'http://example.com/b#AHU-9',
    });
    await importModel();
    expect(await words.get(`/assets/${ahu.id}`)).toMatchObject(said);
  });

  test('its feeds are taken back there alone', async () => {
    await importModel();
    const [ahu, vav] = [await named('AHU-9'), await named('VAV-9')];
    const path = `/assets/${ahu.id}/relations/feeds/${vav.id}`;
    expect((await words.ask('DELETE', path)).json.error).toBe('asset_of_model');
    expect((await words.ask('PUT', path)).json.data.source).toBe('brick');
    expect((await words.ask('PUT', `/assets/${vav.id}/relations/feeds/${ahu.id}`)).json.error).toBe(
      'asset_relation_not_possible',
    );
  });

  test('its places change there alone but for their metadata', async () => {
    await importModel();
    const [floor] = await words.get('/locations?q=floor');
    expect(floor).toMatchObject({ source: 'brick', uri: 'http://example.com/b#floor' });
    const change = (body: object) => words.ask('PATCH', `/locations/${floor.id}`, body);
    expect((await change({ name: 'x' })).json.error).toBe('location_of_model');
    expect((await words.ask('DELETE', `/locations/${floor.id}`)).json.error).toBe('location_of_model');
    expect((await change({ name: floor.name, metadata: { a: 1 } })).json.data.metadata).toEqual({ a: 1 });
  });
});

describe('what a model leaves open', () => {
  test('people say, may say otherwise, and the next import leaves it', async () => {
    await importModel();
    const [vav, place] = [await named('VAV-9'), await words.place({ name: 'Above the ceiling' })];
    const kit = await words.make({ name: 'kit' });
    await words.change(vav.id, { parent_id: kit.id, location_id: place.id });
    const again = await importModel();
    expect(again).toMatchObject({ equipment: { created: 0, updated: 0 }, relations: { created: 0, removed: 0 } });
    expect(await words.get(`/assets/${vav.id}`)).toMatchObject({
      parent_id: kit.id,
      location_id: place.id,
      location_uri: place.uri,
    });
    expect((await words.get(`/assets/${kit.id}/relations`)).length).toBe(1);
    await words.change(vav.id, { location_id: null });
    await importModel();
    expect(await words.get(`/assets/${vav.id}`)).toMatchObject({
      parent_id: kit.id,
      location_id: null,
      location_uri: '',
    });

    await importModel(`${brickHouse}\nb:VAV-9 brick:isPartOf b:AHU-9 .`);
    const ahu = await named('AHU-9');
    expect((await words.get(`/assets/${vav.id}`)).parent_id).toBe(ahu.id);
    expect(await words.get(`/assets/${kit.id}/relations`)).toEqual([]);
    expect((await words.ask('PATCH', `/assets/${vav.id}`, { parent_id: null })).json.error).toBe('asset_of_model');
  });
});

describe('equipment that people have made before', () => {
  test('is the model’s from its import on, with what people have said of it', async () => {
    const body = { name: 'AHU-9', manufacturer: 'Trane', tags: ['old'], external_id: 'cmms-1' };
    const made = await words.make(body);
    const report = await importModel();
    expect(report.equipment).toMatchObject({ created: 5, adopted: 1 });
    const after = await words.get(`/assets/${made.id}`);
    expect(after).toMatchObject({ manufacturer: 'Trane', external_id: 'cmms-1', source: 'brick' });
    expect(after.tags.sort()).toEqual(['critical', 'old']);
  });

  test('is found by the name that it had before', async () => {
    const made = await words.make({ name: 'AHU-9' });
    await words.change(made.id, { name: 'East' });
    expect((await importModel()).equipment).toMatchObject({ created: 5, adopted: 1 });
    expect(await words.get(`/assets/${made.id}`)).toMatchObject({ name: 'East', source: 'brick' });
  });

  test('makes no circle with what the model says, of parts or of feeds', async () => {
    const [ahu, coil, vav] = [
      await words.make({ name: 'AHU-9' }),
      await words.make({ name: 'coil' }),
      await words.make({ name: 'VAV-9' }),
    ];
    await words.change(ahu.id, { parent_id: coil.id });
    await words.relate(vav.id, 'feeds', ahu.id);
    const report = await importModel();
    expect(codesOf(report)).toEqual(expect.arrayContaining(['circle_of_parts', 'circle_of_feeds']));
    expect(await words.get(`/assets/${ahu.id}`)).toMatchObject({ parent_id: null });
    expect(await words.get(`/assets/${coil.id}`)).toMatchObject({ parent_id: ahu.id });
    const relations = await words.get(`/assets/${ahu.id}/relations`);
    const shown = relations.map((one: { kind: string; direction: string; asset: { name: string } }) =>
      [one.kind, one.direction, one.asset.name].join(' '),
    );
    expect(shown.sort()).toEqual(['feeds in VAV-9', 'isPartOf in coil', 'isPartOf in damper', 'isPartOf in fan']);
  });
});

describe('an import', () => {
  test('tells of what it has made and changed, and of nothing the second time', async () => {
    await importModel();
    const [ahu, vav] = [await named('AHU-9'), await named('VAV-9')];
    const [room] = await words.get('/locations?q=room');
    expect(await words.told(ahu.id)).toMatchObject([
      { type: 'asset.created', actor: { kind: 'key', user_id: world.alexId } },
      { type: 'asset.updated', changes: [{ field: 'feeds', from: null, to: vav.id }] },
    ]);
    expect(await words.told(room.id)).toMatchObject([
      { type: 'location.created', actor: { kind: 'key', user_id: world.alexId } },
    ]);
    await importModel();
    expect([(await words.told(ahu.id)).length, (await words.told(room.id)).length]).toEqual([2, 1]);
    const otherwise = [
      ['b:AHU-9 a brick:AHU ;', 'b:AHU-9 a brick:RTU ;'],
      [' brick:feeds b:VAV-9 ;', ''],
      ['b:room a brick:Room', 'b:room a brick:Office'],
    ].reduce((model, [from = '', to = '']) => model.replace(from, to), brickHouse);
    await importModel(otherwise);
    expect((await words.told(ahu.id)).slice(2)).toMatchObject([
      { type: 'asset.updated', changes: [{ field: 'class', from: 'brick:AHU' }] },
      { type: 'asset.updated', changes: [{ field: 'feeds', from: vav.id, to: null }] },
    ]);
    expect((await words.told(room.id)).slice(1)).toMatchObject([
      { type: 'location.updated', changes: [{ field: 'class', from: 'brick:Room', to: 'brick:Office' }] },
    ]);
  });

  test('that takes equipment out of what people have put it in says so, and its ETag moves', async () => {
    await importModel(brickHouse.replace('b:coil, b:fan', 'b:fan'));
    const [ahu, coil] = [await named('AHU-9'), await named('coil')];
    await words.change(ahu.id, { parent_id: coil.id });
    const before = await words.ask('GET', `/assets/${ahu.id}`);
    await importModel();
    const after = await words.ask('GET', `/assets/${ahu.id}`);
    expect([after.json.data.parent_id, after.headers.etag === before.headers.etag]).toEqual([null, false]);
    expect((await words.told(ahu.id)).at(-1)).toMatchObject({
      type: 'asset.updated',
      changes: [{ field: 'parent_id', from: coil.id, to: null }],
    });
  });

  test('that retires what has vanished puts it on record', async () => {
    await importModel();
    const damper = await named('damper');
    const without = brickHouse.replace(', b:damper ;', ' ;').replace(/b:damper .*\n/, '');
    await importModel(without, '?retire_vanished=true');
    const [entry] = await words.get(`/assets/${damper.id}/history`);
    expect(entry).toMatchObject({
      status: 'retired',
      status_change: { from: 'operational', author: 'alex', reason: expect.stringContaining('brick') },
    });
    expect((await words.told(damper.id)).at(-1)?.type).toBe('asset.status_changed');
  });
});

test('equipment that a device makes known is told of, once', async () => {
  await words.ask('PATCH', '/sites/ucl-east-campus', { discovery: true });
  const readings = [1, 2].map((value) => ({
    site: 'ucl-east-campus',
    asset: 'pump-7',
    point: 'power',
    value,
    time: `2026-03-17T17:0${value}:00Z`,
  }));
  await words.ask('POST', '/telemetry', { readings });
  await words.ask('POST', '/telemetry', { readings });
  const { id, state } = await named('pump-7');
  expect([state, (await words.told(id)).map(({ type, actor }) => [type, actor])]).toEqual([
    'discovered',
    [['asset.created', { kind: 'system' }]],
  ]);
});

test('what a device says of its equipment is told, the same again is not, and what a person has modelled stays', async () => {
  await words.ask('PATCH', '/sites/ucl-east-campus', { discovery: true });
  const { db } = api.database;
  const [site] = await listSites(db, { tenantId: world.tenantId, slugs: ['ucl-east-campus'] });
  if (!site) throw new Error('there is a site');
  const said = SelfDescription.parse({ class: 'brick:Fan', params: { rated_kw: 4 } });
  for (let times = 0; times < 2; times++) await describeAsset(db, { site, asset: 'x-1', said });
  const { id } = await named('x-1');
  const told = async () => (await words.told(id)).map(({ type, changes }) => [type, changes.map(({ field }) => field)]);
  expect(await told()).toEqual([
    ['asset.created', []],
    ['asset.updated', ['class', 'params']],
  ]);
  await words.change(id, { class: 'brick:Pump' });
  await describeAsset(db, { site, asset: 'x-1', said });
  expect(await words.get(`/assets/${id}`)).toMatchObject({ class: 'brick:Pump', state: 'modelled' });
});
