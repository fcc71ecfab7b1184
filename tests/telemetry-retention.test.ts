/** Dropping what is kept no longer, and compressing what is closed, on the engine that the run has. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { listNamedPoints, type SiteRef } from '../src/assets/point-store.ts';
import type { Db } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { listHorizons } from '../src/telemetry/retention/horizon-store.ts';
import { keepStorage } from '../src/telemetry/retention/keep-storage.ts';
import { reportRetention } from '../src/telemetry/retention/report-retention.ts';
import { type Keepers, type Retention, retain } from '../src/telemetry/retention/retain.ts';
import type { Keep } from '../src/telemetry/retention/retention.ts';
import type { Hold } from '../src/telemetry/retention/retention-plan.ts';
import { noteTouched } from '../src/telemetry/rollups/rollup-touched-store.ts';
import { dayMs, openStage, type Stage } from './support/storage.ts';

const log = createLog('silent');
// Of today: which partitions are made depends on the year.
const midnight = Math.floor(Date.now() / dayMs) * dayMs;
const nowMs = midnight + 10 * 3_600_000;
const ago = (days: number) => midnight - days * dayMs;
const forever = Number.POSITIVE_INFINITY;
const installation: Keep = { reading: 10, rollup_1m: 40, rollup_15m: 80, rollup_1h: forever };
const signal = new AbortController().signal;

let stage: Stage;
let db: Db;
/** What was kept as evidence, as it was asked for. */
let evidence: { days: number; series: number }[];

beforeEach(async () => {
  stage = await openStage();
  db = stage.database.db;
  evidence = [];
});
afterEach(() => stage.close());

function retention(holds: readonly Hold[] = []): Retention {
  const keepers: Keepers = {
    listHolds: async () => holds,
    keepEvidence: async (_trx, { fromMs, throughMs, seriesIds }) => {
      evidence.push({ days: (throughMs - fromMs) / dayMs, series: seriesIds?.length ?? 0 });
    },
  };
  return { kind: stage.engine.kind, installation, keepers };
}

const run = (holds?: readonly Hold[], at = nowMs) => retain(db, retention(holds), { nowMs: at, log, signal });
const hour = { everyMs: 3_600_000 };

async function addPolicy(given: { site?: string; class?: string; raw: number; minutes?: number }): Promise<void> {
  await db
    .insertInto('retention_policy')
    .values({
      id: randomUUID(),
      tenant_id: stage.tenantId,
      site_id: given.site ?? null,
      class: given.class ?? null,
      raw_days: given.raw,
      rollup_1m_days: given.minutes ?? null,
      changed_by: 'a test',
    })
    .execute();
}

test('days that are past their time are dropped as pieces, and nothing else is', async () => {
  const one = await stage.addPoint('a');
  await stage.fill({ seriesIds: [one], fromMs: ago(14), toMs: ago(0), ...hour });
  expect(await run()).toEqual({ dropped: 4, rowsDeleted: 0, left: 0 });
  expect(await stage.days('reading', one, [14, 11, 10, 9, 1].map(ago))).toBe('0 0 1 1 1');
  expect(await listHorizons(db, 'reading')).toEqual(new Map([[0, ago(10)]]));
  expect(evidence).toEqual(Array(4).fill({ days: 1, series: 0 }));
  expect(await run()).toEqual({ dropped: 0, rowsDeleted: 0, left: 0 });
});

test('each roll-up goes by its own time, and those by day stay for ever', async () => {
  const one = await stage.addPoint('a');
  for (const table of ['rollup_1m', 'rollup_15m', 'rollup_1h', 'rollup_1d'] as const)
    await stage.fillRollup(table, { seriesIds: [one], fromMs: ago(1_500), toMs: ago(0), everyMs: dayMs });
  await run();
  const left = async (table: 'rollup_1m' | 'rollup_15m' | 'rollup_1h' | 'rollup_1d') =>
    stage.days(table, one, [1_500, 900, 75, 35].map(ago));
  expect(await left('rollup_1m')).toBe('0 0 0 1');
  expect(await left('rollup_15m')).toBe('0 0 1 1');
  expect(await left('rollup_1h')).toBe('1 1 1 1');
  expect(await left('rollup_1d')).toBe('1 1 1 1');
});

test('points of a policy lose their readings earlier, or later, than others of the same days', async () => {
  const [usual, atSite, status] = [
    await stage.addPoint('a'),
    await stage.addPoint('b'),
    await stage.addPoint('a', 'brick:On_Status'),
  ];
  await addPolicy({ site: stage.siteIds.b, raw: 12 });
  await addPolicy({ class: 'brick:Status', raw: 8 });
  await stage.fill({ seriesIds: [usual, atSite, status], fromMs: ago(14), toMs: ago(0), ...hour });
  expect(await run()).toEqual({ dropped: 2, rowsDeleted: 2 * 24 + 4 * 24, left: 0 });
  const days = [14, 13, 12, 11, 10, 9, 8, 7].map(ago);
  expect(await stage.days('reading', usual, days)).toBe('0 0 0 0 1 1 1 1');
  expect(await stage.days('reading', atSite, days)).toBe('0 0 1 1 1 1 1 1');
  expect(await stage.days('reading', status, days)).toBe('0 0 0 0 0 0 1 1');
  expect(await run()).toEqual({ dropped: 0, rowsDeleted: 0, left: 0 });
  // A day later a day more goes, of each.
  expect(await run([], nowMs + dayMs)).toEqual({ dropped: 1, rowsDeleted: 24 + 24, left: 0 });
  expect(await listHorizons(db, 'reading')).toEqual(
    new Map([
      [0, ago(11)],
      [usual, ago(9)],
      [status, ago(7)],
    ]),
  );
});

test('what the evidence of an open insight needs stays, until it is resolved; the days around it go', async () => {
  const [held, other] = [await stage.addPoint('a'), await stage.addPoint('a')];
  await stage.fill({ seriesIds: [held, other], fromMs: ago(14), toMs: ago(0), ...hour });
  const hold = { seriesId: held, fromMs: ago(12) + 5_000, throughMs: ago(11), insightId: randomUUID() };
  await run([hold]);
  const days = [14, 13, 12, 11, 10].map(ago);
  expect(await stage.days('reading', held, days)).toBe('0 0 1 1 1');
  expect(await stage.days('reading', other, days)).toBe('0 0 0 0 1');
  expect(evidence).toContainEqual({ days: 1, series: 1 });
  await run();
  expect(await stage.days('reading', held, days)).toBe('0 0 0 0 1');
});

test('nothing goes that is not rolled up', async () => {
  const one = await stage.addPoint('a');
  await stage.fill({ seriesIds: [one], fromMs: ago(14), toMs: ago(0), ...hour });
  await stage.settle(ago(13) + 3_600_000);
  expect(await run()).toMatchObject({ dropped: 1 });
  await stage.settle(ago(1));
  await noteTouched(db, [{ seriesId: one, fromMs: ago(12) + 60_000, throughMs: ago(12) + 60_000 }]);
  expect(await run()).toMatchObject({ dropped: 1 });
  expect(await stage.days('reading', one, [13, 12, 11].map(ago))).toBe('0 1 1');
});

test('a day that is corrected while it is dropped is left until it is rolled up again', async () => {
  const one = await stage.addPoint('a');
  await stage.fill({ seriesIds: [one], fromMs: ago(12), toMs: ago(0), ...hour });
  const correcting = retention();
  const keepEvidence = async () => noteTouched(db, [{ seriesId: one, fromMs: ago(12), throughMs: ago(12) }]);
  const given = { ...correcting, keepers: { ...correcting.keepers, keepEvidence } };
  expect(await retain(db, given, { nowMs, log, signal })).toEqual({ dropped: 0, rowsDeleted: 0, left: 1 });
  expect(await stage.days('reading', one, [12].map(ago))).toBe('1');
  expect(await listHorizons(db, 'reading')).toEqual(new Map());
});

test('a day that somebody reads for long is left for the next run, and blocks nobody', async () => {
  const one = await stage.addPoint('a');
  await stage.fill({ seriesIds: [one], fromMs: ago(12), toMs: ago(0), ...hour });
  const reader = await stage.database.pool.connect();
  await reader.query('begin');
  await reader.query('select count(*) from reading');
  expect(await run()).toMatchObject({ dropped: 0, left: 1 });
  await reader.query('commit');
  reader.release();
  expect(await run()).toMatchObject({ dropped: 2, left: 0 });
});

test('a dry run says what would go, by table, site and class, and what is held back, and changes nothing', async () => {
  const [held, other, status] = [
    await stage.addPoint('a'),
    await stage.addPoint('a'),
    await stage.addPoint('b', 'brick:Status'),
  ];
  const seriesIds = [held, other, status];
  await addPolicy({ class: 'brick:Status', raw: 8 });
  await stage.fill({ seriesIds, fromMs: ago(14), toMs: ago(0), ...hour });
  await stage.fillRollup('rollup_1d', { seriesIds, fromMs: ago(20), toMs: ago(0), everyMs: dayMs });
  await stage.database.pool.query('analyze reading');
  const insightId = randomUUID();
  const hold = { seriesId: held, fromMs: ago(12) + 5_000, throughMs: ago(11), insightId };
  const report = await reportRetention(db, retention([hold]), { nowMs });
  const { tenantId } = stage;
  expect(report.losses).toMatchObject([
    {
      table: 'reading',
      tenantId,
      site: 'a',
      class: null,
      keptForDays: 10,
      points: 2,
      fromMs: ago(14),
      beforeMs: ago(10),
      rows: 6 * 24,
    },
    {
      table: 'reading',
      tenantId,
      site: 'b',
      class: 'brick:Status',
      keptForDays: 8,
      points: 1,
      beforeMs: ago(8),
      rows: 6 * 24,
    },
  ]);
  for (const { bytes, rows } of report.losses) expect(bytes).toBeGreaterThan(rows * 40);
  expect(report.held).toEqual([{ insightId, site: 'a', points: 1, fromMs: hold.fromMs, throughMs: hold.throughMs }]);
  expect(await stage.days('reading', other, [14, 11].map(ago))).toBe('1 1');
  expect(await listHorizons(db, 'reading')).toEqual(new Map());
  await run([hold]);
  expect((await reportRetention(db, retention([hold]), { nowMs })).losses).toEqual([]);
});

test('one process at a time keeps the storage', async () => {
  const one = await stage.addPoint('a');
  await stage.fill({ seriesIds: [one], fromMs: ago(12), toMs: ago(0), ...hour });
  const upkeep = { retention: retention(), compressAfterMs: 7 * dayMs, log };
  const both = await Promise.all([1, 2].map(() => keepStorage(db, upkeep, { nowMs, signal })));
  expect(both.filter((done) => done !== undefined).reduce((sum, { dropped }) => sum + dropped, 0)).toBe(2);
  expect(await keepStorage(db, upkeep, { nowMs, signal })).toMatchObject({ dropped: 0 });
});

test('once it is aborted nothing more goes', async () => {
  const one = await stage.addPoint('a');
  await stage.fill({ seriesIds: [one], fromMs: ago(12), toMs: ago(0), ...hour });
  expect(await retain(db, retention(), { nowMs, log, signal: AbortSignal.abort() })).toMatchObject({ dropped: 0 });
  expect(await stage.days('reading', one, [12, 11].map(ago))).toBe('1 1');
});

test('ingest hears before which instant readings of a point were dropped: of every point, or of its own', async () => {
  const droppedBefore = async () => {
    const site = { tenantId: stage.tenantId, siteId: stage.siteIds.a } as SiteRef;
    const [found] = await listNamedPoints(db, { site, names: [{ asset: 'ahu', point: 'p' }] });
    return found?.ref.droppedBeforeMs;
  };
  const one = await stage.addPoint('a', 'brick:Status');
  await db.updateTable('asset').set({ name: 'ahu' }).execute();
  const other = await stage.addPoint('a');
  await stage.fill({ seriesIds: [one, other], fromMs: ago(14), toMs: ago(0), ...hour });
  expect(await droppedBefore()).toBe(null);
  await run();
  expect(await droppedBefore()).toBe(ago(10));
  await addPolicy({ class: 'brick:Status', raw: 8 });
  await run();
  expect(await droppedBefore()).toBe(ago(8));
});
