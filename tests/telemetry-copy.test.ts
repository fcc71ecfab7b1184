/** Batches go into the table by COPY as long as nothing repeats: whichever way they take, the table is what a map would hold. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { PointRef } from '../src/assets/point-store.ts';
import { qualities } from '../src/assets/quality.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { type Appender, createAppender } from '../src/telemetry/append-store.ts';
import type { Arrival } from '../src/telemetry/arrival.ts';
import { prepareStorage, type StorageEngine } from '../src/telemetry/storage/engine-store.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

/** So long that nothing is late but what is older than an hour. */
const graceMs = 7_200_000;

let own: TestDatabase;
let database: Database;
let engine: StorageEngine;
let appender: Appender;
/** Fresh ones for each run, so that runs know nothing of each other. */
let nextSeries = 1;

beforeAll(async () => {
  own = await createTestDatabase();
  const log = createLog('silent');
  database = openDatabase(own.url, { connectionsMax: 4, log });
  engine = await prepareStorage(database.pool, log);
  appender = createAppender(database.pool, { engine, graceMs });
});
afterAll(async () => {
  await database.close();
  await own.drop();
});

const row = fc.record({
  series: fc.nat(2),
  // In microseconds after the start of the run: few, so that batches repeat each other, or many.
  us: fc.oneof(fc.nat(20), fc.nat(1_000_000)),
  value: fc.oneof(
    fc.constant(null),
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0),
    fc.constantFrom(1, 2),
  ),
  quality: fc.constantFrom(...qualities),
});
const batch = fc.oneof(
  fc.array(row, { minLength: 1, maxLength: 60 }),
  // Nothing repeats within it, as devices send: this is what is copied.
  fc.uniqueArray(row, { minLength: 30, maxLength: 60, selector: ({ series, us }) => `${series} ${us}` }),
);

test('any batches one after the other: each reading once, the first value stays, and repeats are counted as what they are', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(batch, { minLength: 1, maxLength: 6 }), async (batches) => {
      const firstSeries = nextSeries;
      nextSeries += 3;
      const startMs = Date.now() - 60_000;
      const expected = new Map<string, string>();
      for (const rows of batches) {
        const counts = { stored: 0, duplicates: 0, conflicts: 0 };
        // A row is compared with the first of its key in its batch, and that one with the table.
        const ofBatch = new Map<string, string>();
        for (const { series, us, value, quality } of rows) {
          const key = `${firstSeries + series} ${us}`;
          const content = `${value} ${quality}`;
          const known = ofBatch.get(key) ?? expected.get(key);
          if (!ofBatch.has(key)) ofBatch.set(key, content);
          if (!expected.has(key)) expected.set(key, content);
          counts[known === undefined ? 'stored' : known === content ? 'duplicates' : 'conflicts']++;
        }
        expect(await appender.append(rows.map((one) => arrivalOf(one, firstSeries, startMs)))).toEqual(counts);
      }
      expect(await storedRows(firstSeries, startMs)).toEqual(expected);
    }),
    { numRuns: 60 },
  );
});

test('times before the year 2000 and after it, to the microsecond, and values of every size are copied as they are', async () => {
  const point = pointOf(nextSeries++);
  const values = [0, -0.5, 5e-324, Number.MAX_VALUE, -Number.MAX_VALUE, null];
  const rows = Array.from({ length: 60 }, (_, i) => ({
    point,
    timeMs: (i % 2 === 0 ? Date.UTC(1985, 5, 1) : Date.UTC(2024, 1, 29)) + i * 1_000 + 0.001 * i,
    value: values[i % values.length] as number | null,
    quality: 'good' as const,
  }));
  // Older than the 35 days that rules look back to: nothing is late. An appender of its own has met no repeats yet.
  const fresh = createAppender(database.pool, { engine, graceMs });
  expect(await fresh.append(rows)).toEqual({ stored: 60, duplicates: 0, conflicts: 0 });
  const { rows: found } = await database.pool.query<{ us: string; value: number | null }>(
    `select (extract(epoch from time) * 1000000)::bigint::text as us, value from reading where series_id = $1 order by time`,
    [point.seriesId],
  );
  expect(found.map(({ us, value }) => ({ us: Number(us), value }))).toEqual(
    rows
      .map(({ timeMs, value }) => ({ us: Math.round(timeMs * 1_000), value }))
      .sort((one, other) => one.us - other.us),
  );
});

function pointOf(seriesId: number): PointRef {
  return { pointId: randomUUID(), seriesId, assetId: randomUUID(), shard: 3, states: null };
}

type Row = { series: number; us: number; value: number | null; quality: (typeof qualities)[number] };

function arrivalOf({ series, us, value, quality }: Row, firstSeries: number, startMs: number): Arrival {
  return { point: pointOf(firstSeries + series), timeMs: startMs + us / 1_000, value, quality };
}

async function storedRows(firstSeries: number, startMs: number): Promise<Map<string, string>> {
  const { rows } = await database.pool.query<{ series: number; us: string; value: number | null; quality: number }>(
    `select series_id as series, ((extract(epoch from time) * 1000000)::bigint - $2::bigint)::text as us, value, quality
     from reading where series_id between $1 and $1 + 2`,
    [firstSeries, startMs * 1_000],
  );
  return new Map(rows.map(({ series, us, value, quality }) => [`${series} ${us}`, `${value} ${qualities[quality]}`]));
}
