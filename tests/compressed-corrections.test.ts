/** Corrections and mergings of days that TimescaleDB has compressed. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest';
import { startTestApi, type TestApi } from './support/api.ts';
import { isHypertable, needsTimescale } from './support/engine.ts';
import { type MergeWorld, makeMergeWorld } from './support/merging.ts';

describe.skipIf(!isHypertable)(`on compressed chunks${needsTimescale}`, () => {
  let api: TestApi;
  let world: MergeWorld;
  beforeAll(async () => {
    api = await startTestApi();
  });
  afterAll(() => api.close());
  beforeEach(async () => {
    world = await makeMergeWorld(api);
  });

  const day = '2026-03-17T00:00Z';
  const store = (seriesId: number) =>
    sql`insert into reading (series_id, time, value)
      select ${seriesId}, ${day}::timestamptz + i * interval '1 second', i from generate_series(0, 86399) i`.execute(
      api.database.db,
    );
  /** Where rows were changed just now TimescaleDB may refuse, and wants to be asked again; so does the program's own job. */
  const compress = () =>
    vi.waitFor(() => sql`select compress_chunk(c, true) from show_chunks('reading') c`.execute(api.database.db), {
      timeout: 60_000,
      interval: 500,
    });

  test('a day of a second is changed, removed and brought back whole', async () => {
    await store(world.seriesId);
    await compress();
    const url = `/api/v1/points/${world.pointId}/corrections`;
    const span = { start: day, end: '2026-03-18T00:00Z', reason: 'a test' };
    const done = await api.call('POST', url, { key: world.key, body: { ...span, offset: 1 } });
    expect(done.json.data.changed).toBe(86_400);
    await compress();
    const gone = await api.call('POST', url, { key: world.key, body: { ...span, remove: true } });
    expect(gone.json.data.removed).toBe(86_400);
    expect(await world.values()).toEqual([]);
    const body = { reason: 'a test' };
    await api.call('POST', `/api/v1/corrections/${gone.json.data.id}/revert`, { key: world.key, body });
    await compress();
    await api.call('POST', `/api/v1/corrections/${done.json.data.id}/revert`, { key: world.key, body });
    expect(await world.values()).toEqual(Array.from({ length: 86_400 }, (_, i) => i));
  });

  test('a merged point’s day moves, and what the other point has stays', async () => {
    await world.send('AHU-01', 'SupTmp', [{ time: '2026-03-18T00:00:00Z', value: 0 }]);
    const made = await world.find('AHU-01', 'SupTmp');
    await store(made.seriesId);
    await sql`insert into reading (series_id, time, value) values (${world.seriesId}, ${day}, -1)`.execute(
      api.database.db,
    );
    await compress();
    await world.merge(made.id, world.pointId);
    await world.moveAll();
    const values = await world.values();
    expect([values.length, values[0], values[1], values.at(-2)]).toEqual([86_401, -1, 1, 86_399]);
    expect(await world.valuesOf(made.seriesId)).toEqual([]);
  });
});
