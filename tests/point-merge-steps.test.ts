/** The history of a merged point moves step by step, whatever happens between two steps. */
import { sql } from 'kysely';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { moveMerged } from '../src/assets/merge/move-merged.ts';
import { createLog } from '../src/platform/log.ts';
import { seriesMover } from '../src/telemetry/corrections/series-mover.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { startTestApi, type TestApi } from './support/api.ts';
import { type MergeWorld, makeMergeWorld, minute } from './support/merging.ts';
import { dropEverything, storeReadings } from './support/readings.ts';

let api: TestApi;
let world: MergeWorld;
beforeAll(async () => {
  api = await startTestApi();
});
afterAll(() => api.close());
beforeEach(async () => {
  world = await makeMergeWorld(api);
});

describe('a long history', () => {
  test('moves in bounded steps, a crash between them loses none, and two processes move none twice', async () => {
    const made = await world.discover([0]);
    await sql`insert into reading (series_id, time, value)
      select ${made.seriesId}, '2026-03-17T18:00Z'::timestamptz + i * interval '1 second', i from generate_series(1, 12000) i`.execute(
      api.database.db,
    );
    const { id, ...first } = (await world.merge(made.id, world.pointId)).json.data;
    expect(first).toMatchObject({ state: 'moving', moved: 10_000 });
    expect((await world.values())[0]).toBe(2_001);
    let crashes = 2;
    const failing = {
      ...seriesMover,
      moveReadings: async (...[trx, move, limit]: Parameters<typeof seriesMover.moveReadings>) => {
        const step = await seriesMover.moveReadings(trx, move, limit);
        if (crashes-- > 0) throw new Error('the process dies here');
        return step;
      },
    };
    const db = api.database.db;
    await expect(moveMerged(db, { mover: failing, limit: 300 })).rejects.toThrow('dies here');
    await expect(moveMerged(db, { mover: failing, limit: 300 })).rejects.toThrow('dies here');
    await Promise.all([world.moveAll(300), world.moveAll(300), world.moveAll(300)]);
    await world.moveAll();
    const all = await world.values();
    expect([all.length, all[0], all.at(-1), new Set(all).size]).toEqual([12_001, 0, 12_000, 12_001]);
    const get = async () => (await api.call('GET', `/api/v1/point-merges/${id}`, { key: world.key })).json.data;
    expect(await get()).toMatchObject({ state: 'moving', moved: 12_001, duplicates: 0, conflicts: 0 });
    await storeReadings(api.database, made.seriesId, [{ time: minute(9), value: 9 }]);
    await world.letPass();
    await world.moveAll();
    expect(await get()).toMatchObject({ state: 'done', moved: 12_002 });
    expect((await world.values()).slice(0, 2)).toEqual([0, 9]);
  });

  test('while it moves nothing is done to all of a span, or of the point, that would leave out what is yet to come', async () => {
    const made = await world.discover([0]);
    await sql`insert into reading (series_id, time, value)
      select ${made.seriesId}, '2026-03-17T18:00Z'::timestamptz + i * interval '1 second', 20 from generate_series(1, 10000) i`.execute(
      api.database.db,
    );
    await world.merge(made.id, world.pointId);
    const point = `/api/v1/points/${world.pointId}`;
    const { key } = world;
    const convert = () => api.call('PATCH', point, { key, body: { unit: 'degF', history: 'convert' } });
    const correct = (body: object) =>
      api.call('POST', `${point}/corrections`, { key, body: { reason: 'a test', ...body } });
    const span = { start: minute(0), end: minute(9), quality: 'bad' };
    const refused = { status: 409, json: { error: 'merge_under_way' } };
    expect(await convert()).toMatchObject(refused);
    expect(await correct(span)).toMatchObject(refused);
    expect((await correct({ readings: [{ time: '2026-03-17T18:00:01Z', value: 30 }] })).status).toBe(201);
    await world.moveAll();
    expect(await correct(span)).toMatchObject({ status: 201, json: { data: { changed: 1 } } });
    expect((await convert()).status).toBe(200);
    expect((await world.values()).slice(0, 3)).toEqual([32, 86, 68]);
  });

  test('roll-ups of readings that are not kept any more move too, in the unit of the other point', async () => {
    const { db } = api.database;
    const source = await world.discover([50]);
    await world.setUnit(source.id, 'degF');
    const engine = await prepareStorage(api.database.pool, createLog('silent'));
    await engine.ensureSpan('rollup_1d', Date.parse('2026-01-01T00:00Z'), Date.parse(minute(0)));
    const bucket = (table: string, seriesId: number, at: string, value: number) =>
      sql`insert into ${sql.table(table)} (series_id, bucket, quality, count, nulls, first_time, last_time, first, last, min, max, sum, held_s, held_sum)
        values (${seriesId}, ${at}::timestamptz, 0, 2, 0, ${at}::timestamptz, ${at}::timestamptz, ${value}, ${value}, ${value}, ${value}, ${2 * value}, 60, ${60 * value})`.execute(
        db,
      );
    for (const at of ['2026-01-01T00:00Z', '2026-01-02T00:00Z', '2026-03-17T00:00Z'])
      await bucket('rollup_1d', source.seriesId, at, 50);
    await bucket('rollup_1d', world.seriesId, '2026-01-02T00:00Z', 7);
    await sql`insert into retention_horizon (time_table, series_id, before) values ('reading', ${source.seriesId}, '2026-02-01T00:00Z')`.execute(
      db,
    );
    await world.merge(source.id, world.pointId);
    await world.moveAll();
    const { rows } =
      await sql<object>`select (bucket at time zone 'UTC')::date::text as day, first, max, sum, held_sum from rollup_1d
      where series_id = ${world.seriesId} order by bucket`.execute(db);
    expect(rows).toEqual([
      { day: '2026-01-01', first: 10, max: 10, sum: expect.closeTo(20, 9), held_sum: expect.closeTo(600, 9) },
      { day: '2026-01-02', first: 7, max: 7, sum: 14, held_sum: 420 },
    ]);
    await world.letPass();
    await world.moveAll();
    const [merged] = (await api.call('GET', `/api/v1/point-merges?point_id=${source.id}`, { key: world.key })).json
      .data;
    expect(merged).toMatchObject({ state: 'done', moved: 1, moved_buckets: 1 });
  });

  test('roll-ups of both points and rules of their assets hear of it', async () => {
    const at = Math.floor(Date.now() / 60_000) * 60_000 - 3_600_000;
    await world.send('AHU-02', 'SupTmp', [{ time: new Date(at).toISOString(), value: 1 }]);
    const source = await world.find('AHU-02', 'SupTmp');
    await dropEverything(api.database);
    await world.merge(source.id, world.pointId);
    const touched = await sql<{ ids: number[] }>`select series_ids as ids from rollup_touched`.execute(api.database.db);
    expect(touched.rows[0]?.ids.toSorted()).toEqual([source.seriesId, world.seriesId].toSorted());
    const batches = await sql<{ asset: string; at: Date }>`
      select unnest(asset_ids)::text as asset, unnest(least_times) as at from ingest_batch`.execute(api.database.db);
    expect(batches.rows.map(({ asset }) => asset)).toContain(world.ahuId);
    expect(batches.rows.map((row) => row.at)).toEqual([new Date(at), new Date(at)]);
  });
});
