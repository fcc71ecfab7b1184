/** POST /telemetry/query: many points at once, as columns, in pages, and what is refused. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { minute, storeReadings } from './support/stored-readings.ts';

let api: TestApi;
let world: World;
let plantPoint: string;
let unlabelled: string;
beforeAll(async () => {
  api = await startTestApi({ now: () => new Date('2026-03-17T12:30:30Z') });
  world = await makeWorld(api.database);
  await storeReadings(
    api,
    world.seriesId,
    [0, 1, 2, 3, 10].map((count) => ({ at: minute(count), value: count })),
  );
  plantPoint = await makePoint({ assetId: world.chillerId, name: 'chwst', unit: 'degF' }, [
    { at: minute(0), value: 50 },
    { at: minute(7), value: null, quality: 2 },
    { at: minute(8), value: 41 },
  ]);
  unlabelled = await makePoint({ assetId: world.ahuId, name: 'status', unit: null }, []);
});
afterAll(() => api.close());

async function makePoint(
  { assetId, name, unit }: { assetId: string; name: string; unit: string | null },
  readings: Parameters<typeof storeReadings>[2],
): Promise<string> {
  const id = newId();
  const row = { id, tenant_id: world.tenantId, asset_id: assetId, name, unit };
  const { series_id } = await api.database.db
    .insertInto('point')
    .values(row)
    .returning('series_id')
    .executeTakeFirstOrThrow();
  if (readings.length > 0) await storeReadings(api, series_id, readings);
  return id;
}

const url = '/api/v1/telemetry/query';
const post = (body: object, more: Partial<Parameters<TestApi['call']>[2]> = {}) =>
  api.call('POST', url, { key: world.key, body, ...more });
const span = { start: minute(0), end: minute(15) };
const sat = () => ({
  ...{ point_id: world.pointId, site: 'ucl-east-campus', asset: 'AHU-01', point: 'sat', unit: 'degC' },
  time_zone: 'Europe/London',
});
const chwst = () => ({
  ...{ point_id: plantPoint, site: 'plant', asset: 'Chiller-01', point: 'chwst', unit: 'degF' },
  time_zone: 'Asia/Kolkata',
});

test('points come as columns, in the order and by the names in which they were asked for, each with its unit', async () => {
  const points = [
    plantPoint,
    { point_id: world.pointId, unit: 'K' },
    { site: 'plant', asset: 'Chiller-01', point: 'chwst', unit: 'degC' },
    unlabelled,
  ];
  const { status, json } = await post({ points, ...span, bucket: '5m', agg: ['max', 'count'] });
  expect([status, json.nextCursor]).toEqual([200, null]);
  const times = (...counts: number[]) => counts.map(minute);
  expect(json.data).toEqual([
    { ...chwst(), bucket: '5m', time: times(0, 5), max: [50, 41], count: [1, 1] },
    { ...sat(), unit: 'K', bucket: '5m', time: times(0, 10), max: [276.15, 283.15], count: [4, 1] },
    { ...chwst(), unit: 'degC', bucket: '5m', time: times(0, 5), max: [10, 5], count: [1, 1] },
    { ...sat(), point_id: unlabelled, point: 'status', unit: null, bucket: '5m', time: [], max: [], count: [] },
  ]);
});

test('readings themselves come as columns, too; an end that is absent is now', async () => {
  const { json } = await post({ points: [world.pointId, plantPoint], start: '-23m' });
  expect(json.data).toEqual([
    { ...sat(), bucket: 'raw', time: [minute(10)], value: [10], quality: ['good'] },
    { ...chwst(), bucket: 'raw', time: [minute(8)], value: [41], quality: ['good'] },
  ]);
  const all = await post({ points: [plantPoint], ...span, quality: ['good', 'bad'] });
  expect(all.json.data[0]).toMatchObject({ value: [50, null, 41], quality: ['good', 'bad', 'good'] });
});

test('gaps are filled for each point by itself, at the same times', async () => {
  const body = { points: [world.pointId, plantPoint], ...span, bucket: '5m', agg: ['last', 'count'] };
  const { json } = await post({ ...body, fill: 'last' });
  expect(json.data).toMatchObject([
    { time: [0, 5, 10].map(minute), last: [3, 3, 10], count: [4, 0, 1] },
    { time: [0, 5, 10].map(minute), last: [50, 41, 41], count: [1, 1, 0] },
  ]);
});

test("days are those of each point's own site, unless a zone is named", async () => {
  const body = { points: [world.pointId, plantPoint], ...span, bucket: '1d', agg: ['count'] };
  const timesOf = (reply: { json: { data: { time: string[]; time_zone: string }[] } }) =>
    reply.json.data.map(({ time, time_zone }) => [time_zone, ...time]);
  expect(timesOf(await post(body))).toEqual([
    ['Europe/London', '2026-03-17T00:00:00Z'],
    ['Asia/Kolkata', '2026-03-16T18:30:00Z'],
  ]);
  expect(timesOf(await post({ ...body, time_zone: 'UTC' }))).toEqual([
    ['UTC', '2026-03-17T00:00:00Z'],
    ['UTC', '2026-03-17T00:00:00Z'],
  ]);
});

test.each([
  ['readings', {}],
  ['buckets', { bucket: '1m', agg: ['mean', 'count'] }],
  ['filled buckets', { bucket: '1m', agg: ['mean', 'count'], fill: 'linear' }],
])('pages of %s of any size have the rows of one answer, point after point', async (_, form) => {
  const body = { points: [world.pointId, unlabelled, plantPoint], ...span, ...form };
  const rowsOf = (series: Record<string, unknown[]>[]) =>
    series.flatMap((one) =>
      (one.time as string[]).map((time, row) => [one.point, time, one.value?.[row], one.mean?.[row], one.count?.[row]]),
    );
  const whole = rowsOf((await post(body)).json.data);
  expect(whole.length).toBeGreaterThan(6);
  for (const limit of [1, 2, 3, 5, 7, 8, 14, 15, 16, 31, 100]) {
    const seen = [];
    for (let cursor: string | undefined; ; ) {
      const { json } = await post({ ...body, limit, ...(cursor && { cursor }) });
      const rows = rowsOf(json.data);
      expect(rows.length).toBeLessThanOrEqual(limit);
      seen.push(...rows);
      if (json.nextCursor === null) break;
      cursor = json.nextCursor;
    }
    expect([limit, seen]).toEqual([limit, whole]);
  }
});

test('500 points are taken at once, and 501 are refused', async () => {
  const points = Array.from({ length: 500 }, () => world.pointId);
  const { json } = await post({ points, ...span, bucket: '15m', agg: ['count'] });
  expect(json.data).toHaveLength(500);
  expect(json.data.every(({ count }: { count: number[] }) => count[0] === 5)).toBe(true);
  const over = await post({ points: [...points, world.pointId], ...span, bucket: '15m' });
  expect(over.json).toMatchObject({ error: 'validation_failed', errors: [{ pointer: '/points', code: 'too_long' }] });
});

describe('what is refused', () => {
  const unknown = '00000000-0000-4000-8000-000000000000';
  test.each([
    ['no points', { points: [] }, ['/points']],
    ['a point that there is not', { points: [() => world.pointId, unknown] }, ['/points/1']],
    ['two that there are not', { points: [unknown, () => world.pointId, unknown] }, ['/points/0', '/points/2']],
    ['a name that there is not', { points: [{ site: 'plant', asset: 'AHU-01', point: 'sat' }] }, ['/points/0']],
    ['a name without a site', { points: [{ asset: 'AHU-01', point: 'sat' }] }, ['/points/0/site']],
    ['a unit of something else', { points: [{ point_id: () => world.pointId, unit: 'kPa' }] }, ['/points/0/unit']],
    ['a unit of a point without one', { points: [{ point_id: () => unlabelled, unit: 'kPa' }] }, ['/points/0/unit']],
    ['no start', { start: undefined }, ['/start']],
    ['a start after now', { start: '2030-01-01T00:00:00Z', end: undefined }, ['/end']],
    ['an aggregate that there is not', { bucket: '1m', agg: ['median'] }, ['/agg/0']],
    ['pixels of an hour', { bucket: '1h', pixels: 100 }, ['/pixels']],
    ['a fill of readings', { fill: 'last' }, ['/fill']],
    ['what is no part of it', { points_: [] }, ['/points_']],
    ['an id that is none', { points: ["1' or '1'='1"] }, ['/points/0']],
    ['a text with a NUL', { points: [{ site: 'a\0', asset: 'AHU-01', point: 'sat' }] }, ['/points/0/site']],
  ])('%s', async (_, change, pointers) => {
    const resolved = JSON.parse(
      JSON.stringify({ points: [() => world.pointId], ...span, ...change }, (_key, value) =>
        typeof value === 'function' ? value() : value,
      ),
    );
    const { status, json } = await post(resolved);
    expect([status, json.error]).toEqual([400, 'validation_failed']);
    expect(json.errors.map(({ pointer }: { pointer: string }) => pointer)).toEqual(pointers);
  });

  test.each([
    [
      { many: 1, bucket: '1s', start: '-10d' },
      /up to 3,456,00\d values, and one answer has 1,000,000 at most: ask for wider/,
    ],
    [{ bucket: 'auto', sampling: 'lttb', pixels: 10_000, many: 101, start: '-10d' }, /up to 1,010,000 values/],
  ])('more values than one answer may have: %j', async ({ many, ...form }, words) => {
    const { status, json } = await post({ points: Array.from({ length: many }, () => world.pointId), ...form });
    expect([status, json.error, json.detail]).toEqual([422, 'query_too_large', expect.stringMatching(words)]);
  });

  test('more readings than one answer may have are refused; pages of them, and buckets, are given', async () => {
    const rows = Array.from({ length: 2_100 }, (_, i) => ({
      at: new Date(Date.UTC(2026, 1, 1, 0, i)).toISOString(),
      value: i,
    }));
    const id = await makePoint({ assetId: world.ahuId, name: 'many', unit: null }, rows);
    const body = {
      points: Array.from({ length: 50 }, () => id),
      start: '2026-02-01T00:00:00Z',
      end: '2026-02-03T00:00:00Z',
    };
    const whole = await post(body);
    expect([whole.status, whole.json.error]).toEqual([422, 'query_too_large']);
    expect(whole.json.detail).toMatch(/more than 100,000 measurements/);
    const page = await post({ ...body, limit: 100_000 });
    expect(page.json.nextCursor).toEqual(expect.any(String));
    const rest = await post({ ...body, limit: 100_000, cursor: page.json.nextCursor });
    expect(rest.json.nextCursor).toBeNull();
    const countOf = ({ json }: typeof page) =>
      json.data.reduce((sum: number, { time }: { time: string[] }) => sum + time.length, 0);
    expect([countOf(page), countOf(rest)]).toEqual([100_000, 5_000]);
    expect((await post({ ...body, bucket: '1h', agg: ['max'] })).status).toBe(200);
  });
});

test('a point that was merged into another is refused by its id, which names the other, and followed by its names', async () => {
  const merged = await makePoint({ assetId: world.ahuId, name: 'SAT', unit: null }, []);
  await api.database.db.updateTable('point').set({ merged_into: world.pointId }).where('id', '=', merged).execute();
  const { status, json } = await post({ points: [merged], ...span });
  expect([status, json.errors]).toMatchObject([400, [{ pointer: '/points/0', code: 'merged' }]]);
  expect(json.detail).toContain(world.pointId);
  const named = await post({ points: [{ site: 'ucl-east-campus', asset: 'AHU-01', point: 'SAT' }], ...span });
  expect(named.json.data[0]).toMatchObject({ point_id: world.pointId, point: 'sat', value: [0, 1, 2, 3, 10] });
});

describe('who may see what', () => {
  test("another tenant's point does not exist, and a site that the key does not reach is forbidden", async () => {
    const other = await makeWorld(api.database);
    const body = { points: [world.pointId], ...span };
    const foreign = await api.call('POST', url, { key: other.key, body });
    expect([foreign.status, foreign.json.errors]).toMatchObject([400, [{ pointer: '/points/0', code: 'not_found' }]]);
    const named = { points: [{ site: 'plant', asset: 'Chiller-01', point: 'chwst' }], ...span };
    expect((await api.call('POST', url, { key: other.key, body: named })).status).toBe(400);
    const limited = await world.makeKey({ siteIds: [world.plantId] });
    expect((await api.call('POST', url, { key: limited, body })).json.error).toBe('site_forbidden');
    expect((await api.call('POST', url, { key: limited, body: named })).status).toBe(200);
    const blind = await world.makeKey({ scopes: ['telemetry:write'] });
    expect((await api.call('POST', url, { key: blind, body })).json.error).toBe('scope_missing');
  });

  test('below a site there are its own points, by names without it, as a bare array', async () => {
    const at = (slug: string, points: unknown[]) =>
      api.call('POST', `/api/v1/sites/${slug}/telemetry/query/`, {
        key: world.key,
        body: { points, ...span, limit: 2 },
      });
    const { json, headers } = await at('ucl-east-campus', [{ asset: 'AHU-01', point: 'sat' }]);
    expect(json).toEqual([
      { ...sat(), bucket: 'raw', time: [0, 1].map(minute), value: [0, 1], quality: ['good', 'good'] },
    ]);
    expect([typeof headers['x-next-cursor'], headers.link]).toEqual(['string', undefined]);
    expect((await at('plant', [world.pointId])).json).toMatchObject({ errors: [{ pointer: '/points/0' }] });
  });
});

test('a cursor is of one query', async () => {
  const body = { points: [world.pointId], ...span, limit: 1 };
  const { nextCursor: cursor } = (await post(body)).json;
  expect((await post({ ...body, cursor })).status).toBe(200);
  expect((await post({ ...body, limit: 2, cursor })).status).toBe(200);
  for (const change of [{ points: [plantPoint] }, { start: minute(1) }, { bucket: '1m' }, { quality: ['bad'] }])
    expect((await post({ ...body, ...change, cursor })).json.error).toBe('cursor_invalid');
});

test('with an Idempotency-Key the first answer comes again', async () => {
  const body = { points: [world.pointId], ...span };
  const headers = { 'idempotency-key': 'a query' };
  const first = await post(body, { headers });
  const again = await post(body, { headers });
  expect([again.text, again.headers['idempotent-replayed']]).toEqual([first.text, 'true']);
  expect((await post({ ...body, start: minute(1) }, { headers })).json.error).toBe('idempotency_key_reused');
});
