/** The choice of the storage engine, and the partitions of the one that makes them itself. */
import { randomUUID } from 'node:crypto';
import type pg from 'pg';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { createAppender, isPartitionGone } from '../src/telemetry/append-store.ts';
import { prepareStorage } from '../src/telemetry/storage/engine-store.ts';
import { dateOf, dayOf } from '../src/telemetry/storage/partition.ts';
import { timeTables } from '../src/telemetry/storage/time-table.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { isHypertable, needsPartitions } from './support/engine.ts';

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

async function partitions(table = 'reading'): Promise<string[]> {
  const { rows } = await pool.query<{ name: string }>(
    `select inhrelid::regclass::text as name from pg_inherits where inhparent = $1::regclass order by 1`,
    [table],
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

test('a database that has readings only, from an older version, keeps them and gets its roll-ups', async () => {
  const { kind } = await prepareStorage(pool, log);
  await pool.query(`insert into reading (series_id, time, value) values (7, now(), 21.5)`);
  await pool.query('drop table rollup_1m, rollup_15m, rollup_1h, rollup_1d');
  const engines = await Promise.all([prepareStorage(pool, log), prepareStorage(pool, log)]);
  expect(engines.map((engine) => engine.kind)).toEqual([kind, kind]);
  expect((await pool.query('select value from reading')).rows).toEqual([{ value: 21.5 }]);
  for (const table of timeTables.slice(1)) expect((await pool.query(`select 1 from ${table}`)).rowCount).toBe(0);
});

test.each(timeTables.slice(1))('%s takes and gives rows of any year after its span is made sure of', async (table) => {
  const engine = await prepareStorage(pool, log);
  const times = ['1999-05-05', '2024-02-29', '2025-12-31', dateOf(today)].map((date) => `${date}T00:00:00.000Z`);
  for (const time of times) {
    await Promise.all([1, 2].map(() => engine.ensureSpan(table, Date.parse(time), Date.parse(time))));
    await pool.query(
      `insert into ${table} (series_id, bucket, quality, count, nulls, first_time, last_time, held_s, held_sum)
       values (1, $1, 0, 0, 1, $1, $1, 0, 0)`,
      [time],
    );
  }
  const { rows } = await pool.query<{ bucket: Date }>(`select bucket from ${table} order by 1`);
  expect(rows.map(({ bucket }) => bucket.toISOString())).toEqual(times);
});

test.skipIf(isHypertable)(`a span of many days has all its partitions, and each once${needsPartitions}`, async () => {
  const engine = await prepareStorage(pool, log);
  await engine.ensureSpan('rollup_1m', Date.parse('2025-01-31T23:59:00Z'), Date.parse('2025-04-01T00:00:00Z'));
  const months = ['2025_01', '2025_02', '2025_03', '2025_04'];
  expect(await partitions('rollup_1m')).toEqual(months.map((month) => `rollup_1m_${month}`));
});

test('a database that was made with TimescaleDB and has lost it is refused, and says why', async () => {
  await pool.query(`create table reading (series_id integer)`);
  await pool.query(`insert into storage_engine (kind) values ('hypertable')`);
  await expect(prepareStorage(pool, log)).rejects.toThrow(
    /TimescaleDB hypertable, and the extension timescaledb is not/,
  );
});

test.skipIf(isHypertable)(
  `today and tomorrow are made ahead, other days when they are needed${needsPartitions}`,
  async () => {
    const engine = await prepareStorage(pool, log);
    expect(await partitions()).toEqual([name(today), name(today + 1)].sort());
    await engine.ensureDays([today - 40, today - 40, dayOf(Date.parse('1999-05-05T00:00:00Z'))]);
    expect(await partitions()).toEqual(['reading_1999', name(today - 40), name(today), name(today + 1)].sort());
  },
);

test.skipIf(isHypertable)(
  `programs that need the same days at the same time do not disturb each other, nor readers${needsPartitions}`,
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

test.skipIf(isHypertable)(
  `a day whose partition was dropped gets a new one when a batch is tried again${needsPartitions}`,
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
