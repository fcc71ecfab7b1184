/** GET /points/{id}/readings in buckets: widths, aggregates, gaps, units, zones, samples, pages, and what is refused. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { minute, noon, rollUp, type StoredRow, storeReadings } from './support/stored-readings.ts';

let api: TestApi;
let world: World;
const now = '2026-04-11T18:22:33Z';
beforeAll(async () => {
  api = await startTestApi({ now: () => new Date(now) });
  world = await makeWorld(api.database);
  await storeReadings(api, world.seriesId, [...noon, ...atNight]);
});
afterAll(() => api.close());

/** An hour apart over the night in which London's clocks go forward: 23 of them lie in its day. */
const atNight: StoredRow[] = Array.from({ length: 72 }, (_, hour) => ({
  at: new Date(Date.UTC(2026, 2, 28, hour, 30)).toISOString(),
  value: hour,
}));

const path = () => `/api/v1/points/${world.pointId}/readings`;
const get = (query: string) => api.call('GET', `${path()}?${query}`, { key: world.key });
const rows = async (query: string) => {
  const { status, json } = await get(query);
  if (status !== 200) throw new Error(JSON.stringify(json));
  return json.data as Record<string, unknown>[];
};
const span = `start=${minute(0)}&end=${minute(25)}`;
/** Values by the minute at which their bucket begins. */
const table = async (query: string, name: string) =>
  Object.fromEntries(
    (await rows(query)).map((row) => [(Date.parse(String(row.time)) - Date.parse(minute(0))) / 60_000, row[name]]),
  );

describe.each(['from the readings', 'from roll-ups'])('%s', (from) => {
  beforeAll(async () => {
    if (from === 'from roll-ups') await rollUp(api);
  });

  test.each([
    ['mean', { 0: 12, 10: 20, 20: 0 }],
    ['avg', { 0: 12, 10: 20, 20: 0 }],
    ['min', { 0: 10, 10: 20, 20: 0 }],
    ['max', { 0: 14, 10: 20, 20: 0 }],
    ['first', { 0: 10, 10: 20, 20: 0 }],
    ['last', { 0: 14, 10: 20, 20: 0 }],
    ['sum', { 0: 60, 10: 20, 20: 0 }],
    ['count', { 0: 5, 10: 1, 20: 1 }],
    ['twa', { 0: 12, 10: 20, 20: 0 }],
  ])('%s of five minutes is of the good readings alone, and empty buckets are left out', async (agg, values) =>
    expect(await table(`${span}&bucket=5m&agg=${agg}`, agg)).toEqual(values),
  );

  test('twa weighs a value by how long it held, mean by how often it came', async () => {
    expect((await rows(`${span}&bucket=10m&agg=twa,mean`))[0]).toEqual({ time: minute(0), twa: 13, mean: 12 });
  });

  test('several aggregates stand in one row, each by the name that was asked for', async () => {
    expect(await rows(`${span}&bucket=5m&agg=max,avg,max,count&limit=1`)).toEqual([
      { time: minute(0), max: 14, avg: 12, count: 5 },
    ]);
    expect(await rows(`${span}&bucket=10m&limit=1`)).toEqual([
      { time: minute(0), mean: 12, min: 10, max: 14, count: 5 },
    ]);
  });

  test.each([
    ['good', { 0: 12, 10: 20, 20: 0 }],
    ['uncertain', { 10: 50 }],
    ['good,uncertain', { 0: 12, 10: 35, 20: 0 }],
    ['bad', {}],
    ['good,uncertain,bad', { 0: 12, 10: 35, 20: 0 }],
  ])('of the qualities %s', async (quality, values) =>
    expect(await table(`${span}&bucket=5m&agg=mean&quality=${quality}`, 'mean')).toEqual(values),
  );

  test.each([
    ['fill=none', { 0: 12, 10: 20, 20: 0 }],
    ['fill=null', { 0: 12, 5: null, 10: 20, 15: null, 20: 0 }],
    ['fill=last', { 0: 12, 5: 14, 10: 20, 15: 20, 20: 0 }],
    ['fill=last&reach=1m', { 0: 12, 5: 14, 10: 20, 15: null, 20: 0 }],
    ['fill=last&reach=30s', { 0: 12, 5: null, 10: 20, 15: null, 20: 0 }],
    ['fill=linear', { 0: 12, 5: 16, 10: 20, 15: 10, 20: 0 }],
    ['fill=linear&reach=10m', { 0: 12, 5: 16, 10: 20, 15: 10, 20: 0 }],
    ['fill=linear&reach=9m', { 0: 12, 5: null, 10: 20, 15: null, 20: 0 }],
  ])('%s fills the gaps of the mean', async (fill, values) =>
    expect(await table(`${span}&bucket=5m&agg=mean&${fill}`, 'mean')).toEqual(values),
  );

  test.each(['last', 'linear'])('fill=%s invents neither readings nor a sum', async (fill) => {
    const query = `${span}&bucket=5m&agg=sum,count,max&fill=${fill}`;
    expect(await table(query, 'sum')).toEqual({ 0: 60, 5: null, 10: 20, 15: null, 20: 0 });
    expect(await table(query, 'count')).toEqual({ 0: 5, 5: 0, 10: 1, 15: 0, 20: 1 });
  });

  test.each([
    ['fill=last', { 5: 14 }],
    ['fill=linear', { 5: 16 }],
    ['fill=last&reach=30s', { 5: null }],
    ['fill=linear&reach=9m', { 5: null }],
  ])('%s looks beyond the span for what fills it', async (fill, values) =>
    expect(await table(`start=${minute(5)}&end=${minute(10)}&bucket=5m&agg=mean&${fill}`, 'mean')).toEqual(values),
  );

  test('before the first reading there is nothing to fill with, and after the last one only what it holds', async () => {
    const around = (fill: string) =>
      table(`start=${minute(-10)}&end=${minute(35)}&bucket=5m&agg=mean&fill=${fill}&reach=10m`, 'mean');
    expect(await around('last')).toEqual({
      [-10]: null,
      [-5]: null,
      0: 12,
      5: 14,
      10: 20,
      15: 20,
      20: 0,
      25: 0,
      30: 0,
    });
    expect(await around('linear')).toEqual({
      [-10]: null,
      [-5]: null,
      0: 12,
      5: 16,
      10: 20,
      15: 10,
      20: 0,
      25: null,
      30: null,
    });
  });

  test.each([
    [
      '',
      '1d',
      [
        ['2026-03-28T00:00:00Z', 24],
        ['2026-03-29T00:00:00Z', 23],
        ['2026-03-29T23:00:00Z', 24],
        ['2026-03-30T23:00:00Z', 1],
      ],
    ],
    [
      'UTC',
      '1d',
      [
        ['2026-03-28T00:00:00Z', 24],
        ['2026-03-29T00:00:00Z', 24],
        ['2026-03-30T00:00:00Z', 24],
      ],
    ],
    [
      'Europe/London',
      'P1D',
      [
        ['2026-03-28T00:00:00Z', 24],
        ['2026-03-29T00:00:00Z', 23],
        ['2026-03-29T23:00:00Z', 24],
        ['2026-03-30T23:00:00Z', 1],
      ],
    ],
    [
      'Asia/Kolkata',
      '1d',
      [
        ['2026-03-27T18:30:00Z', 18],
        ['2026-03-28T18:30:00Z', 24],
        ['2026-03-29T18:30:00Z', 24],
        ['2026-03-30T18:30:00Z', 6],
      ],
    ],
    [
      'America/New_York',
      '1d',
      [
        ['2026-03-27T04:00:00Z', 4],
        ['2026-03-28T04:00:00Z', 24],
        ['2026-03-29T04:00:00Z', 24],
        ['2026-03-30T04:00:00Z', 20],
      ],
    ],
    [
      '',
      '1w',
      [
        ['2026-03-23T00:00:00Z', 47],
        ['2026-03-29T23:00:00Z', 25],
      ],
    ],
    ['', '1mo', [['2026-03-01T00:00:00Z', 72 + 7]]],
    [
      '',
      '24h',
      [
        ['2026-03-28T00:00:00Z', 24],
        ['2026-03-29T00:00:00Z', 24],
        ['2026-03-30T00:00:00Z', 24],
      ],
    ],
  ])(
    'in %j the buckets of %s begin where its clock says, also when it is put forward',
    async (zone, bucket, counts) => {
      const whole = 'start=2026-03-28T00:00:00Z&end=2026-03-31T00:00:00Z';
      const found = await rows(`${whole}&bucket=${bucket}&agg=count${zone && `&time_zone=${zone}`}`);
      expect(found.map(({ time, count }) => [time, count])).toEqual(counts);
    },
  );

  test.each([
    ['degF', { mean: 53.6, min: 50, max: 57.2, sum: 268, count: 5, twa: 53.6 }],
    ['K', { mean: 285.15, min: 283.15, max: 287.15, sum: 1_425.75, count: 5, twa: 285.15 }],
    ['degC', { mean: 12, min: 10, max: 14, sum: 60, count: 5, twa: 12 }],
    ['DEG_F', { mean: 53.6, min: 50, max: 57.2, sum: 268, count: 5, twa: 53.6 }],
  ])(
    'in %s values are temperatures, not differences of them; a sum is that of the values shown',
    async (unit, values) => {
      const agg = 'mean,min,max,sum,count,twa';
      expect(await rows(`${span}&bucket=5m&agg=${agg}&unit=${unit}&limit=1`)).toEqual([{ time: minute(0), ...values }]);
    },
  );

  test('raw readings have a unit and qualities as well', async () => {
    expect(await rows(`${span}&unit=degF&quality=uncertain,bad`)).toEqual([
      { time: minute(11), value: null, quality: 'bad' },
      { time: minute(10), value: 122, quality: 'uncertain' },
    ]);
    expect(await rows(`${span}&bucket=raw&order=asc&limit=1`)).toEqual([
      { time: minute(0), value: 10, quality: 'good' },
    ]);
  });

  test('a bucket is whole wherever a span begins and ends in it', async () => {
    for (const [start, end] of [
      [3, 4],
      [0, 5],
      [4, 5],
    ] as const)
      expect(await rows(`start=${minute(start)}&end=${minute(end)}&bucket=5m&agg=count`)).toEqual([
        { time: minute(0), count: 5 },
      ]);
  });

  test('auto finds a width for the pixels, tells it, and shows the extremes of each', async () => {
    const { json, headers } = await get(`${span}&bucket=auto&pixels=10`);
    expect(headers['x-bucket']).toBe('3m');
    expect(json.data[0]).toEqual({ time: minute(0), min: 10, max: 12 });
    expect((await rows(`${span}&pixels=10&agg=twa`))[0]).toEqual({ time: minute(0), twa: expect.any(Number) });
    expect((await get(`${span}&bucket=1h`)).headers['x-bucket']).toBe('1h');
    expect((await get(span)).headers['x-bucket']).toBe('raw');
  });

  test('lttb keeps readings as they are, the first and the last of them too', async () => {
    const query = 'start=2026-03-28T00:00:00Z&end=2026-03-31T00:00:00Z&bucket=auto&sampling=lttb&pixels=10';
    const kept = await rows(query);
    expect(kept).toHaveLength(10);
    expect(kept[0]).toEqual({ time: '2026-03-28T00:30:00Z', value: 0 });
    expect(kept.at(-1)).toEqual({ time: '2026-03-30T23:30:00Z', value: 71 });
    for (const { time, value } of kept) expect(Date.parse(String(time))).toBe(Date.UTC(2026, 2, 28, Number(value), 30));
  });
});

test('instants may be relative to now, and the pages of such a span are those of one instant', async () => {
  expect(await rows('start=-2w&bucket=1d&agg=count&time_zone=UTC')).toEqual([
    { time: '2026-03-28T00:00:00Z', count: 24 },
    { time: '2026-03-29T00:00:00Z', count: 24 },
    { time: '2026-03-30T00:00:00Z', count: 24 },
  ]);
  expect(await rows('start=now-35d&end=-30d&bucket=1h&agg=count')).toEqual([]);
});
