/** The choice of the storage engine, and the partitions of the one that makes them itself. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { createAppender, isPartitionGone } from '../src/telemetry/append-store.ts';
import { prepareStorage } from '../src/telemetry/engine-store.ts';
import { dateOf, dayOf } from '../src/telemetry/partition.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

const log = createLog('silent');
const today = dayOf(Date.now());
const name = (day: number) => `reading_${dateOf(day).replaceAll('-', '_')}`;

let own: TestDatabase;
let database: Database;
let pool: pg.Pool;

beforeEach(async () => {
  own = await createTestDatabase();
  database = openDatabase(own.url, { connectionsMax: 8, log });
  pool = database.pool;
});
afterEach(async () => {
  await database.close();
  await own.drop();
});

async function partitions(): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = 'reading'::regclass order by 1`,
  );
  return rows.map((row) => row.name);
}

test('the choice is made once, also when two programs make it at the same time', async () => {
  const [first, second] = await Promise.all([prepareStorage(pool, log), prepareStorage(pool, log)]);
  expect(first.kind).toBe(second.kind);
  expect((await prepareStorage(pool, log)).kind).toBe(first.kind);
  const { rows } = await pool.query('select kind from storage_engine');
  expect(rows).toEqual([{ kind: first.kind }]);
});

test('a database that was made with TimescaleDB and has lost it is refused, and says why', async () => {
  await pool.query(`create table reading (series_id integer)`);
  await pool.query(`insert into storage_engine (kind) values ('hypertable')`);
  await expect(prepareStorage(pool, log)).rejects.toThrow(
    /TimescaleDB hypertable, and the extension timescaledb is not/,
  );
});

test.skipIf(process.env.TIMESCALE_URL)(
  'today and tomorrow are made ahead, other days when they are needed',
  async () => {
    const engine = await prepareStorage(pool, log);
    expect(await partitions()).toEqual([name(today), name(today + 1)].sort());
    await engine.ensureDays([today - 40, today - 40, dayOf(Date.parse('1999-05-05T00:00:00Z'))]);
    expect(await partitions()).toEqual(['reading_1999', name(today - 40), name(today), name(today + 1)].sort());
  },
);

test.skipIf(process.env.TIMESCALE_URL)(
  'programs that need the same days at the same time do not disturb each other, nor readers',
  async () => {
    const engines = await Promise.all([1, 2, 3].map(() => prepareStorage(pool, log)));
    const reader = await pool.connect();
    await reader.query('begin');
    await reader.query('select count(*) from reading');
    const days = Array.from({ length: 20 }, (_, i) => today - 10 - i);
    await Promise.all(engines.map((engine) => engine.ensureDays(days)));
    await reader.query('commit');
    reader.release();
    expect(await partitions()).toHaveLength(22);
  },
);

test.skipIf(process.env.TIMESCALE_URL)(
  'a day whose partition was dropped gets a new one when a batch is tried again',
  async () => {
    const engine = await prepareStorage(pool, log);
    const appender = createAppender(pool, { engine, graceMs: 1_000 });
    const point = { pointId: '', seriesId: 1, assetId: randomUUID(), shard: 0, states: null };
    const batch = [{ point, timeMs: (today - 5) * 86_400_000, value: 1, quality: 'good' as const }];
    await engine.ensureDays([today - 5]);
    await pool.query(`drop table ${name(today - 5)}`);
    await expect(appender.append(batch)).rejects.toSatisfy(isPartitionGone);
    expect(await appender.append(batch)).toMatchObject({ stored: 1 });
  },
);
