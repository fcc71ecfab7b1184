import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { ModelError } from '../src/assets/model/building-model.ts';
import { readModelApart } from '../src/assets/model/model-reader.ts';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { brickHouse, haystackSite } from './support/models.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi();
});
beforeEach(async () => {
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const turtle = { 'content-type': 'text/turtle' };
const send = (
  payload: string,
  { query = '', headers = turtle as Record<string, string>, key = world.key, site = 'ucl-east-campus' } = {},
) => api.call('POST', `/api/v1/sites/${site}/models/${query}`, { key, payload, headers });

/** All rows of the tenant that an import may touch. */
async function rows() {
  const { db } = api.database;
  const of = (table: 'asset' | 'point' | 'location' | 'asset_relation' | 'site') =>
    db.selectFrom(table).selectAll().where('tenant_id', '=', world.tenantId);
  return {
    sites: await of('site').orderBy('id').execute(),
    locations: await of('location').orderBy('id').execute(),
    assets: await of('asset').orderBy('id').execute(),
    points: await of('point').orderBy('id').execute(),
    relations: await of('asset_relation').orderBy('from_asset_id').orderBy('kind').orderBy('to_asset_id').execute(),
  };
}

const assetNamed = async (name: string) =>
  (await rows()).assets.find((asset) => asset.name === name) as Awaited<ReturnType<typeof rows>>['assets'][number];

describe('POST /sites/{slug}/models', () => {
  test('makes equipment, parts, points, places and relations, and tells what it understood', async () => {
    const { status, json } = await send(brickHouse);
    expect(status).toBe(200);
    expect(json).toMatchObject({
      format: 'brick',
      dry_run: false,
      locations: { in_model: 4, created: 4 },
      equipment: { in_model: 6, created: 6, adopted: 0 },
      points: { in_model: 5, created: 5 },
      relations: { in_model: 5, created: 5 },
      understood: { things: 15, exactly: 15, in_general: 0, not_at_all: 0 },
    });
    expect(json.findings.map(({ code }: { code: string }) => code)).toEqual(['unit_unknown']);
    const { points } = await rows();
    const ahu = await assetNamed('AHU-9');
    expect(ahu).toMatchObject({
      class: 'brick:AHU',
      uri: 'http://example.com/b#AHU-9',
      state: 'modelled',
      tags: ['critical'],
      shard: 0,
    });
    const ofAhu = points
      .filter(({ asset_id: id }) => id === ahu.id)
      .map((point) => [point.name, point.class, point.part_of, point.unit]);
    expect(ofAhu.sort()).toEqual([
      ['cc', 'brick:Valve_Position_Command', 'brick:Chilled_Water_Coil', 'percent'],
      ['oad', 'brick:Damper_Position_Command', 'brick:Outside_Damper', 'percent'],
      ['run', 'brick:Fan_On_Off_Status', 'brick:Supply_Fan', null],
      ['sat', 'brick:Discharge_Air_Temperature_Sensor', null, 'degF'],
    ]);
    const shown = await api.call('GET', `/api/v1/assets/${ahu.id}`, { key: world.key });
    expect(shown.json.data).toMatchObject({ location: 'floor', tags: ['critical'], class: 'brick:AHU' });
    const floor = await api.call('GET', `/api/v1/locations/${shown.json.data.location_id}`, { key: world.key });
    expect(floor.json.data).toMatchObject({ name: 'floor', class: 'brick:Floor', site: 'ucl-east-campus' });
    const rooms = await api.call('GET', `/api/v1/sites/ucl-east-campus/locations/?parent_id=${floor.json.data.id}`, {
      key: world.key,
    });
    expect(rooms.json.map(({ name }: { name: string }) => name)).toEqual(['room']);
  });

  test('the same model again changes nothing, byte by byte', async () => {
    await send(brickHouse);
    const before = await rows();
    const { json } = await send(brickHouse);
    for (const kind of ['locations', 'equipment', 'points'])
      expect(json[kind]).toMatchObject({ created: 0, updated: 0, vanished: 0 });
    expect(json.relations).toMatchObject({ created: 0, removed: 0 });
    expect(await rows()).toEqual(before);
  });

  test('two imports at once make what one makes', async () => {
    const answers = await Promise.all([send(brickHouse), send(brickHouse)]);
    expect(answers.map(({ status }) => status)).toEqual([200, 200]);
    expect(answers.map(({ json }) => json.equipment.created).sort()).toEqual([0, 6]);
  });

  test('a changed model changes the rows that it is about; what vanished is told, and stays', async () => {
    await send(brickHouse);
    const before = await rows();
    const changed = brickHouse
      .replace('brick:feeds b:VAV-9 ;', '')
      .replace('b:VAV-9 a brick:VAV', 'b:VAV-9 a brick:RVAV')
      .replace('unit:DEG_F', 'unit:DEG_C')
      .replace(/^b:damper .*$/m, '')
      .replace(/^b:oad .*$/m, '');
    const { json } = await send(changed);
    expect(json.equipment).toMatchObject({ updated: 1, vanished: 1 });
    expect(json.points).toMatchObject({ updated: 1, vanished: 1 });
    expect(json.relations).toMatchObject({ removed: 1 });
    expect(json.vanished).toEqual({ equipment: ['damper'], points: ['AHU-9/oad'] });
    const after = await rows();
    expect(after.assets.map(({ id }) => id)).toEqual(before.assets.map(({ id }) => id));
    expect(after.points.find(({ external_id: id }) => id?.endsWith('#sat'))?.unit).toBe('degC');
    const retired = await send(changed, { query: '?retire_vanished=true' });
    expect(retired.status).toBe(200);
    expect((await assetNamed('damper')).status).toBe('retired');
  });

  test('what telemetry made known is taken over, with its history, and not made twice', async () => {
    const { db } = api.database;
    const [assetId, pointId] = [newId(), newId()];
    const known = {
      id: assetId,
      tenant_id: world.tenantId,
      site_id: world.campusId,
      name: 'ahu-9',
      uri: 'urn:x:ahu-9',
      shard: 0,
      state: 'discovered',
    };
    await db.insertInto('asset').values(known).execute();
    const point = {
      id: pointId,
      tenant_id: world.tenantId,
      asset_id: assetId,
      name: 'SAT',
      unit: 'K',
      state: 'discovered',
    };
    const { series_id: seriesId } = await db
      .insertInto('point')
      .values(point)
      .returning('series_id')
      .executeTakeFirstOrThrow();
    const { json } = await send(brickHouse);
    expect([json.equipment.adopted, json.points.adopted, json.equipment.created]).toEqual([1, 1, 5]);
    const taken = (await rows()).points.find(({ id }) => id === pointId);
    expect(taken).toMatchObject({
      series_id: seriesId,
      name: 'SAT',
      class: 'brick:Discharge_Air_Temperature_Sensor',
      unit: 'degF',
      state: 'modelled',
    });
    expect(await assetNamed('ahu-9')).toMatchObject({ id: assetId, class: 'brick:AHU', uri: 'urn:x:ahu-9' });
    expect((await send(brickHouse)).json.points).toMatchObject({ created: 0, updated: 0, adopted: 0 });
  });

  test('a dry run tells the same and changes nothing', async () => {
    const before = await rows();
    const dry = await send(brickHouse, { query: '?dry_run=true' });
    expect(await rows()).toEqual(before);
    const { json } = await send(brickHouse);
    expect(dry.json).toEqual({ ...json, dry_run: true });
  });

  test('a Haystack grid as well; its time zone is set where the site has none of its own', async () => {
    const { json } = await send(haystackSite, { headers: { 'content-type': 'application/json' } });
    expect(json).toMatchObject({
      format: 'haystack',
      source: 'haystack',
      equipment: { created: 2 },
      points: { created: 3 },
    });
    expect(json.findings.map(({ code }: { code: string }) => code)).toEqual(['time_zone_differs']);
    expect(
      (await rows()).points
        .filter(({ source }) => source !== null)
        .map(({ name, unit, states }) => [name, unit, states])
        .sort(),
    ).toEqual([
      ['DAT', 'degF', null],
      ['Fan', 'bool', { off: 0, on: 1 }],
      ['kW', 'kW', null],
    ]);
    const forced = await send(haystackSite, {
      headers: { 'content-type': 'application/json' },
      query: '?time_zone=America/Chicago',
    });
    expect(forced.json.sites).toEqual([
      { slug: 'ucl-east-campus', name: 'Campus', time_zone: 'America/Chicago', created: false },
    ]);
  });

  test('two models of one site leave each other alone', async () => {
    await send(brickHouse);
    const { json } = await send(haystackSite, { headers: { 'content-type': 'application/json' } });
    expect([json.equipment.vanished, json.points.vanished]).toEqual([0, 0]);
    const other = await send(brickHouse.replaceAll('http://example.com/b#', 'http://example.com/c#'), {
      query: '?source=annex',
    });
    expect(other.json.equipment).toMatchObject({ created: 6, vanished: 0, adopted: 0 });
    expect(
      (await rows()).assets
        .filter(({ name }) => name.startsWith('AHU-9'))
        .map(({ name }) => name)
        .sort(),
    ).toEqual(['AHU-9', 'AHU-9-2']);
  });

  test('the same model in two sites makes two houses, with uris of their own', async () => {
    await send(brickHouse);
    const { json } = await send(brickHouse, { site: 'plant' });
    expect(json.equipment).toMatchObject({ created: 6 });
    const uris = (await rows()).assets.filter(({ name }) => name === 'AHU-9').map(({ uri }) => uri);
    expect(uris.sort()).toEqual(['http://example.com/b#AHU-9', 'urn:faultline:plant:AHU-9']);
  });

  test('what a person has given a URI that would be made up keeps it', async () => {
    const uriOf = (name: string) => `urn:faultline:ucl-east-campus:${name}`;
    // Of two of one name the second gets a number.
    const names = ['RTU-1', 'RTU-1-2'];
    for (const name of names) {
      const body = { site: 'ucl-east-campus', name: `other ${name}`, uri: uriOf(name) };
      expect((await api.call('POST', '/api/v1/assets', { key: world.key, body })).status).toBe(201);
    }
    const twice = haystackSite.replace('"Meter"', '"RTU-1"');
    expect((await send(twice, { headers: { 'content-type': 'application/json' } })).status).toBe(200);
    for (const name of names) {
      const { id, uri } = await assetNamed(name);
      expect(uri).toBe(`${uriOf(name)}:${id}`);
    }
  });

  test('an Idempotency-Key gives the first report again', async () => {
    const headers = { ...turtle, 'idempotency-key': 'once' };
    const first = await send(brickHouse, { headers });
    const second = await send(brickHouse, { headers });
    expect([second.text, second.headers['idempotent-replayed']]).toEqual([first.text, 'true']);
    expect((await send(`${brickHouse}# changed`, { headers })).status).toBe(422);
  });

  test.each([
    ['hello', turtle, 400, 'validation_failed'],
    ['', turtle, 400, 'validation_failed'],
    ['{"rows": 1}', { 'content-type': 'application/json' }, 400, 'validation_failed'],
    ['[[', { 'content-type': 'application/json' }, 400, 'validation_failed'],
    ['a,b', { 'content-type': 'text/csv' }, 415, 'media_type_unsupported'],
    ['# '.padEnd(17 * 1_048_576, 'x'), turtle, 413, 'body_too_large'],
  ])('%.20j is refused', async (payload, headers, status, code) => {
    const reply = await send(payload, { headers });
    expect([reply.status, reply.json.error]).toEqual([status, code]);
  });

  test('names and ids that no database holds are cleaned, and long ones are cut', async () => {
    const nasty = `@prefix brick: <https://brickschema.org/schema/Brick#> . @prefix l: <http://www.w3.org/2000/01/rdf-schema#> .
      <urn:${'x'.repeat(5_000)}> a brick:AHU ; l:label "a\\u0000b/c+d#e" . <urn:q> a brick:AHU ; l:label "${'y'.repeat(10_000)}" ; brick:hasPoint [ a brick:Sensor ] .
      <urn:empty/> a brick:VAV ; l:label "  " .`;
    const { status, json } = await send(nasty);
    expect([status, json.equipment.created]).toEqual([200, 3]);
    expect((await send(nasty)).json.equipment).toMatchObject({ created: 0, updated: 0, unchanged: 3 });
    for (const { name } of (await rows()).assets) expect(name).toMatch(/^[^/+#\p{Cc}]{1,128}$/u);
  });

  test('nobody without the scope, for another site or for another tenant imports anything', async () => {
    const mine = world;
    const reader = await mine.makeKey({ scopes: ['read'] });
    const elsewhere = await mine.makeKey({ siteIds: [mine.plantId] });
    expect((await send(brickHouse, { key: reader })).json.error).toBe('scope_missing');
    expect((await send(brickHouse, { key: elsewhere })).json.error).toBe('site_forbidden');
    world = await makeWorld(api.database);
    const before = await rows();
    world = mine;
    await send(brickHouse);
    const theirs = await api.database.db
      .selectFrom('asset')
      .selectAll()
      .where('tenant_id', '<>', mine.tenantId)
      .where('name', '=', 'VAV-9')
      .execute();
    expect(theirs.filter(({ site_id: site }) => before.sites.some(({ id }) => id === site))).toEqual([]);
  });

  test('a model that takes too long or too much memory ends with an error, and nobody waits for it', async () => {
    const many = Array.from({ length: 50_000 }, (_, i) => `<urn:${i}> <urn:hasPoint> <urn:p${i}> .`).join('\n');
    const options = { site: 's', siteName: null, timeZone: null, assumeUnits: null };
    const order = { text: many, format: 'brick' as const, options };
    await expect(readModelApart(order, { msMax: 1, memoryMbMax: 512 })).rejects.toThrow(ModelError);
    await expect(readModelApart(order, { msMax: 60_000, memoryMbMax: 8 })).rejects.toThrow(/8 MB of memory/);
  });
});
