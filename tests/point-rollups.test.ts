/** Whatever is put right, taken back or merged, in whatever order: roll-ups say what the readings say. */
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { qualities } from '../src/assets/quality.ts';
import { createLog } from '../src/platform/log.ts';
import { levels } from '../src/telemetry/rollups/rollup.ts';
import { refreshRollups } from '../src/telemetry/rollups/rollup-refresh.ts';
import { prepareStorage, type StorageEngine } from '../src/telemetry/storage/engine-store.ts';
import { startTestApi, type TestApi } from './support/api.ts';
import { type MergeWorld, makeMergeWorld } from './support/merging.ts';
import { type PlainRow, plainRows } from './support/plain-rollups.ts';
import { readingsOf } from './support/readings.ts';

let api: TestApi;
let engine: StorageEngine;
beforeAll(async () => {
  api = await startTestApi();
  engine = await prepareStorage(api.database.pool, createLog('silent'));
});
afterAll(() => api.close());

// Four hours around a midnight, so that every width has more than one bucket.
const baseMs = Date.parse('2026-03-17T22:00:00Z');
const spanS = 4 * 3_600;
const timeOf = (second: number) => new Date(baseMs + second * 1_000).toISOString();

const second = fc.integer({ min: 0, max: spanS });
const value = fc.constantFrom(-1, 0, 0.5, 1, 20);
const step = fc.oneof(
  fc.record({
    kind: fc.constant('send' as const),
    point: fc.constantFrom('sat', 'SupTmp'),
    rows: fc.array(fc.record({ time: second.map(timeOf), value }), { minLength: 1, maxLength: 12 }),
  }),
  fc.record({
    kind: fc.constant('correct' as const),
    from: second,
    lasts: fc.integer({ min: 1, max: spanS }),
    change: fc.constantFrom(
      { set: 3 },
      { offset: 1 },
      { scale: -2 },
      { remove: true },
      { quality: 'bad' },
      { quality: 'uncertain', offset: 2 },
    ),
  }),
  fc.constant({ kind: 'revert' as const }),
  fc.constant({ kind: 'merge' as const }),
  fc.constant({ kind: 'refresh' as const }),
);
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never;

async function run(world: MergeWorld, steps: readonly Step[]): Promise<number[]> {
  const { key } = world;
  const path = `/api/v1/points/${world.pointId}/corrections`;
  await world.send('AHU-01', 'SupTmp', [{ time: timeOf(0), value: 1 }]);
  const source = await world.find('AHU-01', 'SupTmp');
  const corrections: string[] = [];
  for (const one of steps) {
    if (one.kind === 'send') await world.send('AHU-01', one.point, one.rows);
    if (one.kind === 'refresh') await refreshRollups(api.database.db, { engine });
    if (one.kind === 'merge') {
      await world.merge(source.id, world.pointId);
      await world.moveAll(5);
    }
    if (one.kind === 'correct') {
      const body = { reason: 'x', start: timeOf(one.from), end: timeOf(one.from + one.lasts), ...one.change };
      const correct = () => api.call('POST', path, { key, body });
      let reply = await correct();
      if (reply.json.error === 'merge_under_way') {
        await world.moveAll(5);
        reply = await correct();
      }
      const { status, json } = reply;
      expect(status).toBe(201);
      corrections.push(json.data.id);
    }
    const last = one.kind === 'revert' && corrections.pop();
    if (last) await api.call('POST', `/api/v1/corrections/${last}/revert`, { key, body: { reason: 'x' } });
  }
  return [world.seriesId, source.seriesId];
}

async function rolledUp(table: string, seriesIds: number[]): Promise<PlainRow[]> {
  const { rows } = await sql<PlainRow>`
    select series_id as "seriesId", (extract(epoch from bucket) * 1000)::float8 as "bucketMs", quality, count, nulls,
      (extract(epoch from first_time) * 1000)::float8 as "firstMs", (extract(epoch from last_time) * 1000)::float8 as "lastMs",
      first, last, min, max, sum, held_s as "heldS", held_sum + 0 as "heldSum"
    from ${sql.table(table)} where series_id = any(${seriesIds}) order by series_id, bucket, quality`.execute(
    api.database.db,
  );
  return rows;
}

test('roll-ups of corrected and merged points equal what their readings say', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 3, maxLength: 12 }), async (steps) => {
      const seriesIds = await run(await makeMergeWorld(api), steps);
      await refreshRollups(api.database.db, { engine });
      const readings = [];
      for (const seriesId of seriesIds.toSorted((one, other) => one - other)) {
        const found = await readingsOf(api.database, seriesId);
        readings.push(
          ...found.map((row) => ({
            seriesId,
            timeMs: row.ms,
            value: row.value,
            quality: qualities[row.quality] as string,
          })),
        );
      }
      for (const { table, widthMs } of levels)
        expect([table, await rolledUp(table, seriesIds)]).toEqual([table, plainRows(readings, widthMs).map(close)]);
    }),
    { numRuns: 25 },
  );
});

function close(row: PlainRow): PlainRow {
  const near = (value: number) => expect.closeTo(value, 6);
  return { ...row, sum: row.sum === null ? null : near(row.sum), heldS: near(row.heldS), heldSum: near(row.heldSum) };
}
