/** What is done with all that is kept of a series: its readings, and the roll-ups of those that are not kept any more. */
import { sql } from 'kysely';
import type { Conversion } from '../../assets/units.ts';
import type { Db } from '../../platform/database.ts';
import { instant } from '../../platform/instant-store.ts';
import { float8Array, int2Array, timestampArray } from '../binary-arrays.ts';
import { listHorizons } from '../retention/horizon-store.ts';
import { liftDecompressionLimit } from '../storage/compress-store.ts';
import { type RollupTable, timeTables } from '../storage/time-table.ts';
import type { Row } from './correction-edits.ts';
import { readSpan } from './correction-store.ts';

const rollupTables = timeTables.filter((table): table is RollupTable => table !== 'reading');

/** Before which instant the readings of any of these series may have been dropped, in milliseconds; null: nothing was. */
export async function findUnkeptBefore(db: Db, seriesIds: readonly number[]): Promise<number | null> {
  const horizons = await listHorizons(db, 'reading', seriesIds);
  return horizons.size === 0 ? null : Math.max(...horizons.values());
}

/** Whether readings of points that were merged into one are still on their way to it, or `andRollups`, roll-ups of theirs. */
export async function isReceiving(
  db: Db,
  { pointId, andRollups = false }: { pointId: string; andRollups?: boolean },
): Promise<boolean> {
  const rollups = andRollups ? sql`or exists (select from rollup_1d where series_id = point.series_id)` : sql``;
  const { rows } = await sql<{ is: boolean }>`
    select exists (
      select from point join point_merge on source_point_id = point.id and point_merge.state = 'moving'
      where merged_into = ${pointId} and (exists (select from reading where series_id = point.series_id) ${rollups})
    ) as is`.execute(db);
  return rows[0]?.is ?? false;
}

type Before = { readonly seriesId: number; readonly beforeMs: number };

/** Whether a series has roll-ups of before an instant. */
export async function hasRollupsBefore(db: Db, { seriesId, beforeMs }: Before): Promise<boolean> {
  const { rows } = await sql<{ has: boolean }>`
    select exists (select from rollup_1d where series_id = ${seriesId} and bucket < ${instant(beforeMs)}) as has`.execute(
    db,
  );
  return rows[0]?.has ?? false;
}

/** Converts the roll-ups of before an instant, which no reading tells any more. */
export async function convertRollups(
  trx: Db,
  { seriesId, beforeMs, conversion }: Before & { readonly conversion: Conversion },
): Promise<void> {
  await liftDecompressionLimit(trx);
  for (const table of rollupTables) {
    const { values, sums } = inUnit(conversion);
    await sql`
      update ${sql.table(table)} set first = ${values('first')}, last = ${values('last')}, min = ${values('min')},
        max = ${values('max')}, sum = ${sums('sum', 'count')}, held_sum = ${sums('held_sum', 'held_s')}
      where series_id = ${seriesId} and bucket < ${instant(beforeMs)}`.execute(trx);
  }
}

type Move = { readonly fromSeriesId: number; readonly toSeriesId: number; readonly conversion: Conversion | null };

/**
 * Moves the newest roll-ups of before an instant, of one width and not many more than `limit`; where the other series has some of
 * a bucket, those stay. None are left when it has taken none.
 */
export async function moveRollups(
  trx: Db,
  {
    fromSeriesId,
    toSeriesId,
    conversion,
    beforeMs,
    limit,
  }: Move & { readonly beforeMs: number; readonly limit: number },
): Promise<{ taken: number; moved: number }> {
  await liftDecompressionLimit(trx);
  const { values, sums } = inUnit(conversion);
  for (const name of rollupTables) {
    const table = sql.table(name);
    const { rows } = await sql<{ ms: number | null }>`
      select (extract(epoch from min(bucket)) * 1000)::float8 as ms from (
        select bucket from ${table} where series_id = ${fromSeriesId} and bucket < ${instant(beforeMs)}
        order by bucket desc limit ${limit}) newest`.execute(trx);
    const ms = rows[0]?.ms ?? null;
    if (ms === null) continue;
    const within = sql`series_id = ${fromSeriesId} and bucket >= ${instant(ms)} and bucket < ${instant(beforeMs)}`;
    const { numAffectedRows: moved } = await sql`
      insert into ${table} (series_id, bucket, quality, count, nulls, first_time, last_time, first, last, min, max,
        sum, held_s, held_sum)
      select ${toSeriesId}, bucket, quality, count, nulls, first_time, last_time, ${values('first')}, ${values('last')},
        ${values('min')}, ${values('max')}, ${sums('sum', 'count')}, held_s, ${sums('held_sum', 'held_s')}
      from ${table} old
      where ${within} and not exists (
        select from ${table} there where there.series_id = ${toSeriesId} and there.bucket = old.bucket)`.execute(trx);
    const { numAffectedRows: taken } = await sql`delete from ${table} where ${within}`.execute(trx);
    return { taken: Number(taken ?? 0), moved: Number(moved ?? 0) };
  }
  return { taken: 0, moved: 0 };
}

/** Columns in another unit: values, rounded as everywhere (see units.ts), and sums over something that has no unit. */
function inUnit(conversion: Conversion | null) {
  const { scale, offset, steps } = conversion ?? { scale: 1, offset: 0, steps: 0 };
  const plain = (column: string) => sql`(${sql.ref(column)} * ${scale}::float8 + ${offset}::float8)`;
  return {
    values: (column: string) =>
      steps === 0 ? plain(column) : sql`floor(${plain(column)} * ${steps}::float8 + 0.5) / ${steps}::float8`,
    sums: (sum: string, over: string) => sql`${sql.ref(sum)} * ${scale}::float8 + ${offset}::float8 * ${sql.ref(over)}`,
  };
}

/** The newest readings of a series, oldest of them first, at most `limit`. */
export async function readNewest(db: Db, { seriesId, limit }: { seriesId: number; limit: number }): Promise<Row[]> {
  const { rows } = await sql<{ ms: number | null }>`
    select (extract(epoch from min(time)) * 1000)::float8 as ms from (
      select time from reading where series_id = ${seriesId} order by time desc limit ${limit}) newest`.execute(db);
  const ms = rows[0]?.ms ?? null;
  // A little earlier: the instant is exact to the microsecond, and the limit holds again below.
  return ms === null ? [] : readSpan(db, { seriesId, startMs: ms - 0.0005, endMs: null, limit: limit + 1 });
}

/** Adds rows to a series, and gives the instants of those that were there already. */
export async function addRows(
  trx: Db,
  { seriesId, rows }: { seriesId: number; rows: readonly Row[] },
): Promise<Set<number>> {
  await liftDecompressionLimit(trx);
  const inserted = await sql<{ us: string }>`
    insert into reading (series_id, time, value, quality)
    select ${seriesId}, * from unnest(${timestampArray(rows.map(({ timeMs }) => timeMs))}::timestamptz[],
      ${float8Array(rows.map(({ value }) => value ?? Number.NaN))}::float8[],
      ${int2Array(rows.map(({ quality }) => quality))}::int2[])
    on conflict (series_id, time) do nothing
    returning (extract(epoch from time) * 1000000)::bigint::text as us`.execute(trx);
  const added = new Set(inserted.rows.map(({ us }) => Number(us)));
  return new Set(rows.map(({ timeMs }) => timeMs).filter((timeMs) => !added.has(Math.round(timeMs * 1_000))));
}

/** Takes rows out of a series. */
export async function deleteRows(
  trx: Db,
  { seriesId, rows }: { seriesId: number; rows: readonly Row[] },
): Promise<void> {
  const [first, last] = [rows[0], rows.at(-1)];
  if (!first || !last) return;
  await liftDecompressionLimit(trx);
  await sql`delete from reading using unnest(${timestampArray(rows.map(({ timeMs }) => timeMs))}::timestamptz[]) as given (time)
    where reading.series_id = ${seriesId} and reading.time = given.time
      and reading.time between ${instant(first.timeMs)} and ${instant(last.timeMs)}`.execute(trx);
}
