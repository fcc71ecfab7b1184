/** What GET /points/{id}/readings refuses, and in which words. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi({ now: () => new Date('2026-04-11T18:22:33Z') });
  world = await makeWorld(api.database);
});
afterAll(() => api.close());

const path = () => `/api/v1/points/${world.pointId}/readings`;
const get = (query: string) => api.call('GET', `${path()}?${query}`, { key: world.key });

test.each([
  ['bucket=2d', ['/bucket']],
  ['bucket=1m', ['/start']],
  ['bucket=1m&start=2026-3-1', ['/start']],
  ['bucket=1m&start=tomorrow&end=yesterday', ['/start', '/end']],
  ['bucket=1m&start=-1h&end=-2h', ['/end']],
  ['bucket=1m&start=-1h&end=-1h', ['/end']],
  ['bucket=1m&start=2026-04-11T18:22:33Z', ['/start']],
  ['bucket=1m&start=-1h&agg=median', ['/agg']],
  ['bucket=1m&start=-1h&agg=', ['/agg']],
  ['bucket=1m&start=-1h&agg=mean,', ['/agg']],
  ['bucket=1m&start=-1h&agg=__proto__', ['/agg']],
  ['bucket=1m&start=-1h&fill=zero', ['/fill']],
  ['bucket=1m&start=-1h&fill=last&reach=400d', ['/reach']],
  ['bucket=1s&start=-1h&fill=last&reach=366d', ['/reach']],
  ['bucket=1m&start=-1h&fill=last&reach=-1h', ['/reach']],
  ['bucket=1m&start=-1h&quality=great', ['/quality']],
  ['bucket=1m&start=-1h&time_zone=Mars/Olympus', ['/time_zone']],
  ['bucket=1m&start=-1h&time_zone=%2B05:30', ['/time_zone']],
  ['bucket=1m&start=-1h&unit=kPa', ['/unit']],
  ['bucket=1m&start=-1h&unit=parsec', ['/unit']],
  ['bucket=1m&start=-1h&pixels=100', ['/pixels']],
  ['bucket=1m&start=-1h&sampling=lttb', ['/sampling']],
  ['bucket=raw&pixels=100', ['/pixels']],
  ['bucket=auto&start=-1h&pixels=9', ['/pixels']],
  ['bucket=auto&start=-1h&pixels=10001', ['/pixels']],
  ['bucket=auto&start=-1h&sampling=lttb&agg=mean', ['/agg']],
  ['bucket=auto&start=-1h&sampling=lttb&fill=last', ['/fill']],
  ['bucket=auto&start=-1h&sampling=lttb&order=desc', ['/order']],
  ['agg=mean', ['/agg']],
  ['fill=last', ['/fill']],
  ['agg=mean&fill=last&reach=1h', ['/agg', '/fill', '/reach']],
  ['bucket=1s&start=1990-01-01T00:00:00Z', ['/bucket']],
  ['format=xml', ['/format']],
])('?%s is refused, and what is wrong is named', async (query, pointers) => {
  const { status, json } = await get(query);
  expect([status, json.error]).toEqual([400, 'validation_failed']);
  expect(json.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(pointers);
});

test.each([
  ['bucket=1s&start=1990-01-01T00:00:00Z', /makes 1,14\d,\d{3},\d{3} buckets, and 10,000,000 are the most/],
  ['bucket=1h&start=-1h&unit=kPa', /degC cannot be shown in kPa; it can be in degC, degF, K, degR/],
  ['bucket=90s&start=-1h', /30s, 1m, 15m or 1h/],
  ['bucket=1h&start=soon', /ISO 8601, such as .*, a date, now, or so long ago \(-24h, -7d, -1mo, -1y\)/],
])('?%s is refused with what would be right', async (query, words) => {
  expect((await get(query)).json.detail).toMatch(words);
});

test("a point without a unit has none to be converted, and another tenant's is not found", async () => {
  await api.database.db.updateTable('point').set({ unit: null }).where('id', '=', world.pointId).execute();
  expect((await get('unit=degF')).json.detail).toMatch(/has no unit/);
  await api.database.db.updateTable('point').set({ unit: 'degC' }).where('id', '=', world.pointId).execute();
  const other = await makeWorld(api.database);
  const foreign = await api.call('GET', `${path()}?start=-1h&bucket=1h`, { key: other.key });
  expect([foreign.status, foreign.json.error]).toEqual([404, 'point_not_found']);
  const elsewhere = await world.makeKey({ siteIds: [world.plantId] });
  expect((await api.call('GET', `${path()}?start=-1h&bucket=1h`, { key: elsewhere })).status).toBe(403);
});
