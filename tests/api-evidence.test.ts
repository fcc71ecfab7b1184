/** The evidence of insights through the API: who may read it, what it says of an insight of which little is recorded. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { createLog } from '../src/platform/log.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
let insightId: string;
beforeAll(async () => {
  api = await startTestApi();
  world = await makeWorld(api.database);
  insightId = await world.makeInsight();
});
afterAll(() => api.close());

const below = (id: string) => `/api/v1/insights/${id}/evidence`;
const atSite = (id: string, slug = 'ucl-east-campus') => `/api/v1/sites/${slug}/insights/${id}/evidence/`;

/** Records that the world's point serves an input, and ten readings of it around the insight. */
async function record(): Promise<void> {
  const { db } = api.database;
  const { opened_at } = await db
    .selectFrom('insight')
    .select('opened_at')
    .where('id', '=', insightId)
    .executeTakeFirstOrThrow();
  const input = { insight_id: insightId, name: 'sat', since_at: opened_at, place: 0, is_shown: true, kind: 'point' };
  await db
    .insertInto('insight_input')
    .values({ ...input, type: 'number', unit: 'degF', point_id: world.pointId, series_id: world.seriesId })
    .execute();
  const openedMs = opened_at.getTime();
  const engine = await prepareStorage(api.database.pool, createLog('silent'));
  await engine.ensureSpan('reading', openedMs - 300_000, openedMs + 300_000);
  for (let i = 0; i < 10; i++) {
    await api.database.pool.query(
      `insert into reading (series_id, time, value, quality) values ($1, $2, $3, 0) on conflict do nothing`,
      [world.seriesId, new Date(openedMs - 300_000 + i * 60_000), 20 + i],
    );
  }
}

test('an insight of which nothing is recorded has its episode and no series, and says so', async () => {
  const { status, json } = await api.call('GET', below(insightId), { key: world.key });
  expect(status).toBe(200);
  expect(json.data).toMatchObject({ insight_id: insightId, recorded: false, complete: false, series: [], states: [] });
  expect(json.data.episodes).toHaveLength(1);
});

test('its series are in the unit of the rule, the same on both mounts, and fewer samples are steps', async () => {
  await record();
  const { json } = await api.call('GET', below(insightId), { key: world.key });
  const [series] = json.data.series;
  expect(series).toMatchObject({
    input: 'sat',
    point: 'sat',
    asset: 'AHU-01',
    unit: 'degF',
    step_s: null,
    kept: false,
  });
  expect(series.values.map((value: number) => Math.round(value * 10) / 10).slice(0, 2)).toEqual([68, 69.8]);
  const site = await api.call('GET', atSite(insightId), { key: world.key });
  expect(site.json.series).toEqual(json.data.series);
  const few = await api.call('GET', `${below(insightId)}?samples=2`, { key: world.key });
  expect(few.json.data.series[0].times.length).toBeLessThanOrEqual(2);
  expect(few.json.data.series[0].step_s).toBeGreaterThan(0);
});

test.each([
  ["another tenant's insight is not found", async () => ({ key: (await makeWorld(api.database)).key, code: 404 })],
  [
    'a key for another site is refused',
    async () => ({ key: await world.makeKey({ siteIds: [world.plantId] }), code: 403 }),
  ],
  [
    'a key that may not read points is refused',
    async () => ({ key: await world.makeKey({ scopes: ['insights:read'] }), code: 403 }),
  ],
  [
    'a key that may not read insights is refused',
    async () => ({ key: await world.makeKey({ scopes: ['points:read'] }), code: 403 }),
  ],
])('%s', async (_, make) => {
  const { key, code } = await make();
  expect((await api.call('GET', below(insightId), { key })).status).toBe(code);
});

test('below another site, and with an id that nobody has, it is not found', async () => {
  expect((await api.call('GET', atSite(insightId, 'plant'), { key: world.key })).status).toBe(404);
  expect((await api.call('GET', below(newId()), { key: world.key })).status).toBe(404);
});

test.each(['0', '10001', '-1', 'many', '1.5'])('samples=%s is refused by name', async (samples) => {
  const { status, json } = await api.call('GET', `${below(insightId)}?samples=${samples}`, { key: world.key });
  expect(status).toBe(400);
  expect(json.errors[0]).toMatchObject({ in: 'query', pointer: '/samples' });
});
