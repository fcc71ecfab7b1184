import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { createLog } from '../src/platform/log.ts';
import { listLatest } from '../src/telemetry/latest-store.ts';
import { refreshRollups } from '../src/telemetry/rollups/rollup-refresh.ts';
import { noteTouched } from '../src/telemetry/rollups/rollup-touched-store.ts';
import { prepareStorage, type StorageEngine } from '../src/telemetry/storage/engine-store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let engine: StorageEngine;
beforeAll(async () => {
  api = await startTestApi();
  engine = await prepareStorage(api.database.pool, createLog('silent'));
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await makeWorld(api.database);
});

const hourMs = 3_600_000;
const ago = (hours: number) => new Date(Math.floor(Date.now() - hours * hourMs));
const write = (value: number | null, at: Date, quality = 'good') =>
  api.call('POST', `/api/v1/points/${world.pointId}/readings`, {
    key: world.key,
    body: [{ value, time: at.toISOString(), quality }],
  });
const latest = async (path = `/api/v1/points/${world.pointId}/latest`) =>
  (await api.call('GET', path, { key: world.key })).json;
const shown = (at: Date) => at.toISOString().replace('.000Z', 'Z');

test('the newest reading of a point is shown with its point; of one without readings it is null', async () => {
  expect((await latest()).data).toEqual({
    point_id: world.pointId,
    asset_id: world.ahuId,
    site: 'ucl-east-campus',
    asset: 'AHU-01',
    name: 'sat',
    class: null,
    unit: 'degC',
    expected_interval_s: 60,
    time: null,
    value: null,
    quality: null,
  });
  await write(1, ago(2));
  await write(3, ago(1), 'uncertain');
  const at = ago(0.5);
  await write(2, at, 'bad');
  expect((await latest()).data).toMatchObject({ time: shown(at), value: 2, quality: 'bad' });
  expect(await latest(`/api/v1/sites/ucl-east-campus/points/${world.pointId}/latest/`)).toMatchObject({ value: 2 });
});

test.each([1, 3 * 24, 30 * 24])(
  'a reading of %i hours ago is the newest before and after it is rolled up, and so is a later one',
  async (hours) => {
    const at = ago(hours);
    await write(7, at);
    expect((await latest()).data).toMatchObject({ time: shown(at), value: 7 });
    await refreshRollups(api.database.db, { engine });
    expect((await latest()).data).toMatchObject({ time: shown(at), value: 7 });
    const later = ago(hours - 0.5);
    await write(8, later);
    expect((await latest()).data).toMatchObject({ time: shown(later), value: 8 });
    await refreshRollups(api.database.db, { engine });
    expect((await latest()).data).toMatchObject({ time: shown(later), value: 8 });
  },
);

test('a newest reading that is taken back is not the newest any more, neither before nor after that is rolled up', async () => {
  const [first, second] = [ago(10 * 24), ago(9 * 24)];
  await write(1, first);
  await write(2, second);
  await refreshRollups(api.database.db, { engine });
  await api.database.db.transaction().execute(async (trx) => {
    await sql`delete from reading where series_id = ${world.seriesId} and time = ${second}`.execute(trx);
    await noteTouched(trx, [{ seriesId: world.seriesId, fromMs: second.getTime(), throughMs: second.getTime() }]);
  });
  expect((await latest()).data).toMatchObject({ time: shown(first), value: 1 });
  await refreshRollups(api.database.db, { engine });
  expect((await latest()).data).toMatchObject({ time: shown(first), value: 1 });
});

test('what the reading said is known when it is kept no more', async () => {
  const at = ago(20 * 24);
  await write(5, at, 'uncertain');
  await refreshRollups(api.database.db, { engine });
  await sql`delete from reading where series_id = ${world.seriesId}`.execute(api.database.db);
  expect((await latest()).data).toMatchObject({ time: shown(at), value: 5, quality: 'uncertain' });
});

test('a site and a piece of equipment list their points, page by page, with the filters of points', async () => {
  const names = Array.from({ length: 5 }, (_, i) => `p${i}`);
  for (const name of names) {
    const point = { id: newId(), tenant_id: world.tenantId, asset_id: world.ahuId, name };
    await api.database.db.insertInto('point').values(point).execute();
  }
  await api.database.db
    .insertInto('point')
    .values({ id: newId(), tenant_id: world.tenantId, asset_id: world.chillerId, name: 'elsewhere' })
    .execute();
  await write(4, ago(1));
  const ofAsset = await latest(`/api/v1/assets/${world.ahuId}/latest`);
  expect(ofAsset).toMatchObject({ total: 6, limit: 500 });
  expect(ofAsset.data.map(({ name }: { name: string }) => name)).toEqual([...names.toReversed(), 'sat']);
  expect(ofAsset.data.map(({ value }: { value: number | null }) => value)).toEqual([null, null, null, null, null, 4]);
  const seen: string[] = [];
  for (let cursor = ''; ; ) {
    const page = await latest(`/api/v1/latest?limit=2${cursor}`);
    seen.push(...page.data.map(({ name }: { name: string }) => name));
    if (page.nextCursor === null) break;
    cursor = `&cursor=${page.nextCursor}`;
  }
  expect(seen).toEqual(['elsewhere', ...names.toReversed(), 'sat']);
  const atSite = await latest('/api/v1/sites/plant/latest/');
  expect(atSite.map(({ name }: { name: string }) => name)).toEqual(['elsewhere']);
  expect((await latest('/api/v1/latest?name=sat')).data).toHaveLength(1);
});

test('a point that was merged into another is in no list: what came under its name is the newest of that one', async () => {
  const merged = { id: newId(), tenant_id: world.tenantId, asset_id: world.ahuId, name: 'SupTmp' };
  await api.database.db.insertInto('point').values(merged).execute();
  const at = ago(1);
  await api.call('POST', `/api/v1/points/${merged.id}/readings`, {
    key: world.key,
    body: [{ value: 6, time: at.toISOString() }],
  });
  const lists = ['/api/v1/latest', `/api/v1/assets/${world.ahuId}/latest`];
  for (const path of lists) expect((await latest(path)).data).toHaveLength(2);
  const body = { target: world.pointId };
  await api.call('POST', `/api/v1/points/${merged.id}/merge-into`, { key: world.key, body });
  for (const path of lists) {
    expect(await latest(path)).toMatchObject({ total: 1, data: [{ name: 'sat', value: 6, time: shown(at) }] });
  }
  expect(await latest(`/api/v1/points/${merged.id}/latest`)).toMatchObject({ status: 410, error: 'point_merged' });
});

test('what is of another tenant is 404, of another site than the key’s 403, and in no list', async () => {
  const other = await makeWorld(api.database);
  const plantKey = await world.makeKey({ siteIds: [world.plantId] });
  for (const path of [`/api/v1/points/${world.pointId}/latest`, `/api/v1/assets/${world.ahuId}/latest`]) {
    expect((await api.call('GET', path, { key: other.key })).status).toBe(404);
    expect((await api.call('GET', path, { key: plantKey })).status).toBe(403);
  }
  expect((await api.call('GET', '/api/v1/latest', { key: plantKey })).json.data).toEqual([]);
  const { json } = await api.call('GET', '/api/v1/latest', { key: other.key });
  expect(json.data.map(({ point_id }: { point_id: string }) => point_id)).toEqual([other.pointId]);
});

test('500 points at once are answered whatever their readings are of', async () => {
  const { db } = api.database;
  const { rows } = await sql<{ series_id: number }>`
    insert into point (id, tenant_id, asset_id, name)
    select gen_random_uuid(), ${world.tenantId}, ${world.ahuId}, 'many ' || i from generate_series(1, 500) i
    returning series_id`.execute(db);
  const ids = rows.map(({ series_id }) => series_id);
  await sql`insert into reading (series_id, time, value, quality)
    select id, now() - (id % 3) * interval '1 hour', id, 0 from unnest(${ids}::int4[]) id where id % 5 <> 0`.execute(
    db,
  );
  const found = await listLatest(db, ids);
  expect([...found].map(([id, { value }]) => [id, value]).sort()).toEqual(
    ids
      .filter((id) => id % 5 !== 0)
      .map((id) => [id, id])
      .sort(),
  );
});
