/** Readings put right over HTTP: what changes, what stays on record, and what roll-ups and rules hear of it. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { countOf, dropEverything, readingsOf, storeReadings } from './support/readings.ts';

let api: TestApi;
let world: World;
let path: string;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  await openWorld();
  await dropEverything(api.database);
});
const openWorld = async () => {
  world = await makeWorld(api.database);
  path = `/api/v1/points/${world.pointId}/corrections`;
};

const minute = (n: number) => `2026-03-17T17:${String(n).padStart(2, '0')}:00Z`;
const store = (values: readonly (number | null)[]) =>
  storeReadings(
    api.database,
    world.seriesId,
    values.map((value, i) => ({ time: minute(i), value })),
  );
const shown = async () =>
  (await readingsOf(api.database, world.seriesId)).map(({ value, quality }) => `${value} ${quality}`);
const correct = (body: object, key = world.key) => api.call('POST', path, { key, body: { reason: 'a test', ...body } });
const span = { start: minute(1), end: minute(3) };

describe('a span of readings', () => {
  test.each([
    ['offset', { offset: -0.5 }, ['1 0', '1.5 0', '2.5 0', '4 0']],
    ['scale and then offset', { scale: 10, offset: 1 }, ['1 0', '21 0', '31 0', '4 0']],
    ['set', { set: 7 }, ['1 0', '7 0', '7 0', '4 0']],
    ['quality', { quality: 'bad' }, ['1 0', '2 2', '3 2', '4 0']],
    ['set and quality', { set: 0, quality: 'uncertain' }, ['1 0', '0 1', '0 1', '4 0']],
    ['remove', { remove: true }, ['1 0', '4 0']],
  ])('%s changes those from start to before end, and no other', async (_, change, expected) => {
    await store([1, 2, 3, 4]);
    const reply = await correct({ ...span, ...change });
    expect(reply).toMatchObject({ status: 201, json: { data: { action: 'span', reason: 'a test' } } });
    expect(await shown()).toEqual(expected);
  });

  test('a dry run says what would change, and nothing does', async () => {
    await store([1, 2, 3, 4]);
    const reply = await correct({ ...span, scale: 2, dry_run: true });
    expect(reply.status).toBe(200);
    expect(reply.json.data).toEqual({
      matched: 2,
      changed: 2,
      removed: 0,
      first_at: minute(1),
      last_at: minute(2),
      examples: [
        { time: minute(1), before: { value: 2, quality: 'good' }, after: { value: 4, quality: 'good' } },
        { time: minute(2), before: { value: 3, quality: 'good' }, after: { value: 6, quality: 'good' } },
      ],
    });
    expect(await shown()).toEqual(['1 0', '2 0', '3 0', '4 0']);
    expect((await api.call('GET', path, { key: world.key })).json.data).toEqual([]);
    expect(await countOf(api.database, 'rollup_touched')).toBe(0);
  });

  test('what is no number stays none and bad, unless it is set', async () => {
    await store([1, null, 3]);
    const to = { start: minute(0), end: minute(9) };
    await correct({ ...to, offset: 1, quality: 'good' });
    expect(await shown()).toEqual(['2 0', 'null 2', '4 0']);
    await correct({ ...to, set: 5, quality: 'good' });
    expect(await shown()).toEqual(['5 0', '5 0', '5 0']);
  });

  test('what it leaves as it is, is not on record', async () => {
    await store([5, 6, 5]);
    const { json } = await correct({ start: minute(0), end: minute(9), set: 5 });
    expect(json.data).toMatchObject({ changed: 1, removed: 0, first_at: minute(1), last_at: minute(1) });
  });

  test('an empty span changes nothing and is on record', async () => {
    const { status, json } = await correct({ ...span, set: 5 });
    expect([status, json.data.changed, json.data.first_at]).toEqual([201, 0, null]);
  });
});

describe('readings by their time', () => {
  test('each becomes what it is given, and only that', async () => {
    await store([1, 2, 3, 4]);
    const readings = [
      { time: minute(2), remove: true },
      { time: minute(0), value: 9 },
      { time: minute(1), quality: 'uncertain' },
      { time: minute(3), value: null },
    ];
    const { status, json } = await correct({ readings });
    expect([status, json.data.action, json.data.changed, json.data.removed]).toEqual([201, 'readings', 3, 1]);
    expect(await shown()).toEqual(['9 0', '2 1', 'null 2']);
  });

  test('a reading is found by the millisecond that lists show of it', async () => {
    await storeReadings(api.database, world.seriesId, [{ time: '2026-03-17T17:00:00.123456Z', value: 1 }]);
    await correct({ readings: [{ time: '2026-03-17T17:00:00.123Z', value: 2 }] });
    expect(await shown()).toEqual(['2 0']);
    await storeReadings(api.database, world.seriesId, [{ time: '2026-03-17T17:00:00.123999Z', value: 3 }]);
    const reply = await correct({ readings: [{ time: '2026-03-17T17:00:00.123Z', value: 4 }] });
    expect(reply.json.errors).toMatchObject([{ pointer: '/readings/0/time', code: 'ambiguous' }]);
  });
});

test.each([
  [{}, '', 'required'],
  [{ ...span }, '', 'required'],
  [{ start: minute(1), set: 1 }, '/end', 'required'],
  [{ end: minute(1), set: 1 }, '/start', 'required'],
  [{ start: minute(3), end: minute(1), set: 1 }, '/end', 'conflict'],
  [{ start: 'then', end: minute(1), set: 1 }, '/start', 'invalid'],
  [{ ...span, set: 1, offset: 1 }, '/set', 'conflict'],
  [{ ...span, remove: true, quality: 'bad' }, '/remove', 'conflict'],
  [{ ...span, scale: 0 }, '/scale', 'invalid'],
  [{ ...span, scale: 1e308, offset: 1e308 }, '', 'out_of_range'],
  [{ ...span, remove: false }, '/remove', 'invalid'],
  [{ ...span, set: 1, reason: ' ' }, '/reason', 'invalid'],
  [{ ...span, set: 1, factor: 2 }, '/factor', 'unknown'],
  [{ readings: [], start: minute(1) }, '/readings', 'invalid'],
  [{ readings: [{ time: minute(1), value: 1 }], start: minute(1) }, '/readings', 'conflict'],
  [{ readings: [{ time: minute(1) }] }, '/readings/0', 'required'],
  [
    {
      readings: [
        { time: minute(1), value: 1 },
        { time: minute(8), value: 1 },
      ],
    },
    '/readings/1/time',
    'not_found',
  ],
  [
    {
      readings: [
        { time: minute(1), value: 1 },
        { time: minute(1), value: 2 },
      ],
    },
    '/readings/1/time',
    'conflict',
  ],
  [{ readings: [{ time: 'x', value: 1 }] }, '/readings/0/time', 'invalid'],
  [{ readings: [{ time: minute(1), value: 1, remove: true }] }, '/readings/0/remove', 'conflict'],
  [{ readings: [{ time: minute(1), value: null, quality: 'good' }] }, '/readings/0/quality', 'conflict'],
])('%j is refused at %s: %s, and changes nothing', async (body, pointer, code) => {
  await store([1, 2e10, 3, 4]);
  const reply = await correct(body);
  expect(reply.status).toBe(400);
  expect(reply.json.errors[0].pointer).toBe(pointer);
  expect(reply.json.errors[0].code).toBe(code);
  expect(await shown()).toEqual(['1 0', '20000000000 0', '3 0', '4 0']);
});

describe('the record', () => {
  test('has who, when, why, what was asked for, and every reading before and after, page by page', async () => {
    await store([1, 2, 3, 4]);
    const made = await correct({ ...span, offset: 1 });
    const { id } = made.json.data;
    expect(made.headers.location).toBe(`http://127.0.0.1:3000/api/v1/corrections/${id}`);
    const list = await api.call('GET', path, { key: world.key });
    expect(list.json).toMatchObject({ total: 1, data: [{ id, author: 'alex', request: { ...span, offset: 1 } }] });
    expect((await api.call('GET', `/api/v1/corrections/${id}`, { key: world.key })).json.data).toEqual(
      list.json.data[0],
    );
    const url = `/api/v1/corrections/${id}/readings?limit=1`;
    const first = (await api.call('GET', url, { key: world.key })).json;
    expect(first.data).toEqual([
      { time: minute(1), before: { value: 2, quality: 'good' }, after: { value: 3, quality: 'good' } },
    ]);
    const second = (await api.call('GET', `${url}&cursor=${first.nextCursor}`, { key: world.key })).json;
    expect([second.data[0].time, second.nextCursor]).toEqual([minute(2), null]);
  });

  test('roll-ups and rules hear of exactly what changed', async () => {
    const now = Math.floor(Date.now() / 60_000) * 60_000;
    const at = (minutesAgo: number) => new Date(now - minutesAgo * 60_000).toISOString();
    const old = '2020-01-01T00:00:00Z';
    await storeReadings(api.database, world.seriesId, [
      { time: old, value: 1 },
      { time: at(600), value: 1 },
      { time: at(10), value: 1 },
    ]);
    await correct({ start: '2019-01-01T00:00Z', end: 'now', offset: 1 });
    const { rows: touched } = await sql<{ from: number; through: number }>`
      select unnest(from_minutes) as from, unnest(through_minutes) as through from rollup_touched order by 1`.execute(
      api.database.db,
    );
    const minutes = [Date.parse(old), now - 600 * 60_000, now - 10 * 60_000].map((ms) => ms / 60_000);
    expect(touched).toEqual(minutes.map((from) => ({ from, through: from })));
    const { rows: batches } = await sql<{ asset_ids: string[]; least_times: Date[] }>`
      select asset_ids, least_times from ingest_batch`.execute(api.database.db);
    expect(batches).toEqual([{ asset_ids: [world.ahuId], least_times: [new Date(now - 600 * 60_000)] }]);
  });
});

test('the same request with the same Idempotency-Key is done once', async () => {
  await store([1, 2]);
  const body = { reason: 'x', start: minute(0), end: minute(9), offset: 1 };
  const send = () => api.call('POST', path, { key: world.key, body, headers: { 'idempotency-key': 'one' } });
  const [first, second] = [await send(), await send()];
  expect([first.status, second.status]).toEqual([201, 201]);
  expect(second.json).toEqual(first.json);
  expect(await shown()).toEqual(['2 0', '3 0']);
});

test('corrections of one point at the same time follow one another', async () => {
  await store([0, 0, 0]);
  const body = { start: minute(0), end: minute(9), offset: 1 };
  const replies = await Promise.all(Array.from({ length: 6 }, () => correct(body)));
  expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201]));
  expect(await shown()).toEqual(['6 0', '6 0', '6 0']);
});

test('more readings than one request may change are refused with where to cut, and changed in pieces', async () => {
  await sql`insert into reading (series_id, time, value)
    select ${world.seriesId}, '2026-03-17T00:00Z'::timestamptz + i * interval '500 ms', i from generate_series(0, 100000) i`.execute(
    api.database.db,
  );
  const all = { start: '2026-03-17T00:00Z', end: '2026-03-18T00:00Z', offset: 1 };
  const reply = await correct(all);
  expect(reply).toMatchObject({ status: 422, json: { error: 'correction_too_large' } });
  const cut = /end before (\S+):/.exec(reply.json.detail)?.[1];
  expect(cut).toBe('2026-03-17T13:53:20Z');
  expect((await correct({ ...all, end: cut })).json.data.changed).toBe(100_000);
  expect((await correct({ ...all, start: cut })).json.data.changed).toBe(1);
  const { rows } = await sql<{
    sum: number;
  }>`select sum(value - extract(epoch from time - '2026-03-17T00:00Z') * 2) as sum
    from reading where series_id = ${world.seriesId}`.execute(api.database.db);
  expect(rows[0]?.sum).toBe(100_001);
});
