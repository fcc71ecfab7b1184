/** Queries over long spans: whole buckets at both ends of them, ends where the calendar ends, and neighbours that are far away. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { newId } from '../src/platform/id.ts';
import { makeWorld, startTestApi, type TestApi, type World } from './support/api.ts';
import { minute, rollUp, storeReadings } from './support/stored-readings.ts';

let api: TestApi;
let world: World;
const silent: string[] = [];
beforeAll(async () => {
  api = await startTestApi({ now: () => new Date('2026-06-11T18:22:33Z') });
  world = await makeWorld(api.database);
  const rows = [0, 1, 70_000].map((count) => ({ at: minute(count), value: count }));
  await storeReadings(api, world.seriesId, rows);
  for (let index = 0; index < 5; index++) {
    const id = newId();
    const row = { id, tenant_id: world.tenantId, asset_id: world.ahuId, name: `silent-${index}`, unit: null };
    const point = await api.database.db
      .insertInto('point')
      .values(row)
      .returning('series_id')
      .executeTakeFirstOrThrow();
    silent.push(id);
    await storeReadings(api, point.series_id, [
      { at: minute(-20_000), value: 0 },
      { at: minute(index + 5), value: 20_005 + index },
    ]);
  }
});
afterAll(() => api.close());

const get = (query: string | URLSearchParams) =>
  api.call('GET', `/api/v1/points/${world.pointId}/readings?${query}`, { key: world.key });

describe.each(['from the readings', 'from roll-ups'])('%s', (from) => {
  beforeAll(async () => {
    if (from === 'from roll-ups') await rollUp(api);
  });

  test.each(['asc', 'desc'])(
    'a span of more buckets than are read at a time has whole ones at both ends, %s',
    async (order) => {
      const within = (start: string, end: string) => `start=${start}&end=${end}&bucket=1m&agg=last&order=${order}`;
      const [early, late] = ['2026-03-17T12:01:30Z', '2026-05-05T02:40:30Z'];
      const rows = [
        { time: minute(1), last: 1 },
        { time: minute(70_000), last: 70_000 },
      ];
      expect((await get(within(early, late))).json.data).toEqual(order === 'asc' ? rows : rows.reverse());
      expect((await get(within(early, '2026-05-01T00:00:00Z'))).json.data).toEqual([{ time: minute(1), last: 1 }]);
      expect((await get(within('2026-03-17T12:02:00Z', '2026-05-01T00:00:00Z'))).json.data).toEqual([]);
    },
  );

  test('lines go to what is as far away as they reach, of many points at once', async () => {
    const body = { points: silent, start: minute(0), end: minute(3), bucket: '1m', agg: ['mean'] };
    const filled = { ...body, fill: 'linear', reach: '30d' };
    const { json } = await api.call('POST', '/api/v1/telemetry/query', { key: world.key, body: filled });
    expect(json.data.map(({ mean }: { mean: number[] }) => mean.map((value) => Math.round(value)))).toEqual(
      silent.map(() => [20_000, 20_001, 20_002]),
    );
  });
});

test.each([
  'bucket=1mo',
  'bucket=1mo&fill=null&order=desc&limit=1',
  'bucket=1w&order=desc&limit=1',
  'bucket=1d&fill=linear&limit=1&time_zone=Pacific/Kiritimati&order=desc',
  'bucket=auto&pixels=10',
  'bucket=auto&sampling=lttb&pixels=10',
  'bucket=1h&start=9999-12-31T00:00:00Z&fill=last',
])('a span may end where the calendar does: %s', async (asked) => {
  const span = { start: '2026-01-01T00:00:00Z', end: '9999-12-31T23:59:59Z' };
  const { status, json } = await get(
    new URLSearchParams({ ...span, ...Object.fromEntries(new URLSearchParams(asked)) }),
  );
  expect([status, json.data?.length > 0]).toEqual([200, true]);
});
