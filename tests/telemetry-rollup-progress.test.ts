/** When readings are rolled up, against what else happens at that moment. */
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { PointRef } from '../src/assets/point-store.ts';
import type { Refusal } from '../src/platform/refusal.ts';
import { createAppender } from '../src/telemetry/append-store.ts';
import { readBuckets } from '../src/telemetry/rollups/bucket-store.ts';
import { levels } from '../src/telemetry/rollups/rollup.ts';
import { announceNext, refreshRollups, settleStep } from '../src/telemetry/rollups/rollup-refresh.ts';
import { getProgress } from '../src/telemetry/rollups/rollup-store.ts';
import { findPending, noteTouched } from '../src/telemetry/rollups/rollup-touched-store.ts';
import { type PlainReading, plainRows } from './support/plain-rollups.ts';
import { openRolledUp, type RolledUp, rowsOf } from './support/rolled-up.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;
const neverMs = 40 * dayMs;
const baseMs = Math.floor(Date.now() / dayMs) * dayMs - 5 * dayMs;
const point: PointRef = {
  pointId: '00000000-0000-4000-8000-000000000001',
  seriesId: 1,
  assetId: '00000000-0000-4000-8000-000000000002',
  shard: 0,
  states: null,
};

let rolled: RolledUp;
beforeAll(async () => {
  rolled = await openRolledUp();
});
beforeEach(() => rolled.empty(baseMs));
afterAll(() => rolled.close());

function reading(timeMs: number, value: number | null = 1, quality = 'good'): PlainReading {
  return { seriesId: 1, timeMs, value, quality };
}

function arrivals(readings: readonly PlainReading[]) {
  return readings.map(({ seriesId, timeMs, value }) => ({
    point: { ...point, seriesId },
    timeMs,
    value,
    quality: 'good' as const,
  }));
}

/** Others on the same server may hold a transaction open for a while. */
async function settleThrough(settledMs: number): Promise<void> {
  const { database, engine } = rolled;
  while ((await getProgress(database.db)).settledMs < settledMs) {
    if ((await settleStep(database.db, { engine })) === 'waiting') await sleep(50);
  }
}

async function touched(): Promise<{ ids: number[]; isSame: boolean }[]> {
  const { rows } = await rolled.database.pool.query(
    `select series_ids as ids, xid::text = (select max(xmin::text::bigint)::text from reading) as "isSame" from rollup_touched order by id`,
  );
  return rows;
}

describe('what is being written', () => {
  test('is waited for: nothing is settled while a transaction runs that began before it was announced', async () => {
    const { database, engine } = rolled;
    const live = createAppender(database.pool, { engine, graceMs: neverMs, lagMs: neverMs });
    const gate = Promise.withResolvers<void>();
    const begun = Promise.withResolvers<void>();
    const appending = live.append(arrivals([reading(baseMs + 1_000, 7)]), async () => {
      begun.resolve();
      await gate.promise;
    });
    await begun.promise;
    await rolled.announce(baseMs + hourMs);
    const step = await settleStep(database.db, { engine });
    const { settledMs } = await getProgress(database.db);
    gate.resolve();
    await appending;
    expect([step, settledMs]).toEqual(['waiting', baseMs]);
    await settleThrough(baseMs + hourMs);
    expect(await rolled.rows('rollup_1h')).toEqual(plainRows([reading(baseMs + 1_000, 7)], hourMs));
  });

  test('in time costs no row beside it; what is older than half of the lag says so in its own commit', async () => {
    const { database, engine } = rolled;
    const appender = createAppender(database.pool, { engine, graceMs: neverMs });
    const now = Date.now();
    await appender.append(arrivals(Array.from({ length: 30 }, (_, i) => reading(now - i * 1_000))));
    expect(await touched()).toEqual([]);
    await appender.append(arrivals([reading(Date.now()), reading(Date.now() - 4 * minuteMs)]));
    expect(await touched()).toEqual([{ ids: [1], isSame: true }]);
  });

  test.each([
    ['copied, of one series', 30, [1]],
    ['copied, of many series', 30, [1, 2, 3, 4, 5]],
    ['inserted', 3, [1]],
  ])('and took so long to reach the table that it has become late is noted after all: %s', async (_how, count, ids) => {
    const { database, engine } = rolled;
    const appender = createAppender(database.pool, { engine, graceMs: neverMs, lagMs: 1_000 });
    const lock = await database.pool.connect();
    await lock.query('begin');
    await lock.query('lock table reading in share mode');
    const now = Date.now();
    const given = Array.from({ length: count }, (_, i) => ({
      ...reading(now - i),
      seriesId: ids[i % ids.length] as number,
    }));
    const appending = appender.append(arrivals(given));
    await sleep(1_200);
    await lock.query('commit');
    lock.release();
    expect(await appending).toMatchObject({ stored: count });
    expect(await touched()).toEqual([{ ids, isSame: true }]);
  });
});

test('nothing that was announced is younger than the lag, and what was announced is settled before more is', async () => {
  const { database } = rolled;
  const before = Date.now();
  await announceNext(database.db, 5 * minuteMs);
  const { announcedMs } = await getProgress(database.db);
  expect(announcedMs).toBeLessThanOrEqual(Date.now() - 5 * minuteMs);
  expect(announcedMs).toBeGreaterThan(before - (5 + 30) * minuteMs);
  expect(announcedMs % (30 * minuteMs)).toBe(0);
  await announceNext(database.db, minuteMs);
  expect((await getProgress(database.db)).announcedMs).toBe(announcedMs);
});

test('a database that was restored elsewhere, where transactions are counted anew, goes on', async () => {
  const { database, engine } = rolled;
  await rolled.append([reading(baseMs + 1_000, 3)], 'live');
  await rolled.announce(baseMs + hourMs);
  await database.pool.query(`update rollup_progress set announced_xid = '9000000000000'`);
  await refreshRollups(database.db, { engine, lagMs: neverMs });
  await settleThrough(baseMs + hourMs);
  expect(await rolled.rows('rollup_1h')).toEqual(plainRows([reading(baseMs + 1_000, 3)], hourMs));
});

test('readings of long ago are rolled up as those of today are', async () => {
  const { database, engine } = rolled;
  const longAgo = [reading(Date.parse('1985-06-01T00:07:00Z'), 1), reading(Date.parse('1969-12-31T23:59:59.750Z'), 2)];
  await rolled.append(longAgo);
  for (let i = 0; i < 3; i++) await refreshRollups(database.db, { engine, lagMs: neverMs });
  for (const { table, widthMs } of levels) expect(await rolled.rows(table)).toEqual(plainRows(longAgo, widthMs));
});

test('several programs that roll up at the same time make it once', async () => {
  const { database, engine } = rolled;
  const readings = Array.from({ length: 300 }, (_, i) => reading(baseMs + i * 250_000, i % 7));
  await rolled.append(readings.slice(0, 150), 'live');
  await rolled.append(readings.slice(150));
  await rolled.announce(baseMs + dayMs);
  await Promise.all([1, 2, 3].map(() => refreshRollups(database.db, { engine, lagMs: neverMs })));
  await settleThrough(baseMs + dayMs);
  await refreshRollups(database.db, { engine, lagMs: neverMs });
  expect(await rolled.rows('rollup_1h')).toEqual(plainRows(readings, hourMs));
  expect(await findPending(database.db)).toBeUndefined();
});

test('days without readings are passed over', async () => {
  const { database, engine } = rolled;
  await rolled.append([reading(baseMs + 1, 5), reading(baseMs + 3 * dayMs + 1, 6)], 'live');
  await rolled.announce(baseMs + 4 * dayMs);
  let steps = 0;
  while ((await getProgress(database.db)).settledMs < baseMs + 4 * dayMs) {
    const step = await settleStep(database.db, { engine });
    if (step === 'waiting') await sleep(50);
    else steps++;
  }
  expect(steps).toBe(24 + 1 + 1 + 24);
  expect(await rolled.rows('rollup_1d')).toEqual(
    plainRows([reading(baseMs + 1, 5), reading(baseMs + 3 * dayMs + 1, 6)], dayMs),
  );
});

test('numbers whose sums overflow, and those that vanish in a product, stop nothing', async () => {
  const { database, engine } = rolled;
  const values = [Number.MAX_VALUE, Number.MAX_VALUE, Number.MIN_VALUE, -Number.MAX_VALUE, Number.MAX_VALUE];
  await rolled.append(values.map((value, i) => reading(baseMs + i * 20_000.25, value)));
  await rolled.announce(baseMs + dayMs, baseMs + dayMs);
  await refreshRollups(database.db, { engine, lagMs: neverMs });
  const [row] = await rolled.rows('rollup_1d');
  expect(row).toMatchObject({ count: 5, min: -Number.MAX_VALUE, max: Number.MAX_VALUE, first: Number.MAX_VALUE });
  const asked = {
    seriesIds: [1],
    startMs: baseMs,
    endMs: baseMs + dayMs,
    width: { unit: 'fixed', ms: 20_000 } as const,
  };
  expect(rowsOf((await readBuckets(database.db, asked)).series.get(1))).toHaveLength(5);
});

test('the days of a zone are as long as its clock makes them', async () => {
  const { database, engine } = rolled;
  const startMs = Date.parse('2026-10-24T22:00:00Z');
  const readings = Array.from({ length: 72 }, (_, i) => reading(startMs + i * hourMs, i));
  await rolled.append(readings);
  await rolled.announce(startMs + 4 * dayMs, startMs + 4 * dayMs);
  await refreshRollups(database.db, { engine, lagMs: neverMs });
  const asked = { seriesIds: [1], startMs, endMs: startMs + 3 * dayMs - hourMs };
  const berlin = await readBuckets(database.db, { ...asked, width: { unit: 'day', timeZone: 'Europe/Berlin' } });
  expect(rowsOf(berlin.series.get(1)).map(({ count }) => count)).toEqual([25, 24, 23]);
  const month = await readBuckets(database.db, { ...asked, width: { unit: 'month', timeZone: 'Europe/Berlin' } });
  expect(rowsOf(month.series.get(1))).toMatchObject([{ count: 72, first: 0, last: 71 }]);
});

describe('where readings were dropped', () => {
  const hours = Array.from({ length: 48 }, (_, i) => reading(baseMs + i * hourMs + 500, i));
  const horizon = (table: string, seriesId: number) =>
    rolled.database.pool.query(
      `insert into retention_horizon (time_table, series_id, before) values ($1, $2, to_timestamp($3))`,
      [table, seriesId, (baseMs + dayMs) / 1_000],
    );
  const dropDay = () =>
    rolled.database.pool.query('delete from reading where time < to_timestamp($1)', [(baseMs + dayMs) / 1_000]);
  const read = (ms: number, startMs = baseMs) =>
    readBuckets(rolled.database.db, {
      seriesIds: [1],
      startMs,
      endMs: baseMs + 2 * dayMs,
      width: { unit: 'fixed', ms },
    });

  beforeEach(async () => {
    await rolled.append(hours);
    await rolled.announce(baseMs + 3 * dayMs, baseMs + 3 * dayMs);
    await refreshRollups(rolled.database.db, { engine: rolled.engine, lagMs: neverMs });
  });

  test.each([
    ['every series', 0],
    ['this series', 1],
  ])('the roll-ups of %s stay, whatever comes to their time later', async (_of, seriesId) => {
    const { database, engine } = rolled;
    await horizon('reading', seriesId);
    await dropDay();
    await rolled.append([reading(baseMs + hourMs, 99), reading(baseMs + dayMs + hourMs, 99)]);
    const pending = rowsOf((await read(hourMs)).series.get(1));
    await refreshRollups(database.db, { engine, lagMs: neverMs });
    expect(await findPending(database.db)).toBeUndefined();
    const after = rowsOf((await read(hourMs)).series.get(1));
    expect(after).toEqual(pending);
    expect(after.map(({ count }) => count)).toEqual(hours.map((_, i) => (i === 25 ? 2 : 1)));
  });

  test('the value before the span comes from the roll-up', async () => {
    await horizon('reading', 0);
    await dropDay();
    const { before } = await read(hourMs, baseMs + dayMs);
    expect(before.get(1)).toEqual({ timeMs: baseMs + 23 * hourMs + 500, value: 23, quality: 'good' });
  });

  test.each([
    ['reading', 30_000, hourMs],
    ['rollup_1m', 5 * minuteMs, hourMs],
    ['rollup_15m', 30 * minuteMs, hourMs],
    ['rollup_1h', 2 * hourMs, dayMs],
  ])(
    'buckets that would be made of what is gone of %s are refused, those of wider roll-ups are not',
    async (table, refused, told) => {
      await horizon(table, 1);
      const refusal = await read(refused).catch((error: Refusal) => error);
      expect(refusal).toMatchObject({ code: 'resolution_dropped', status: 422 });
      expect((refusal as Refusal).message).toContain(new Date(baseMs + dayMs).toISOString());
      expect((await read(refused, baseMs + dayMs)).series.size).toBe(1);
      expect((await read(told)).series.size).toBe(1);
    },
  );
});

test('a touched span that ends before it begins is refused', async () => {
  const noting = rolled.database.db
    .transaction()
    .execute((trx) => noteTouched(trx, [{ seriesId: 4, fromMs: 2, throughMs: 1 }]));
  await expect(noting).rejects.toThrow('a touched span of series 4 ends before it begins');
});
