/** History as columns, from a real database: what is read in slices by COPY is what the rows say. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ColumnQuery, streamPointColumns } from '../src/telemetry/column-store.ts';
import { readPointColumns } from '../src/telemetry/history-store.ts';
import type { PointColumn } from '../src/telemetry/point-column.ts';
import { findOrderedDays } from '../src/telemetry/storage/ordered-store.ts';
import { openRulePlant, type RulePlant } from './support/rule-plant.ts';

const dayMs = 86_400_000;
const startMs = Date.UTC(2024, 2, 1) - 3_600_000;
let plant: RulePlant;
let seriesIds: number[];

beforeAll(async () => {
  plant = await openRulePlant();
  const { upstream, downstream } = await plant.makePumps();
  const points = [upstream, downstream];
  seriesIds = points.map(({ seriesId }) => seriesId);
  const rows = Array.from({ length: 400 }, (_, i) => {
    const point = points[i % 2] as (typeof points)[number];
    const quality = i % 17 === 0 ? ('bad' as const) : ('good' as const);
    return {
      point,
      timeMs: startMs + i * 3_600_000 + (i % 5 === 0 ? 0.25 : 0),
      value: i % 23 === 0 ? null : i / 8,
      quality,
    };
  });
  // The later half comes first, as a device does that was cut off.
  await plant.append(rows.slice(200));
  await plant.append(rows.slice(0, 200));
});

afterAll(() => plant.close());

describe('columns of history', () => {
  test.each([dayMs, 3 * dayMs, 7_200_000, undefined])(
    'in slices of %s are the rows in the order of time',
    async (sliceMs) => {
      const query = { seriesIds, afterMs: startMs, throughMs: startMs + 399 * 3_600_000 };
      const parts = await collect({ ...query, ...(sliceMs !== undefined && { sliceMs }) });
      expect(parts).toEqual(await readRows(query));
      const whole = await readPointColumns(plant.database.db, query);
      expect(new Map([...whole].map(([seriesId, column]) => [seriesId, listOf(column)]))).toEqual(parts);
    },
  );

  test('are the same where days lie in the order of their key, and days that do not are known from them', async () => {
    const { pool } = plant.database;
    const query = { seriesIds, afterMs: startMs, throughMs: startMs + 399 * 3_600_000, sliceMs: dayMs };
    const before = await collect(query);
    expect((await findOrderedDays(pool))(query.afterMs, query.throughMs)).toBe(0);
    const { rows } = await pool.query<{ cluster: string }>(
      `select format('cluster %s using %s', indrelid::regclass, indexrelid::regclass) as cluster from pg_index
       where indisprimary and indrelid in (select inhrelid from pg_inherits where inhparent = 'reading'::regclass)
         and exists (select from storage_engine where kind = 'partitions')`,
    );
    for (const { cluster } of rows) await pool.query(cluster);
    const [engine] = (await pool.query<{ kind: string }>('select kind from storage_engine')).rows;
    // As nothing is known of how many series there are, few are asked for: they are read by the key.
    const seriesOf = await findOrderedDays(pool);
    expect(seriesOf(query.afterMs, query.throughMs)).toBe(engine?.kind === 'partitions' ? Number.POSITIVE_INFINITY : 0);
    expect(seriesOf(query.afterMs - 400 * dayMs, query.throughMs)).toBe(0);
    expect(await collect(query)).toEqual(before);
    expect(before).toEqual(await readRows(query));
    // Two of two are more than a quarter: the day is gone over.
    await pool.query('analyze reading');
    if (engine?.kind === 'partitions')
      expect((await findOrderedDays(pool))(query.afterMs + dayMs, query.throughMs)).toBe(2);
    expect(await collect(query)).toEqual(before);
  });

  test('of series without readings, and of no time at all, are absent', async () => {
    const query = { seriesIds: [2_000_000_000], afterMs: startMs, throughMs: startMs + dayMs };
    for await (const { columns } of streamPointColumns(plant.database.pool, query)) expect(columns.size).toBe(0);
    for await (const _ of streamPointColumns(plant.database.pool, { ...query, throughMs: startMs }))
      expect.unreachable();
  });

  test('leave no connection behind when whoever reads them stops early or asks for what is no number', async () => {
    const { pool } = plant.database;
    const query = { seriesIds, afterMs: startMs, throughMs: startMs + 16 * dayMs, sliceMs: dayMs };
    for await (const { columns } of streamPointColumns(pool, query)) {
      expect(columns.size).toBeGreaterThan(0);
      break;
    }
    expect(pool.totalCount).toBe(pool.idleCount);
    const wrong = streamPointColumns(pool, { ...query, seriesIds: ["1}') or true; --" as unknown as number] });
    await expect(wrong.next()).rejects.toThrow('whole numbers');
    expect(pool.totalCount).toBe(pool.idleCount);
  });
});

/** All slices of a query, which have to follow each other up to its end. */
async function collect(query: ColumnQuery): Promise<Map<number, [number, number][]>> {
  const parts = new Map<number, [number, number][]>();
  let lastMs = query.afterMs;
  for await (const { columns, throughMs } of streamPointColumns(plant.database.pool, query)) {
    expect(throughMs).toBeGreaterThan(lastMs);
    lastMs = throughMs;
    for (const [seriesId, column] of columns) parts.set(seriesId, [...(parts.get(seriesId) ?? []), ...listOf(column)]);
  }
  expect(lastMs).toBe(query.throughMs);
  return parts;
}

function listOf({ times, values }: PointColumn): [number, number][] {
  return [...times].map((time, index) => [time, values[index] as number]);
}

async function readRows({ afterMs, throughMs }: { afterMs: number; throughMs: number }) {
  const { rows } = await plant.database.pool.query<{ series_id: number; ms: number; value: number | null }>(
    `select series_id, extract(epoch from time)::float8 * 1000 as ms, case when quality = 0 then value end as value
     from reading where time > to_timestamp($1::float8 / 1000) and time <= to_timestamp($2::float8 / 1000) order by time`,
    [afterMs, throughMs],
  );
  const parts = new Map<number, [number, number][]>();
  for (const { series_id, ms, value } of rows)
    parts.set(series_id, [...(parts.get(series_id) ?? []), [Math.round(ms * 1000) / 1000, value ?? Number.NaN]]);
  return parts;
}
