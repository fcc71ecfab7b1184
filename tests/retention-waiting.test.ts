/** What retention leaves although it is old enough: what was stored only recently, and what is later than that. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { Db } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { listHorizons } from '../src/telemetry/retention/horizon-store.ts';
import { reportRetention } from '../src/telemetry/retention/report-retention.ts';
import { type Retention, retain } from '../src/telemetry/retention/retain.ts';
import { recordMade } from '../src/telemetry/storage/piece-store.ts';
import { dayMs, openStage, type Stage } from './support/storage.ts';

const log = createLog('silent');
// Of today: which partitions are made depends on the year.
const midnight = Math.floor(Date.now() / dayMs) * dayMs;
const nowMs = midnight + 10 * 3_600_000;
const ago = (days: number) => midnight - days * dayMs;
const forever = Number.POSITIVE_INFINITY;
const hour = { everyMs: 3_600_000 };

let stage: Stage;
let db: Db;
let retention: Retention;
beforeEach(async () => {
  stage = await openStage();
  db = stage.database.db;
  retention = {
    kind: stage.engine.kind,
    installation: { reading: 10, rollup_1m: 40, rollup_15m: 80, rollup_1h: forever },
    keepers: { listHolds: async () => [], keepEvidence: async () => undefined },
  };
});
afterEach(() => stage.close());

const run = (at = nowMs) => retain(db, retention, { nowMs: at, log, signal: new AbortController().signal });

test('what is stored only now stays as long as what is measured now, however old it is, and holds back what is later', async () => {
  const one = await stage.addPoint('a');
  const old = Date.UTC(2007, 7, 31);
  await stage.fill({ seriesIds: [one], fromMs: ago(12), toMs: ago(0), ...hour });
  await stage.engine.ensureSpan('reading', old, old);
  await db
    .insertInto('reading')
    .values({ series_id: one, time: new Date(old), value: 7, quality: 0 })
    .execute();
  await stage.fillRollup('rollup_1d', { seriesIds: [one], fromMs: old, toMs: old + dayMs, everyMs: dayMs });
  const [imported] = await stage.pieces('reading');
  expect(Math.abs((imported?.madeMs ?? 0) - Date.now())).toBeLessThan(120_000);
  expect(await run()).toEqual({ dropped: 0, rowsDeleted: 0, left: 0 });
  expect(await stage.days('reading', one, [old, ago(12), ago(9)])).toBe('1 1 1');
  const { losses, waiting } = await reportRetention(db, retention, { nowMs });
  expect(losses).toEqual([]);
  const { fromMs, madeMs } = imported as { fromMs: number; madeMs: number };
  const untilMs = Math.ceil(madeMs / dayMs) * dayMs + 10 * dayMs;
  expect(waiting).toMatchObject([
    { table: 'reading', site: 'a', points: 1, fromMs, beforeMs: ago(10), rows: 24, madeMs, untilMs },
  ]);
  expect(await run(untilMs - 1)).toMatchObject({ dropped: 0 });
  expect((await run(untilMs)).dropped).toBeGreaterThan(2);
  expect(await stage.days('reading', one, [old, ago(12)])).toBe('0 0');
});

test('a device whose clock began in 2000 holds back nothing for longer than that is kept, and is refused then', async () => {
  const one = await stage.addPoint('a');
  await stage.fill({ seriesIds: [one], fromMs: ago(12), toMs: ago(0), ...hour });
  const sayAt = async (day: number, nowDays: number) => {
    const timeMs = Date.UTC(2000 + day, 0, 1);
    await stage.engine.ensureSpan('reading', timeMs, timeMs);
    await db
      .insertInto('reading')
      .values({ series_id: one, time: new Date(timeMs), value: day, quality: 0 })
      .execute();
    const { name = '' } = (await stage.pieces('reading')).find(({ toMs }) => toMs > timeMs) ?? {};
    await recordMade(db, [{ name, madeMs: nowMs + nowDays * dayMs }]);
  };
  for (const day of [0, 3, 6, 9]) {
    await sayAt(day, day);
    expect(await run(nowMs + day * dayMs)).toMatchObject({ dropped: 0 });
  }
  const heldUntilMs = midnight + 11 * dayMs;
  expect(await run(heldUntilMs - 1)).toMatchObject({ dropped: 0 });
  expect((await run(heldUntilMs)).dropped).toBeGreaterThan(12);
  expect((await listHorizons(db, 'reading')).get(0)).toBeGreaterThan(ago(2));
  expect(await run(heldUntilMs)).toMatchObject({ dropped: 0 });
  expect(await db.selectFrom('retention_wait').selectAll().execute()).toEqual([]);
});

test('a reading that comes to a day which was dropped meanwhile goes with the next run', async () => {
  const one = await stage.addPoint('a');
  await stage.fill({ seriesIds: [one], fromMs: ago(12), toMs: ago(0), ...hour });
  expect(await run()).toMatchObject({ dropped: 2 });
  stage.engine.forgetDays();
  await stage.engine.ensureSpan('reading', ago(12), ago(12));
  await db
    .insertInto('reading')
    .values({ series_id: one, time: new Date(ago(12)), value: 7, quality: 0 })
    .execute();
  expect(await run()).toEqual({ dropped: 1, rowsDeleted: 0, left: 0 });
});
