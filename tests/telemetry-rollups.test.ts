/** Roll-ups, and what is read from them, say what the readings say, whatever came late, twice or was corrected, and when. */
import fc from 'fast-check';
import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { Quality } from '../src/assets/quality.ts';
import type { BucketWidth } from '../src/telemetry/rollups/bucket.ts';
import { readBuckets } from '../src/telemetry/rollups/bucket-store.ts';
import { levels } from '../src/telemetry/rollups/rollup.ts';
import { dirtyStep, refreshRollups, settleStep, spreadStep } from '../src/telemetry/rollups/rollup-refresh.ts';
import { getProgress } from '../src/telemetry/rollups/rollup-store.ts';
import { noteTouched } from '../src/telemetry/rollups/rollup-touched-store.ts';
import { type PlainReading, plainBuckets, plainRows } from './support/plain-rollups.ts';
import { openRolledUp, type RolledUp, rowsOf } from './support/rolled-up.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
/** Midnight, some days ago: everything that happens lies before the present. */
const baseMs = Math.floor(Date.now() / dayMs) * dayMs - 5 * dayMs;
const endMs = baseMs + 3 * dayMs;
const neverMs = 40 * dayMs;

let rolled: RolledUp;
beforeAll(async () => {
  rolled = await openRolledUp();
});
afterAll(() => rolled.close());

/** Around the edges of buckets, a few seconds apart, so that buckets have several readings and many have none. Quarters of a second add up exactly. */
const anyTime = fc
  .tuple(
    fc.constantFrom(0, 1, 2),
    fc.constantFrom(0, 1, 2, 22, 23),
    fc.constantFrom(0, 1, 14, 15, 59),
    fc.constantFrom(0, 250, 30_000, 59_750),
  )
  .map(([day, hour, minute, ms]) => baseMs + day * dayMs + hour * hourMs + minute * minuteMs + ms);

const anyReading: fc.Arbitrary<PlainReading> = fc
  .record({
    seriesId: fc.constantFrom(1, 2),
    timeMs: anyTime,
    value: fc.constantFrom(-2, 0, 1, 2.5, 8),
    quality: fc.constantFrom('good', 'good', 'good', 'uncertain', 'bad', 'none'),
  })
  .map((one) => (one.quality === 'none' ? { ...one, value: null, quality: 'bad' } : one));

const anyReadings = fc.array(anyReading, { minLength: 1, maxLength: 30 });
const anyWidth: fc.Arbitrary<BucketWidth> = fc.oneof(
  fc
    .constantFrom(15_000, minuteMs, 5 * minuteMs, 15 * minuteMs, hourMs, 2 * hourMs, dayMs, 2 * dayMs)
    .map((ms) => ({ unit: 'fixed' as const, ms })),
  fc.constantFrom('UTC', 'Europe/Berlin', 'Asia/Kolkata').map((timeZone) => ({ unit: 'day' as const, timeZone })),
);
const anyRead = fc.record({
  width: anyWidth,
  span: fc.tuple(anyTime, anyTime).map(([a, b]) => ({ startMs: Math.min(a, b), endMs: Math.max(a, b) + 1 })),
  qualities: fc.constantFrom<Quality[]>(['good'], ['good', 'uncertain'], ['good', 'uncertain', 'bad'], ['bad']),
  carryMsMax: fc.constantFrom(0, 30_000, hourMs, dayMs),
});

type Op =
  | { do: 'live' | 'late'; readings: PlainReading[] }
  | { do: 'correct' | 'remove'; readings: PlainReading[] }
  | { do: 'announce'; atMs: number }
  | { do: 'settle' | 'spread' | 'dirty' | 'refresh' };

const anyOp: fc.Arbitrary<Op> = fc.oneof(
  fc.record({ do: fc.constantFrom('live' as const, 'late' as const), readings: anyReadings }),
  fc.record({ do: fc.constantFrom('correct' as const, 'remove' as const), readings: anyReadings }),
  fc.record({ do: fc.constant('announce' as const), atMs: anyTime }),
  fc.record({ do: fc.constantFrom('settle' as const, 'spread' as const, 'dirty' as const, 'refresh' as const) }),
);

async function run(op: Op, state: { announcedMs: number }): Promise<void> {
  const { database, engine } = rolled;
  const { db } = database;
  switch (op.do) {
    case 'live': // What comes in time lies ahead of everything that was announced.
      return rolled.append(
        op.readings.filter(({ timeMs }) => timeMs >= state.announcedMs),
        'live',
      );
    case 'late':
      return rolled.append(op.readings);
    case 'correct':
    case 'remove':
      return change(op);
    case 'announce':
      state.announcedMs = Math.max(state.announcedMs, Math.floor(op.atMs / minuteMs) * minuteMs);
      return rolled.announce(state.announcedMs);
    case 'settle':
      await settleStep(db, { engine });
      return;
    case 'spread':
      await spreadStep(db);
      return;
    case 'dirty':
      await dirtyStep(db, { engine });
      return;
    case 'refresh':
      // With such a lag nothing more is announced than what the test has announced.
      return refreshRollups(db, { engine, lagMs: neverMs });
  }
}

/** What a correction does: it changes readings that are there, or takes them away, and says so. */
async function change({ do: how, readings }: { do: 'correct' | 'remove'; readings: PlainReading[] }): Promise<void> {
  await rolled.database.db.transaction().execute(async (trx) => {
    for (const { seriesId, timeMs } of readings) {
      const at = sql`series_id = ${seriesId} and time = to_timestamp(${timeMs / 1_000}::float8)`;
      if (how === 'remove') await sql`delete from reading where ${at}`.execute(trx);
      else await sql`update reading set value = value + 1 where ${at}`.execute(trx);
    }
    await noteTouched(
      trx,
      readings.map(({ seriesId, timeMs }) => ({ seriesId, fromMs: timeMs, throughMs: timeMs })),
    );
  });
}

type Read = typeof anyRead extends fc.Arbitrary<infer T> ? T : never;

async function expectExact(read: Read) {
  const { width, span, qualities, carryMsMax } = read;
  // So narrow a bucket is for short spans.
  const isNarrow = width.unit === 'fixed' && width.ms < minuteMs;
  const asked = { ...span, endMs: isNarrow ? Math.min(span.endMs, span.startMs + 2 * hourMs) : span.endMs };
  const readings = await rolled.readings();
  const { edgesMs, series } = await readBuckets(rolled.database.db, {
    seriesIds: [1, 2, 3],
    ...asked,
    width,
    qualities,
    carryMsMax,
    nowMs: endMs,
  });
  for (const seriesId of [1, 2, 3]) {
    const own = readings.filter((one) => one.seriesId === seriesId);
    const plain = plainBuckets(own, { edgesMs, qualities, carryMsMax, nowMs: endMs });
    expect(rowsOf(series.get(seriesId))).toEqual(plain);
  }
}

test('after random late, repeated and corrected readings every roll-up and every read says what the readings say', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(anyOp, { minLength: 3, maxLength: 14 }),
      fc.array(anyRead, { minLength: 2, maxLength: 4 }),
      async (ops, reads) => {
        await rolled.empty(baseMs);
        const state = { announcedMs: baseMs };
        for (const [i, op] of ops.entries()) {
          await run(op, state);
          await expectExact(reads[i % reads.length] as Read);
        }
        // Others on the same server may hold a transaction open for a while.
        do await refreshRollups(rolled.database.db, { engine: rolled.engine, lagMs: neverMs });
        while ((await getProgress(rolled.database.db)).settledMs < state.announcedMs);
        const readings = await rolled.readings();
        for (const { table, widthMs } of levels) {
          const settledMs = Math.floor(state.announcedMs / widthMs) * widthMs;
          const settled = readings.filter(({ timeMs }) => timeMs < settledMs);
          expect(await rolled.rows(table)).toEqual(plainRows(settled, widthMs));
        }
        for (const read of reads) await expectExact(read);
      },
    ),
    { numRuns: 40 },
  );
});
