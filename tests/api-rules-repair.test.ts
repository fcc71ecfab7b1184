/** What POST /rules/repair takes, and what it leaves for the shards; tests/asked-repair.test.ts has what they make of it. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { dropEverything } from './support/readings.ts';

const now = new Date('2026-04-11T12:00:00Z');
let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi({ now: () => now });
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await makeWorld(api.database);
  await dropEverything(api.database);
});

const ask = (body: object, { key = world.key, path = '/rules/repair', headers = {} } = {}) =>
  api.call('POST', `/api/v1${path}`, { key, body, headers });

async function queued() {
  const { rows } = await sql<{ asset_ids: string[]; least_times: Date[] }>`
    select asset_ids, least_times from ingest_batch`.execute(api.database.db);
  return rows.map(({ asset_ids, least_times }) => [asset_ids, [...new Set(least_times.map((at) => at.toISOString()))]]);
}

test('word is left for one asset, or for all of a site, on either mount', async () => {
  const one = await ask({ asset_id: world.ahuId, from: '2026-02-01T00:00:00Z' });
  expect(one).toMatchObject({ status: 202, json: { data: { from: '2026-02-01T00:00:00Z', assets: 1 } } });
  expect(await queued()).toEqual([[[world.ahuId], ['2026-02-01T00:00:00.000Z']]]);
  await dropEverything(api.database);
  const all = await ask({ site: 'plant', from: '2026-02-01' });
  expect(all.json.data).toEqual({ from: '2026-01-31T18:30:00Z', assets: 1 });
  expect(await queued()).toEqual([[[world.chillerId], ['2026-01-31T18:30:00.000Z']]]);
  await dropEverything(api.database);
  const below = await ask({ from: '-60d' }, { path: '/sites/ucl-east-campus/rules/repair/' });
  expect(below).toMatchObject({ status: 202, json: { from: '2026-02-10T12:00:00Z', assets: 1 } });
  expect(await queued()).toEqual([[[world.ahuId], ['2026-02-10T12:00:00.000Z']]]);
});

test('the same Idempotency-Key leaves it once', async () => {
  const headers = { 'idempotency-key': 'one' };
  const [first, second] = [
    await ask({ site: 'plant', from: '-60d' }, { headers }),
    await ask({ site: 'plant', from: '-60d' }, { headers }),
  ];
  expect([first.status, second.status]).toEqual([202, 202]);
  expect(await queued()).toHaveLength(1);
});

test.each([
  ['/from', { site: 'plant' }],
  ['/from', { site: 'plant', from: 'once' }],
  ['/from', { site: 'plant', from: 'now' }],
  ['/from', { site: 'plant', from: '2026-04-12' }],
  ['/from', { site: 'plant', from: '-367d' }],
  ['/asset_id', { from: '-60d' }],
  ['/site', { from: '-60d', site: 'nowhere' }],
  ['/site', { from: '-60d', site: 'plant', asset_id: '0198f0a0-7b5c-7def-8abc-0123456789ab' }],
  ['/asset_id', { from: '-60d', asset_id: '0198f0a0-7b5c-7def-8abc-0123456789ab' }],
])('what is wrong with %s is named: %j', async (pointer, body) => {
  expect(await ask(body)).toMatchObject({ status: 400, json: { errors: [{ pointer }] } });
  expect(await queued()).toEqual([]);
});

test('more days of equipment than one request may have are refused with what would do', async () => {
  await sql`insert into asset (id, tenant_id, site_id, name, uri, shard)
    select gen_random_uuid(), ${world.tenantId}, ${world.plantId}, 'a' || i, 'a' || i, 0 from generate_series(1, 99) i`.execute(
    api.database.db,
  );
  const refused = await ask({ site: 'plant', from: '-51d' });
  expect(refused).toMatchObject({ status: 400, json: { errors: [{ pointer: '/from', code: 'too_many' }] } });
  expect(refused.json.detail).toContain('51 days of 100');
  expect((await ask({ site: 'plant', from: '-50d' })).json.data.assets).toBe(100);
});

test('what was dropped cannot be evaluated again, nor what is linked to it', async () => {
  const { db } = api.database;
  await sql`insert into retention_horizon (time_table, series_id, before)
    values ('reading', ${world.seriesId}, '2026-02-01T00:00:00Z')`.execute(db);
  const refused = await ask({ asset_id: world.ahuId, from: '2026-01-31T23:59:59Z' });
  expect(refused).toMatchObject({ status: 400, json: { errors: [{ pointer: '/from', code: 'too_early' }] } });
  expect(refused.json.detail).toContain('2026-02-01T00:00:00Z');
  expect((await ask({ asset_id: world.ahuId, from: '2026-02-01T00:00:00Z' })).status).toBe(202);
  const chiller = { asset_id: world.chillerId, from: '2026-01-31T23:59:59Z' };
  expect((await ask(chiller)).status).toBe(202);
  await sql`insert into asset_relation (tenant_id, from_asset_id, kind, to_asset_id)
    values (${world.tenantId}, ${world.chillerId}, 'feeds', ${world.ahuId})`.execute(db);
  expect((await ask(chiller)).status).toBe(400);
});

test('it is not for another tenant, another site, or a key that may not write rules', async () => {
  const other = await makeWorld(api.database);
  const body = { asset_id: world.ahuId, from: '-60d' };
  expect(await ask(body, { key: other.key })).toMatchObject({ status: 400, json: { errors: [{ code: 'not_found' }] } });
  const elsewhere = await world.makeKey({ siteIds: [world.plantId] });
  expect((await ask(body, { key: elsewhere })).status).toBe(400);
  expect((await ask({ site: 'ucl-east-campus', from: '-60d' }, { key: elsewhere })).status).toBe(403);
  const path = '/sites/ucl-east-campus/rules/repair/';
  expect((await ask({ from: '-60d' }, { key: elsewhere, path })).status).toBe(403);
  const reader = await world.makeKey({ scopes: ['read', 'points:write'] });
  expect(await ask(body, { key: reader })).toMatchObject({ status: 403, json: { error: 'scope_missing' } });
  expect(await queued()).toEqual([]);
  expect((await ask({ site: 'plant', from: '-60d' }, { key: elsewhere })).status).toBe(202);
});
