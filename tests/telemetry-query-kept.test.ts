/** Queries of what retention has dropped: from the roll-ups that are left, or refused with what would be there. */
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { rollUp, storeReadings } from './support/stored-readings.ts';

let api: TestApi;
let world: World;
const dayMs = 86_400_000;
const fromMs = Date.UTC(2026, 2, 2);
const spikeMs = fromMs + dayMs + 7 * 3_600_000 + 13 * 60_000;
const at = (ms: number) => new Date(ms).toISOString().replace('.000Z', 'Z');
beforeAll(async () => {
  api = await startTestApi({ now: () => new Date('2026-03-20T00:00:00Z') });
  world = await makeWorld(api.database);
  const minutes = Array.from({ length: 6 * 1_440 }, (_, count) => fromMs + count * 60_000);
  const rows = minutes.map((ms) => ({ at: at(ms), value: ms === spikeMs ? 999 : 20 }));
  await storeReadings(api, world.seriesId, rows);
  await rollUp(api);
  await drop('reading', 'time', fromMs + 4 * dayMs);
  await drop('rollup_1m', 'bucket', fromMs + 2 * dayMs);
});
afterAll(() => api.close());

/** As retention does: what is before an instant goes, and that is written down. */
async function drop(table: string, column: string, beforeMs: number): Promise<void> {
  const { db } = api.database;
  await sql`delete from ${sql.table(table)} where ${sql.ref(column)} < ${at(beforeMs)}::timestamptz`.execute(db);
  await sql`insert into retention_horizon (time_table, series_id, before) values (${table}, 0, ${at(beforeMs)})`.execute(
    db,
  );
}

const get = (query: string) => api.call('GET', `/api/v1/points/${world.pointId}/readings?${query}`, { key: world.key });
const span = (from: number, to: number) => `start=${at(fromMs + from * dayMs)}&end=${at(fromMs + to * dayMs)}`;

test.each([
  ['bucket=1m', 1, 2, 'the minutes are gone'],
  ['bucket=5m', 1, 2, 'what is made of minutes is gone'],
  ['bucket=30s', 3, 4, 'the readings are gone'],
  ['order=asc', 3, 4, 'the readings are gone'],
  ['format=csv', 3, 4, 'the readings are gone'],
])(
  '?%s from day %d to %d is refused, since %s; the answer says from when on there is something',
  async (query, from, to) => {
    const { status, json } = await get(`${span(from, to)}&${query}`);
    expect([status, json.error]).toEqual([422, 'resolution_dropped']);
    expect(json.detail).toContain(at(fromMs + to * dayMs).slice(0, 10) < '2026-03-05' ? '2026-03-04' : '2026-03-06');
  },
);

test('readings that are asked for without a start are those that are left', async () => {
  const { json } = await get('order=asc&limit=1');
  expect(json.data).toEqual([{ time: at(fromMs + 4 * dayMs), value: 20, quality: 'good' }]);
});

test.each([
  ['bucket=15m', 1, 2, 96, 999],
  ['bucket=1d&time_zone=UTC', 0, 6, 6, 999],
  ['bucket=1m', 2, 3, 1_440, 20],
  ['bucket=30s', 4, 5, 1_440, 20],
])('?%s from day %d to %d has %d buckets, of roll-ups that are left', async (query, from, to, count, max) => {
  const { json } = await get(`${span(from, to)}&${query}&agg=max&limit=10000`);
  expect(json.data.length).toBe(count);
  expect(Math.max(...json.data.map((row: { max: number }) => row.max))).toBe(max);
});

test('auto takes a wider width than the pixels would have, where that is what is left', async () => {
  const wide = await get(`${span(1, 2)}&bucket=auto&pixels=1440`);
  expect([wide.status, wide.headers['x-bucket']]).toEqual([200, '15m']);
  const narrow = await get(`${span(2, 3)}&bucket=auto&pixels=1440`);
  expect([narrow.status, narrow.headers['x-bucket']]).toEqual([200, '1m']);
});

test.each([
  [1, 2, 'roll-ups alone are left'],
  [0, 6, 'readings are left of a part'],
])('lttb from day %d to %d draws the spike, where %s', async (from, to) => {
  const { status, json } = await get(`${span(from, to)}&bucket=auto&sampling=lttb&pixels=50`);
  expect([status, json.data.length]).toEqual([200, 50]);
  const [spike] = json.data.filter(({ value }: { value: number }) => value === 999);
  expect(Math.abs(Date.parse(spike.time) - spikeMs)).toBeLessThan(2 * 3_600_000);
  expect(
    json.data.every(
      ({ time }: { time: string }) => time >= at(fromMs + from * dayMs) && time < at(fromMs + to * dayMs),
    ),
  ).toBe(true);
});

test.each(['last', 'linear'])('fill=%s from where it begins does not ask for what is before', async (fill) => {
  await sql`delete from reading where time >= ${at(fromMs + 4 * dayMs)} and time < ${at(fromMs + 4 * dayMs + 3_600_000)}`.execute(
    api.database.db,
  );
  const { status } = await get(`${span(4, 5)}&bucket=30s&fill=${fill}&agg=mean`);
  expect(status).toBe(200);
});

test('as a stream it is refused before the first line', async () => {
  const { status, headers } = await get(`${span(1, 2)}&bucket=1m&format=csv`);
  expect([status, headers['content-type']]).toEqual([422, 'application/problem+json; charset=utf-8']);
});
