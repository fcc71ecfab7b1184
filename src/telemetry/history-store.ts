import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { instant } from '../platform/instant-store.ts';
import { readNumbers, readTimes } from './binary-arrays.ts';
import { sortColumn } from './column-store.ts';
import type { PointColumn } from './point-column.ts';
import { type ReadingColumns, type ReadingColumnsRow, sentColumns, toColumns } from './reading-columns-store.ts';

/** Readings of several series, in the order of their times: row i is one of series `seriesIds[i]` at `timesMs[i]`. */
export type HistoryColumns = ReadingColumns & { readonly seriesIds: readonly number[] };

type Span = { readonly afterMs: number; readonly throughMs: number };

/**
 * The readings with after < time <= through of the points of a shard that rules may look at, and the snapshot of the very statement
 * that read them: whatever is committed later is not visible in it. No rule finds an asset without a class, but that points of it do
 * not report as expected is seen; so what was discovered and never modelled costs a tick nothing.
 */
export async function readShardReadings(
  trx: Db,
  { shard, afterMs, throughMs }: Span & { readonly shard: number },
): Promise<{ readings: HistoryColumns; snapshot: string }> {
  const { rows } = await sql<ColumnRow & { snapshot: string }>`
    select pg_current_snapshot()::text as snapshot, ${columns}
    from (
      select reading.series_id, reading.time, reading.value, reading.quality
      from reading
      join point on point.series_id = reading.series_id
      join asset on asset.id = point.asset_id
      where asset.shard = ${shard} and (asset.class is not null or point.expected_interval_ms is not null)
        and reading.time > ${instant(afterMs)} and reading.time <= ${instant(throughMs)}
      order by reading.time
    ) r`.execute(trx);
  const row = rows[0] as ColumnRow & { snapshot: string };
  return { readings: toHistory(row), snapshot: row.snapshot };
}

/** The readings of some series with after < time <= through. */
export async function readHistory(
  trx: Db,
  { seriesIds, afterMs, throughMs }: Span & { readonly seriesIds: readonly number[] },
): Promise<HistoryColumns> {
  const { rows } = await sql<ColumnRow>`
    select ${columns}
    from (
      select series_id, time, value, quality
      from reading
      where series_id = any(${seriesIds}::int4[]) and time > ${instant(afterMs)} and time <= ${instant(throughMs)}
      order by time
    ) r`.execute(trx);
  return toHistory(rows[0] as ColumnRow);
}

/**
 * The readings of some series with after < time <= through, a column each; series without any are absent. A reading that is
 * not of good quality is NaN.
 */
export async function readPointColumns(
  trx: Db,
  { seriesIds, afterMs, throughMs }: Span & { readonly seriesIds: readonly number[] },
): Promise<Map<number, PointColumn>> {
  const { rows } = await sql<{ series_id: number; times: Buffer; values: Buffer }>`
    select series_id, array_send(array_agg(time)) as times,
      array_send(array_agg(case when quality = 0 then value end)) as values
    from reading
    where series_id = any(${seriesIds}::int4[]) and time > ${instant(afterMs)} and time <= ${instant(throughMs)}
    group by series_id`.execute(trx);
  return new Map(
    rows.map(({ series_id, times, values }) => [
      series_id,
      // To sort here what nearly always comes in order costs a fifth of what the server takes for it.
      sortColumn({ times: Float64Array.from(readTimes(times)), values: Float64Array.from(readNumbers(values)) }),
    ]),
  );
}

type ColumnRow = ReadingColumnsRow & { series_ids: Buffer | null };

const columns = sql`array_send(array_agg(r.series_id)) as series_ids, ${sentColumns}`;

function toHistory(row: ColumnRow): HistoryColumns {
  return { seriesIds: row.series_ids ? readNumbers(row.series_ids) : [], ...toColumns(row) };
}
