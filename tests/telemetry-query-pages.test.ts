/** Pages of buckets are the whole, wherever they are cut; a cursor opens no other list. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { minute, noon, storeReadings } from './support/stored-readings.ts';

let api: TestApi;
let world: World;
beforeAll(async () => {
  api = await startTestApi({ now: () => new Date('2026-04-11T18:22:33Z') });
  world = await makeWorld(api.database);
  await storeReadings(api, world.seriesId, noon);
});
afterAll(() => api.close());

const path = () => `/api/v1/points/${world.pointId}/readings`;
const get = (query: string) => api.call('GET', `${path()}?${query}`, { key: world.key });
const rows = async (query: string) => (await get(query)).json.data as Record<string, unknown>[];
const span = `start=${minute(0)}&end=${minute(25)}`;

test.each(['none', 'null', 'last', 'linear'])(
  'pages of any size have the rows of one page, filled by %s, in both orders',
  async (fill) => {
    for (const order of ['asc', 'desc']) {
      const query = `${span}&bucket=1m&agg=mean,count&fill=${fill}&order=${order}`;
      const whole = await rows(query);
      expect(whole.length).toBe(fill === 'none' ? 7 : 25);
      for (const limit of [1, 2, 3, 7, 24, 25, 26]) {
        const seen = [];
        for (let cursor = ''; ; ) {
          const { json } = await get(`${query}&limit=${limit}${cursor}`);
          expect(json.data.length).toBeLessThanOrEqual(limit);
          seen.push(...json.data);
          if (json.nextCursor === null) break;
          cursor = `&cursor=${json.nextCursor}`;
        }
        expect([order, limit, seen]).toEqual([order, limit, whole]);
      }
      const other = order === 'asc' ? 'desc' : 'asc';
      expect((await rows(query.replace(`order=${order}`, `order=${other}`))).reverse()).toEqual(whole);
    }
  },
);

test('a cursor is of one query: of its point, its bucket, its unit, its span', async () => {
  const query = `${span}&bucket=5m&agg=mean`;
  const { json } = await get(`${query}&limit=1`);
  expect((await get(`${query}&cursor=${json.nextCursor}`)).status).toBe(200);
  for (const other of [
    query.replace('5m', '1m'),
    `${query}&unit=degF`,
    `${query}&fill=last`,
    span,
    `${query}&order=desc`,
  ])
    expect([other, (await get(`${other}&cursor=${json.nextCursor}`)).json.error]).toEqual([other, 'cursor_invalid']);
});

test('below a site the rows are bare, and their cursor is a header', async () => {
  const url = `/api/v1/sites/ucl-east-campus/points/${world.pointId}/readings/?${span}&bucket=5m&agg=mean&limit=1`;
  const { json, headers } = await api.call('GET', url, { key: world.key });
  expect(json).toEqual([{ time: minute(0), mean: 12 }]);
  const next = await api.call('GET', `${url}&cursor=${headers['x-next-cursor']}`, { key: world.key });
  expect(next.json).toEqual([{ time: minute(10), mean: 20 }]);
});

test.each([
  ['GET', 1],
  ['GET', 4],
  ['POST', 1],
  ['POST', 4],
])('pages of what LTTB keeps follow each other: %s, %i rows at a time', async (method, limit) => {
  const query = { start: minute(0), end: minute(25), bucket: 'auto', sampling: 'lttb', pixels: 10 };
  const page = async (cursor: string | null) => {
    if (method === 'GET') {
      const given = new URLSearchParams({ ...query, pixels: '10', limit: String(limit), ...(cursor && { cursor }) });
      const { json } = await get(String(given));
      return { rows: json.data as { time: string }[], next: json.nextCursor as string | null };
    }
    const body = { ...query, points: [world.pointId], limit, ...(cursor && { cursor }) };
    const { json } = await api.call('POST', '/api/v1/telemetry/query', { key: world.key, body });
    const times = json.data.flatMap(({ time }: { time: string[] }) => time) as string[];
    return { rows: times.map((time) => ({ time })), next: json.nextCursor as string | null };
  };
  const times = [];
  let { rows: seen, next } = await page(null);
  for (let pages = 1; ; pages++) {
    times.push(...seen.map(({ time }) => time));
    if (next === null || pages > 10) break;
    ({ rows: seen, next } = await page(next));
  }
  expect(times).toEqual([0, 1, 2, 3, 4, 12, 20].map(minute));
});
