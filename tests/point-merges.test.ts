/** Points that turn out to be others: nothing of their history is lost, and what comes later arrives at the other. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { countDiscovered, listNamedPoints } from '../src/assets/point-store.ts';
import { createDirectory } from '../src/ingest/decode/directory.ts';
import { makeWorld, startTestApi, type TestApi } from './support/api.ts';
import { type MergeWorld, makeMergeWorld, minute } from './support/merging.ts';

let api: TestApi;
let world: MergeWorld;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await makeMergeWorld(api);
});

describe('merging a point', () => {
  test('its readings are those of the other point, and it is in no list any more', async () => {
    const source = await world.discover([1, 2, 3]);
    const reply = await world.merge(source.id, world.pointId);
    expect(reply).toMatchObject({
      status: 200,
      json: {
        data: { source_point_id: source.id, target_point_id: world.pointId, moved: 3, conflicts: 0, author: 'alex' },
      },
    });
    expect(await world.values()).toEqual([1, 2, 3]);
    expect(await world.valuesOf(source.seriesId)).toEqual([]);
    const list = await api.call('GET', '/api/v1/points?q=AHU', { key: world.key });
    expect(list.json.data.map((one: { name: string }) => one.name)).toEqual(['sat']);
    const shown = await api.call('GET', `/api/v1/points/${source.id}`, { key: world.key });
    expect(shown.json.data).toMatchObject({ name: 'SupTmp', merged_into: world.pointId });
    const gone = await api.call('GET', `/api/v1/points/${source.id}/readings`, { key: world.key });
    expect(gone).toMatchObject({ status: 410, json: { error: 'point_merged' } });
    expect(gone.json.detail).toContain(world.pointId);
    const { json: log } = await api.call('GET', `/api/v1/events?subject_id=${source.id}`, { key: world.key });
    const changes = [{ field: 'merged_into', from: null, to: world.pointId }];
    expect(log.data).toMatchObject([{ type: 'point.updated', subject: { id: source.id }, changes }]);
  });

  test('it takes up no room any more among those that discovery may make', async () => {
    const source = await world.discover([1]);
    const site = { siteId: world.campusId } as Parameters<typeof countDiscovered>[1];
    expect(await countDiscovered(api.database.db, site)).toMatchObject({ points: 1 });
    await world.merge(source.id, world.pointId);
    expect(await countDiscovered(api.database.db, site)).toMatchObject({ points: 0 });
  });

  test('what comes later under its name, its id or the URI of its asset is a reading of the other point', async () => {
    const source = await world.discover([1]);
    await world.merge(source.id, world.pointId);
    await world.send('AHU-01', 'SupTmp', [{ time: minute(10), value: 10 }]);
    const uri = `${world.base}#AHU-01`;
    const body = [
      { point_id: source.id, time: minute(11), value: 11 },
      { uri, point: 'SupTmp', time: minute(12), value: 12 },
    ];
    await api.call('POST', '/api/v1/telemetry', { key: world.key, body });
    const rows = [{ time: minute(13), value: 13 }];
    const byPath = await api.call('POST', `/api/v1/points/${source.id}/readings`, { key: world.key, body: rows });
    expect(byPath.status).toBe(200);
    // This process has known the name from before the merging; whoever starts now knows better.
    const directory = createDirectory(api.database.db);
    const site = (await directory.findSites(world.tenantId, ['ucl-east-campus'])).get('ucl-east-campus');
    if (!site) throw new Error('there is a site');
    await directory.loadPoints(site, [{ asset: 'AHU-01', point: 'SupTmp' }]);
    expect(site.points.get('AHU-01')?.get('SupTmp')).toMatchObject({ pointId: world.pointId, assetId: world.ahuId });
    await world.moveAll();
    expect(await world.values()).toEqual([1, 10, 11, 12, 13]);
  });

  test('where both have a reading of an instant the other point’s stays, and both are on record', async () => {
    const source = await world.discover([1, 2, 3, 4]);
    await world.send('AHU-01', 'sat', [
      { time: minute(1), value: 2 },
      { time: minute(2), value: 33 },
    ]);
    const { id, ...counts } = (await world.merge(source.id, world.pointId)).json.data;
    expect(counts).toMatchObject({ moved: 2, duplicates: 1, conflicts: 1 });
    expect(await world.values()).toEqual([1, 2, 33, 4]);
    const conflicts = await api.call('GET', `/api/v1/point-merges/${id}/conflicts`, { key: world.key });
    expect(conflicts.json.data).toEqual([
      { time: minute(2), kept: { value: 33, quality: 'good' }, dropped: { value: 3, quality: 'good' } },
    ]);
  });

  test('values change with the unit, then and later, by whatever way they come', async () => {
    const source = await world.discover([50, 59]);
    await world.setUnit(source.id, 'degF');
    await world.merge(source.id, world.pointId);
    expect(await world.values()).toEqual([10, 15]);
    const fresh = await api.restart();
    const body = {
      readings: [{ site: 'ucl-east-campus', asset: 'AHU-01', point: 'SupTmp', time: minute(5), value: 68 }],
    };
    await fresh.call('POST', '/api/v1/telemetry', { key: world.key, body });
    await fresh.call('POST', '/api/v1/telemetry', {
      key: world.key,
      body: [{ point_id: source.id, time: minute(6), value: '77' }],
    });
    await fresh.app.close();
    expect(await world.values()).toEqual([10, 15, 20, 25]);
  });

  test('another unit of the other point is the unit of what comes under its name', async () => {
    const source = await world.discover([50, 59]);
    await world.send('AHU-01', 'same', [{ time: minute(5), value: 20 }]);
    const same = await world.find('AHU-01', 'same');
    await world.setUnit(source.id, 'degF');
    await world.merge(source.id, world.pointId);
    await world.merge(same.id, world.pointId);
    const body = { unit: 'K', history: 'convert' };
    expect((await api.call('PATCH', `/api/v1/points/${world.pointId}`, { key: world.key, body })).status).toBe(200);
    const site = { siteId: world.campusId, tenantId: world.tenantId } as Parameters<typeof listNamedPoints>[1]['site'];
    const names = ['SupTmp', 'same'].map((point) => ({ asset: 'AHU-01', point }));
    const named = await listNamedPoints(api.database.db, { site, names });
    expect(new Map(named.map(({ point, ref }) => [point, ref.conversion]))).toEqual(
      new Map([
        ['SupTmp', { scale: expect.closeTo(5 / 9, 9), offset: expect.closeTo(459.67 / 1.8, 6), steps: 1e10 }],
        ['same', null],
      ]),
    );
    expect(await world.values()).toEqual([283.15, 288.15, 293.15]);
  });

  test('of points merged one after the other, all stand for the last, in its unit', async () => {
    const [first, second] = [await world.discover([0], 'one'), await world.discover([273.15], 'two')];
    await world.setUnit(first.id, 'degC');
    await world.setUnit(second.id, 'K');
    await world.setUnit(world.pointId, 'degF');
    await world.send('AHU-01', 'two', [{ time: minute(3), value: 283.15 }]);
    await world.merge(first.id, second.id);
    await world.merge(second.id, world.pointId);
    const site = { siteId: world.campusId, tenantId: world.tenantId } as Parameters<typeof listNamedPoints>[1]['site'];
    const named = await listNamedPoints(api.database.db, { site, names: [{ asset: 'AHU-01', point: 'one' }] });
    expect(named[0]?.ref.pointId).toBe(world.pointId);
    expect(named[0]?.ref.conversion).toMatchObject({ scale: expect.closeTo(1.8, 9), offset: expect.closeTo(32, 9) });
    expect(await world.values()).toEqual([32, 50]);
  });

  test('a unit, states and an interval that the other point lacks are those of the merged one', async () => {
    const source = await world.discover([1]);
    await world.setUnit(source.id, 'degF');
    await sql`update point set unit = null, states = null, expected_interval_ms = null where id = ${world.pointId}`.execute(
      api.database.db,
    );
    await sql`update point set states = '{"Off": 0}', expected_interval_ms = 5000 where id = ${source.id}`.execute(
      api.database.db,
    );
    await world.merge(source.id, world.pointId);
    const { json } = await api.call('GET', `/api/v1/points/${world.pointId}`, { key: world.key });
    expect(json.data).toMatchObject({ unit: 'degF', states: { Off: 0 }, expected_interval_s: 5, name: 'sat' });
    expect(await world.values()).toEqual([1]);
  });

  test('what insights remember of it is evidence of the other point', async () => {
    const { db } = api.database;
    const source = await world.discover([1]);
    const insight = await world.makeInsight();
    await sql`insert into insight_input (insight_id, name, since_at, place, is_shown, kind, type, point_id, series_id)
      values (${insight}, 'sat', now(), 0, true, 'point', 'number', ${source.id}, ${source.seriesId})`.execute(db);
    await world.merge(source.id, world.pointId);
    const { rows } = await sql`select point_id, series_id from insight_input where insight_id = ${insight}`.execute(db);
    expect(rows).toEqual([{ point_id: world.pointId, series_id: world.seriesId }]);
  });

  test('what was kept of both on one day is evidence of the other point, all of it', async () => {
    const { db } = api.database;
    const source = await world.discover([1]);
    const insight = await world.makeInsight();
    for (const [i, seriesId] of [source.seriesId, world.seriesId].entries()) {
      const at = `2026-01-01T0${i}:00:00Z`;
      await sql`insert into insight_input (insight_id, name, since_at, place, is_shown, kind, type, series_id)
        values (${insight}, 'sat', ${at}, 0, true, 'point', 'number', ${seriesId})`.execute(db);
      await sql`insert into insight_reading (insight_id, series_id, from_at, through_at, first_at, gaps_ms, values)
        values (${insight}, ${seriesId}, '2026-01-01', '2026-01-02', ${at}, '{0}', ${[i]})`.execute(db);
    }
    await world.merge(source.id, world.pointId);
    const { rows } = await sql`select series_id, values from insight_reading
      where insight_id = ${insight} order by first_at`.execute(db);
    expect(rows).toEqual([0, 1].map((value) => ({ series_id: world.seriesId, values: [value] })));
  });

  test.each([
    ['of another dimension', async (id: string) => world.setUnit(id, 'kW')],
    [
      'whose states have other numbers',
      async (id: string) => {
        await sql`update point set states = '{"On": 1}' where id = ${world.pointId}`.execute(api.database.db);
        await sql`update point set states = '{"On": 2}' where id = ${id}`.execute(api.database.db);
      },
    ],
    [
      'of a building model',
      async (id: string) => sql`update point set source = 'brick' where id = ${id}`.execute(api.database.db),
    ],
    [
      'of another site',
      async (id: string) =>
        sql`update point set asset_id = ${world.chillerId} where id = ${id}`.execute(api.database.db),
    ],
  ])('one %s is not possible, and changes nothing', async (_, spoil) => {
    const source = await world.discover([1]);
    await spoil(source.id);
    expect(await world.merge(source.id, world.pointId)).toMatchObject({
      status: 409,
      json: { error: 'merge_not_possible' },
    });
    expect(await world.valuesOf(source.seriesId)).toEqual([1]);
  });

  test('one that was merged is merged no more, and nothing into it', async () => {
    const [source, other] = [await world.discover([1]), await world.discover([2], 'other')];
    await world.merge(source.id, world.pointId);
    expect(await world.merge(source.id, other.id)).toMatchObject({ status: 410, json: { error: 'point_merged' } });
    const into = await world.merge(other.id, source.id);
    expect(into).toMatchObject({ status: 409, json: { error: 'merge_not_possible' } });
    expect(into.json.detail).toContain(world.pointId);
    expect(await world.merge(world.pointId, world.pointId)).toMatchObject({ status: 400 });
    const change = await api.call('PATCH', `/api/v1/points/${source.id}`, { key: world.key, body: { min: 1 } });
    expect(change.status).toBe(410);
  });

  test('it needs both points to be of the tenant and of the sites of the key', async () => {
    const source = await world.discover([1]);
    const stranger = await makeWorld(api.database);
    expect((await world.merge(source.id, world.pointId, stranger.key)).status).toBe(404);
    expect((await world.merge(source.id, stranger.pointId)).status).toBe(400);
    expect(
      (await world.merge(source.id, world.pointId, await world.makeKey({ siteIds: [world.plantId] }))).status,
    ).toBe(403);
    expect((await world.merge(source.id, world.pointId, await world.makeKey({ scopes: ['points:read'] }))).status).toBe(
      403,
    );
    const { id } = (await world.merge(source.id, world.pointId)).json.data;
    expect((await api.call('GET', `/api/v1/point-merges/${id}`, { key: stranger.key })).status).toBe(404);
    expect((await api.call('GET', '/api/v1/point-merges', { key: stranger.key })).json.data).toEqual([]);
    const elsewhere = await world.makeKey({ siteIds: [world.plantId] });
    expect((await api.call('GET', `/api/v1/point-merges/${id}`, { key: elsewhere })).status).toBe(403);
    expect((await api.call('GET', '/api/v1/point-merges', { key: elsewhere })).json.total).toBe(0);
  });
});
