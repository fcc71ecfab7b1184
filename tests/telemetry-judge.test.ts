/** What became of each row, told beside the commit, against the plainest model: a map in which the first wins. */
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { type Appender, createAppender } from '../src/telemetry/append-store.ts';
import type { Arrival } from '../src/telemetry/arrival.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

let testDatabase: TestDatabase;
let database: Database;
let appender: Appender;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  const log = createLog('silent');
  database = openDatabase(testDatabase.url, { connectionsMax: 4, log });
  appender = createAppender(database.pool, { engine: await prepareStorage(database.pool, log), graceMs: 5_000 });
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

let series = 0;

test('each row is stored, a duplicate or a conflict exactly as the first of its key decides, and append counts the same', async () => {
  const startMs = Date.UTC(2026, 0, 1);
  const row = fc.record({
    of: fc.constantFrom(0, 1),
    // Two of them are the same microsecond, two are not.
    timeMs: fc.constantFrom(0, 0.0001, 0.001, 1, 86_400_000).map((ms) => startMs + ms),
    value: fc.constantFrom(0, -0, 1, null, 1e300),
    quality: fc.constantFrom('good' as const, 'bad' as const),
  });
  const batches = fc.array(fc.array(row, { maxLength: 8 }), { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(batches, async (given) => {
      const [judged, counted] = [series + 2, series + 4];
      series += 4;
      const model = new Map<string, Arrival>();
      for (const batch of given) {
        const expected = batch.map(({ of, ...rest }) => {
          const key = `${of} ${Math.round(rest.timeMs * 1_000)}`;
          const first = model.get(key);
          if (first) return first.value === rest.value && first.quality === rest.quality ? 'duplicate' : 'conflict';
          model.set(key, { ...rest, point: pointOf(of) });
          return 'stored';
        });
        expect(
          await appender.judge(batch.map(({ of, ...rest }) => ({ ...rest, point: pointOf(judged + of) }))),
        ).toEqual(expected);
        const counts = await appender.append(
          batch.map(({ of, ...rest }) => ({ ...rest, point: pointOf(counted + of) })),
        );
        expect(counts.stored).toBe(expected.filter((outcome) => outcome === 'stored').length);
        expect(counts.stored + counts.duplicates + counts.conflicts).toBe(batch.length);
      }
    }),
    { numRuns: 60 },
  );
});

function pointOf(seriesId: number): Arrival['point'] {
  return { pointId: '', seriesId, assetId: '01a1fe92-1663-7302-a88c-df9ad745d09e', shard: 0, states: null };
}
