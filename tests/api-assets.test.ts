/** Equipment as people make, find, change and retire it over the API. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { type AssetWords, assetWords } from './support/api-assets.ts';

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

const idsOf = ({ json }: { json: { data: { id: string }[] } }) => json.data.map(({ id }) => id);

describe('the list', () => {
  test('R17: GET /api/v1/assets lists the equipment of the tenant, and of no other', async () => {
    const other = await makeWorld(api.database);
    const { status, json } = await words.ask('GET', '/assets');
    expect([status, json.total, json.limit, json.offset, json.nextCursor]).toEqual([200, 2, 50, 0, null]);
    expect(json.data.map(({ id }: { id: string }) => id).sort()).toEqual([world.ahuId, world.chillerId].sort());
    expect(JSON.stringify(json)).not.toContain(other.ahuId);
  });

  test('O9: an equipment record has its location, its install date and its full service history', async () => {
    const place = await words.place({ name: 'Plant room 2' });
    const made = await words.make({ name: 'P-1', location_id: place.id, install_date: '2019-05-20' });
    const order = await words.ask('POST', '/work-orders', { title: 'Grease it', asset_id: made.id });
    await words.change(made.id, { status: 'down', status_reason: 'a seal' });
    expect(await words.get(`/assets/${made.id}`)).toMatchObject({
      location: 'Plant room 2',
      location_id: place.id,
      location_uri: place.uri,
      install_date: '2019-05-20',
    });
    const history = await words.get(`/assets/${made.id}/history`);
    expect(history.map(({ kind, id }: { kind: string; id: string }) => [kind, id])).toEqual([
      ['status_change', expect.any(String)],
      ['work_order', order.json.data.id],
    ]);
  });

  test('filters, words, ranges and orders find what they say', async () => {
    const pump = await words.make({
      name: 'P-1',
      class: 'Water_Pump',
      manufacturer: 'Grundfos',
      criticality: 'high',
      install_date: '2019-05-20',
      barcode: 'X-1',
      external_id: 'cmms-7',
      tags: ['wet'],
    });
    const fan = await words.make({ name: 'F-1', class: 'brick:Fan', criticality: 'low', install_date: '2021-01-01' });
    const find = async (query: string) => idsOf(await words.ask('GET', `/assets?${query}`)).sort();
    for (const query of [
      'class=brick:Pump',
      'class=Water_Pump',
      'manufacturer=Grundfos',
      'q=grund',
      'q=cmms',
      'barcode=X-1',
      'external_id=cmms-7',
      'tag=wet',
      'criticality=high,critical',
      'install_date[lt]=2020-01-01',
    ])
      expect([query, await find(query)]).toEqual([query, [pump.id]]);
    expect(await find('site=plant')).toEqual([world.chillerId]);
    const order = async (sort: string) => idsOf(await words.ask('GET', `/assets?site=ucl-east-campus&sort=${sort}`));
    expect(await order('criticality')).toEqual([fan.id, pump.id, world.ahuId]);
    expect(await order('-criticality')).toEqual([pump.id, fan.id, world.ahuId]);
    expect(await order('-install_date')).toEqual([fan.id, pump.id, world.ahuId]);
    const first = await words.ask('GET', '/assets?site=ucl-east-campus&sort=criticality&limit=1');
    const rest = await words.ask(
      'GET',
      `/assets?site=ucl-east-campus&sort=criticality&cursor=${first.json.nextCursor}`,
    );
    expect(idsOf(rest)).toEqual([pump.id, world.ahuId]);
  });

  test('expand shows its site, its place and how it is doing', async () => {
    const place = await words.place({ name: 'Roof' });
    const made = await words.make({ name: 'F-2', location_id: place.id });
    const { json } = await words.ask('GET', `/assets?expand=site,location,health&q=F-2`);
    expect(json.data[0].expanded).toMatchObject({
      site: { slug: 'ucl-east-campus' },
      location: { id: place.id },
      health: { asset_id: made.id, score: null, level: 'unknown' },
    });
    const one = await words.ask('GET', `/assets/${world.ahuId}?expand=location`);
    expect([one.json.data.expanded, one.headers.etag]).toEqual([{ location: null }, undefined]);
  });
});

describe('POST /assets', () => {
  test('makes equipment whole, with a class that its name tells and a URI, and tells of it', async () => {
    const body = {
      name: 'AHU-07',
      description: 'East wing',
      manufacturer: 'Trane',
      model: 'M',
      serial_number: '1',
      install_date: '2019-05-20',
      warranty_until: '2027-05-20',
      criticality: 'critical',
      barcode: 'A 7',
      tags: ['x', 'x'],
      params: { min_oa: 0.2 },
      custom: { cost_centre: '4711', shared: true },
      external_id: 'e',
      metadata: { a: [1] },
    };
    const reply = await words.ask('POST', '/assets', body);
    const { data } = reply.json;
    expect([reply.status, reply.headers.location]).toEqual([201, `http://127.0.0.1:3000/api/v1/assets/${data.id}`]);
    expect(data).toMatchObject({
      ...body,
      tags: ['x'],
      site: 'ucl-east-campus',
      status: 'operational',
      state: 'modelled',
    });
    expect([data.class, data.uri]).toEqual(['brick:AHU', 'urn:faultline:ucl-east-campus:AHU-07']);
    expect((await words.told(data.id)).map(({ type, actor }) => [type, actor])).toEqual([
      ['asset.created', expect.objectContaining({ kind: 'key', user_id: world.alexId })],
    ]);
    expect((await words.make({ name: 'AHU-08', class: null })).class).toBeNull();
    const ofSite = await words.ask('POST', '/sites/plant/assets/', { name: 'X' });
    expect([ofSite.status, ofSite.json.site]).toEqual([201, 'plant']);
  });

  test('what must be of one asset alone is refused by name, also to two at once', async () => {
    await words.make({ name: 'A', uri: 'urn:a', barcode: '1' });
    const { ahuId } = world;
    for (const [property, body] of [
      ['name', { name: 'AHU-01' }],
      ['uri', { name: 'B', uri: 'urn:a' }],
      ['barcode', { name: 'B', barcode: '1' }],
    ] as const) {
      const { status, json } = await words.ask('POST', '/assets', body);
      expect([status, json.error, json.errors[0].pointer]).toEqual([409, 'asset_exists', `/${property}`]);
      if (property === 'name') expect(json.detail).toContain(ahuId);
    }
    const many = await Promise.all(Array.from({ length: 6 }, () => words.ask('POST', '/assets', { name: 'C' })));
    expect(many.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409, 409, 409]);
    const printed = await Promise.all(
      Array.from({ length: 4 }, (_, i) => words.ask('POST', '/assets', { name: `D${i}`, barcode: 'same' })),
    );
    expect(printed.map(({ status }) => status).sort()).toEqual([201, 409, 409, 409]);
  });

  test.each([
    [{}, '/name'],
    [{ name: '' }, '/name'],
    [{ name: 'a/b' }, '/name'],
    [{ name: 'a+' }, '/name'],
    [{ name: 'x'.repeat(129) }, '/name'],
    [{ name: 'a', uri: 'no uri' }, '/uri'],
    [{ name: 'a', uri: `urn:${'ü'.repeat(1_500)}` }, '/uri'],
    [{ name: 'a', class: 'no class' }, '/class'],
    [{ name: 'a', install_date: '2019-02-30' }, '/install_date'],
    [{ name: 'a', criticality: 'huge' }, '/criticality'],
    [{ name: 'a', custom: { x: {} } }, '/custom/x'],
    [{ name: 'a', site: 'nowhere' }, '/site'],
    [{ name: 'a', parent_id: '0198f0a0-7b5c-7def-8abc-0123456789ab' }, '/parent_id'],
    [{ name: 'a', location_id: '0198f0a0-7b5c-7def-8abc-0123456789ab' }, '/location_id'],
    [{ name: 'a', health: 1 }, '/health'],
  ])('%j is refused at %s', async (body, pointer) => {
    const { status, json } = await words.ask('POST', '/assets', body);
    expect([status, json.error, json.errors[0].pointer]).toEqual([400, 'validation_failed', pointer]);
  });

  test('a key of another site makes nothing there, and names nothing of it', async () => {
    const key = await world.makeKey({ siteIds: [world.plantId] });
    const byDefault = await words.ask('POST', '/assets', { name: 'a' }, key);
    expect([byDefault.status, byDefault.json.error]).toEqual([403, 'site_forbidden']);
    const named = await words.ask('POST', '/assets', { name: 'a', site: 'ucl-east-campus' }, key);
    expect([named.status, named.json.errors[0].pointer]).toEqual([400, '/site']);
    const part = await words.ask('POST', '/assets', { name: 'a', site: 'plant', parent_id: world.ahuId }, key);
    expect([part.status, part.json.errors[0]]).toMatchObject([400, { pointer: '/parent_id', code: 'not_found' }]);
    expect(
      (await words.ask('POST', '/sites/plant/assets/', { name: 'a', parent_id: world.ahuId })).json.errors[0],
    ).toMatchObject({
      pointer: '/parent_id',
      code: 'other_site',
    });
  });
});

describe('DELETE /assets/{id}', () => {
  test('retires: it is got and changed still, in no list that does not ask for it, and its name stays taken', async () => {
    const made = await words.make({ name: 'P-9' });
    expect((await words.ask('DELETE', `/assets/${made.id}`)).status).toBe(204);
    expect((await words.ask('DELETE', `/assets/${made.id}`)).status).toBe(204);
    expect((await words.get(`/assets/${made.id}`)).status).toBe('retired');
    expect(idsOf(await words.ask('GET', '/assets'))).not.toContain(made.id);
    expect(idsOf(await words.ask('GET', '/assets?status=retired'))).toEqual([made.id]);
    expect((await words.ask('POST', '/assets', { name: 'P-9' })).status).toBe(409);
    expect((await words.change(made.id, { status: 'operational' })).status).toBe('operational');
    expect((await words.told(made.id)).map(({ type }) => type)).toEqual([
      'asset.created',
      'asset.status_changed',
      'asset.status_changed',
    ]);
  });

  test('honours If-Match', async () => {
    const made = await words.make({ name: 'P-10' });
    const stale = await words.ask('DELETE', `/assets/${made.id}`, undefined, world.key, { 'if-match': '"1"' });
    expect([stale.status, stale.json.error]).toEqual([412, 'precondition_failed']);
  });
});

describe('a work order for equipment', () => {
  test('R14: names one of the tenant; a foreign or unknown asset_id is 400', async () => {
    const other = await makeWorld(api.database);
    for (const asset_id of [other.ahuId, '0198f0a0-7b5c-7def-8abc-0123456789ab']) {
      const { status, json } = await words.ask('POST', '/work-orders', { title: 'x', asset_id });
      expect([status, json.errors[0].pointer]).toEqual([400, '/asset_id']);
    }
    const own = await words.make({ name: 'mine' });
    const made = await words.ask('POST', '/work-orders', { title: 'x', asset_id: own.id });
    expect([made.status, made.json.data.asset_id]).toEqual([201, own.id]);
  });

  test('T6: has the location_uri of its equipment, by the place that it lies in, unless it says another', async () => {
    const place = await words.place({ name: 'Roof', uri: 'http://fuseki:3030/buildings/ucl-east#Roof-2' });
    const made = await words.make({
      name: 'RTU-1',
      uri: 'http://fuseki:3030/buildings/ucl-east#RTU-1',
      location_id: place.id,
    });
    const path = '/sites/ucl-east-campus/work-orders/';
    const filled = await words.ask('POST', path, { title: 'x', equipment_uri: made.uri });
    expect(filled.json).toMatchObject({ asset_id: made.id, location_uri: place.uri });
    const said = await words.ask('POST', path, { title: 'x', equipment_uri: made.uri, location_uri: 'urn:there' });
    expect(said.json.location_uri).toBe('urn:there');
  });
});
