/** Compressing closed chunks, or putting closed partitions in order, on the engine that the run has. */
import { randomUUID } from 'node:crypto';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import type { Db } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { createAppender } from '../src/telemetry/append-store.ts';
import { keepStorage } from '../src/telemetry/retention/keep-storage.ts';
import { keepDefault } from '../src/telemetry/retention/retention.ts';
import { liftDecompressionLimit } from '../src/telemetry/storage/compress-store.ts';
import { layouts } from '../src/telemetry/storage/time-table.ts';
import { isHypertable, needsPartitions, needsTimescale } from './support/engine.ts';
import { dayMs, openStage, type Stage } from './support/storage.ts';

const log = createLog('silent');
// Of today: which partitions are made depends on the year.
const midnight = Math.floor(Date.now() / dayMs) * dayMs;
const nowMs = midnight + 10 * 3_600_000;
const ago = (days: number) => midnight - days * dayMs;
const signal = new AbortController().signal;

let stage: Stage;
let db: Db;
beforeEach(async () => {
  stage = await openStage();
  db = stage.database.db;
});
afterEach(() => stage.close());

const keepers = { listHolds: async () => [], keepEvidence: async () => undefined };

const keep = (compressAfterDays = 7) =>
  keepStorage(
    db,
    {
      retention: { kind: stage.engine.kind, installation: keepDefault, keepers },
      compressAfterMs: compressAfterDays * dayMs,
      log,
    },
    { nowMs, signal },
  );
const states = async () =>
  (await stage.pieces('reading')).map(({ fromMs, state }) => `${Math.round((ago(0) - fromMs) / dayMs)} ${state}`);

test.skipIf(!isHypertable)(
  `chunks that have been closed for long are compressed, again when late rows came, and live ones never${needsTimescale}`,
  async () => {
    const one = await stage.addPoint('a');
    await stage.fill({ seriesIds: [one], fromMs: ago(9), toMs: ago(-1), everyMs: 60_000 });
    expect(await keep()).toMatchObject({ compressed: 2 });
    expect(await states()).toEqual([
      '9 compressed',
      '8 compressed',
      ...[7, 6, 5, 4, 3, 2, 1, 0].map((day) => `${day} plain`),
    ]);
    await stage.fill({ seriesIds: [one], fromMs: ago(8) + 30_000, toMs: ago(8) + 90_000, everyMs: 60_000 });
    expect((await states())[1]).toBe('8 partial');
    expect(await keep()).toMatchObject({ compressed: 1 });
    expect((await states())[1]).toBe('8 compressed');
    const { rows } = await stage.database.pool.query('select count(*)::integer as n from reading');
    expect(rows).toEqual([{ n: 10 * 1_440 + 1 }]);
  },
);

test.skipIf(isHypertable)(
  `days that have been closed for long are put in the order of their points, once, and take late rows after${needsPartitions}`,
  async () => {
    const seriesIds = [await stage.addPoint('a'), await stage.addPoint('a'), await stage.addPoint('b')];
    await stage.fill({ seriesIds, fromMs: ago(9), toMs: ago(-1), everyMs: 600_000 });
    const { pool } = stage.database;
    const places = async () => {
      const text = `select count(*)::integer as n, count(*) filter (where ctid < before)::integer as wrong
      from (select ctid, lag(ctid) over (partition by tableoid order by series_id, time) as before from reading where time < $1) r`;
      return (await pool.query(text, [new Date(ago(7))])).rows[0];
    };
    // The rows of a minute lie together, as they came.
    await pool.query(
      'create table own as table reading; truncate reading; insert into reading select * from own order by time, series_id',
    );
    expect((await places()).wrong).toBeGreaterThan(0);
    expect(await keep()).toMatchObject({ compressed: 2 });
    expect(await states()).toEqual([
      '9 sorted',
      '8 sorted',
      ...[7, 6, 5, 4, 3, 2, 1, 0, -1].map((day) => `${day} plain`),
    ]);
    expect(await places()).toEqual({ n: 2 * 3 * 144, wrong: 0 });
    expect(await keep()).toMatchObject({ compressed: 0 });
    await stage.fill({ seriesIds, fromMs: ago(8) + 1_000, toMs: ago(8) + 2_000, everyMs: 1_000 });
    const again = pool.query('insert into reading (series_id, time) values ($1, $2)', [
      seriesIds[0],
      new Date(ago(8) + 1_000),
    ]);
    await expect(again).rejects.toMatchObject({ code: '23505' });
    const { rows } = await pool.query(
      `select c.relname as name from pg_class c join pg_index i on i.indexrelid = c.oid where not i.indisvalid`,
    );
    expect(rows).toEqual([]);
  },
);

test.skipIf(isHypertable)(
  `a late reading that waits for a day which is put in order is stored, and a day in use is left${needsPartitions}`,
  async () => {
    const one = await stage.addPoint('a');
    await stage.fill({ seriesIds: [one], fromMs: ago(9), toMs: ago(8), everyMs: 1_000 });
    const { pool } = stage.database;
    const values = (i: number) => [one, new Date(ago(9) + 500 + i * 1_000)];
    const insertion = 'insert into reading (series_id, time) values ($1, $2)';
    const writer = await pool.connect();
    await writer.query('begin');
    await writer.query(insertion, values(0));
    expect(await keep()).toMatchObject({ compressed: 0 });
    await writer.query('commit');
    writer.release();
    let isKept = false;
    const keeping = keep().finally(() => {
      isKept = true;
    });
    let stored = 1;
    for (; !isKept; stored++) await pool.query(insertion, values(stored));
    await keeping;
    await keep();
    expect(await states()).toContain('9 sorted');
    const { rows } = await pool.query('select count(*)::integer as n from reading');
    expect(rows).toEqual([{ n: 86_400 + stored }]);
  },
);

test.skipIf(!isHypertable)(
  `late readings and repeats go into compressed chunks, and whole roll-ups are changed there${needsTimescale}`,
  async () => {
    const seriesIds = await Promise.all(Array.from({ length: 160 }, () => stage.addPoint('a')));
    await stage.fill({ seriesIds, fromMs: ago(9), toMs: ago(8), everyMs: 100_000 });
    await keep();
    const appender = createAppender(stage.database.pool, { engine: stage.engine, graceMs: 5_000 });
    const rows = seriesIds.flatMap((seriesId) => {
      const point = { pointId: randomUUID(), seriesId, assetId: randomUUID(), shard: 0, states: null };
      return [0, 50_000, 100_000].map((ms) => ({ point, timeMs: ago(9) + ms, value: 1, quality: 'good' as const }));
    });
    expect(await appender.append(rows)).toEqual({ stored: 160, duplicates: 0, conflicts: 320 });
    expect(await appender.append(rows)).toEqual({ stored: 0, duplicates: 160, conflicts: 320 });
    const change = (of: Db) =>
      of
        .updateTable('reading')
        .set({ value: 7 })
        .where('time', '<', new Date(ago(8)))
        .execute();
    await expect(change(db)).rejects.toMatchObject({ code: '53400' });
    await db.transaction().execute(async (trx) => {
      await liftDecompressionLimit(trx);
      await change(trx);
    });
    const { rows: counted } = await stage.database.pool.query(
      'select count(*)::integer as n, count(*) filter (where value = 7)::integer as changed from reading',
    );
    expect(counted).toEqual([{ n: 160 * 865, changed: 160 * 865 }]);
    expect(await keep()).toMatchObject({ compressed: 1 });
  },
);

test.skipIf(!isHypertable)(
  `a shorter policy takes many rows out of the midst of a compressed chunk${needsTimescale}`,
  async () => {
    const short = await Promise.all(Array.from({ length: 90 }, () => stage.addPoint('a', 'brick:Status')));
    const long = await stage.addPoint('a');
    const { chunkDays } = layouts.rollup_1m;
    const fromMs = Math.floor(ago(40) / (chunkDays * dayMs)) * chunkDays * dayMs;
    const seriesIds = [...short, long];
    await stage.fillRollup('rollup_1m', { seriesIds, fromMs, toMs: fromMs + 2 * dayMs, everyMs: 60_000 });
    expect(await keep()).toMatchObject({ compressed: 1 });
    const days = (ago(0) - fromMs) / dayMs - 1;
    const policy = { id: randomUUID(), tenant_id: stage.tenantId, class: 'brick:Status', changed_by: 'x' };
    await db
      .insertInto('retention_policy')
      .values({ ...policy, raw_days: days, rollup_1m_days: days })
      .execute();
    expect(await keep()).toMatchObject({ dropped: 0, rowsDeleted: 90 * 1_440 });
    expect(await stage.days('rollup_1m', short[0] ?? 0, [fromMs, fromMs + dayMs])).toBe('0 1');
    expect(await stage.days('rollup_1m', long, [fromMs, fromMs + dayMs])).toBe('1 1');
  },
);

test('lifting the limit of decompression is harmless on both engines, and ends with the transaction', async () => {
  const limit = `select current_setting('timescaledb.max_tuples_decompressed_per_dml_transaction', true) as is`;
  const client = await stage.database.pool.connect();
  const { rows: before } = await client.query(limit);
  client.release();
  await db.transaction().execute((trx) => liftDecompressionLimit(trx));
  const { rows: after } = await stage.database.pool.query(limit);
  expect(after[0].is || null).toBe(before[0].is || null);
});

test.skipIf(isHypertable)(
  `a day that has lost many rows to a shorter policy is written anew, and takes less room${needsPartitions}`,
  async () => {
    const [short, long] = [await stage.addPoint('a', 'brick:Status'), await stage.addPoint('a')];
    await stage.fill({ seriesIds: [short, long], fromMs: ago(9), toMs: ago(8), everyMs: 10_000 });
    await keep();
    const [before] = await stage.pieces('reading');
    const policy = { id: randomUUID(), tenant_id: stage.tenantId, class: 'brick:Status', raw_days: 7, changed_by: 'x' };
    await db.insertInto('retention_policy').values(policy).execute();
    expect(await keep()).toMatchObject({ rowsDeleted: 8_640, compressed: 1 });
    const [after] = await stage.pieces('reading');
    expect(after).toMatchObject({ state: 'sorted', rows: 8_640 });
    expect(after?.bytes).toBeLessThan((before?.bytes ?? 0) * 0.7);
  },
);

test('what is aborted while it works leaves everything as it was', async () => {
  const one = await stage.addPoint('a');
  await stage.fill({ seriesIds: [one], fromMs: ago(9), toMs: ago(8), everyMs: 1_000 });
  const writer = await stage.database.pool.connect();
  await writer.query('begin');
  await writer.query('delete from reading where time = $1', [new Date(ago(9))]);
  const stopping = new AbortController();
  const retention = { kind: stage.engine.kind, installation: keepDefault, keepers };
  const upkeep = { retention, compressAfterMs: 7 * dayMs, log };
  const working = keepStorage(db, upkeep, { nowMs, signal: stopping.signal });
  await vi.waitFor(async () => {
    const { rowCount } = await stage.database.pool.query(
      `select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`,
    );
    expect(rowCount).toBeGreaterThan(0);
  }, 60_000);
  stopping.abort();
  expect(await working).toMatchObject({ compressed: 0 });
  await writer.query('rollback');
  writer.release();
  expect((await stage.pieces('reading')).map(({ state }) => state)).toEqual(Array(isHypertable ? 1 : 3).fill('plain'));
  expect((await stage.database.pool.query('select from reading')).rowCount).toBe(86_400);
});
