import { sql } from 'kysely';
import { qualities as allQualities, codeOf, type Quality } from '../../assets/quality.ts';
import type { Db } from '../../platform/database.ts';
import { instant } from '../../platform/instant-store.ts';
import { type ReadingColumns, type ReadingColumnsRow, sentColumns, toColumns } from '../reading-columns-store.ts';

export type ReadingSpan = {
  readonly seriesId: number;
  /** From here on, or only after it; times may have microseconds as the fraction. */
  readonly fromMs: number;
  readonly isAfter: boolean;
  /** Before here. */
  readonly endMs: number;
  readonly qualities: readonly Quality[];
  readonly order: 'asc' | 'desc';
  readonly limit: number;
};

const dayMs = 86_400_000;

/**
 * At most `limit` readings of a span, of some qualities, in the order that was asked for: a statement of its own, which ends before its
 * rows are used.
 */
export async function readReadings(db: Db, span: ReadingSpan): Promise<ReadingColumns> {
  const { seriesId, fromMs, isAfter, endMs, qualities, order, limit } = span;
  const direction = order === 'asc' ? sql`asc` : sql`desc`;
  const codes = qualities.map(codeOf);
  const isAll = codes.length === allQualities.length;
  const { rows } = await sql<ReadingColumnsRow>`
    select ${sentColumns}
    from (
      select time, value, quality
      from reading
      where series_id = ${seriesId} and time ${isAfter ? sql`>` : sql`>=`} ${instant(fromMs)} and time < ${instant(endMs)}
        ${isAll ? sql`` : sql`and quality = any(${codes}::int2[])`}
      order by time ${direction}
      limit ${limit}
    ) r`.execute(db);
  return toColumns(rows[0] as ReadingColumnsRow);
}

/** When the first and the last reading of a series within a span are; undefined where there is none. */
export async function findReadingBounds(
  db: Db,
  { seriesId, startMs, endMs }: { seriesId: number; startMs: number; endMs: number },
): Promise<{ firstMs: number; lastMs: number } | undefined> {
  const within = sql`series_id = ${seriesId} and time >= ${instant(startMs)} and time < ${instant(endMs)}`;
  const { rows } = await sql<{ first: Date | null; last: Date | null }>`
    select (select time from reading where ${within} order by time limit 1) as first,
      (select time from reading where ${within} order by time desc limit 1) as last`.execute(db);
  const { first = null, last = null } = rows[0] ?? {};
  // A Date is cut to milliseconds.
  return first && last ? { firstMs: first.getTime(), lastMs: last.getTime() + 1 } : undefined;
}

/**
 * Between which instants a series has all of its readings and roll-ups of a span; undefined where it has none. Days that are rolled
 * up count whole.
 */
export async function findBucketBounds(
  db: Db,
  { seriesId, startMs, endMs }: { seriesId: number; startMs: number; endMs: number },
): Promise<{ startMs: number; endMs: number } | undefined> {
  const bounds = await findReadingBounds(db, { seriesId, startMs, endMs });
  const within = sql`series_id = ${seriesId} and bucket > ${instant(startMs - dayMs)} and bucket < ${instant(endMs)}`;
  const { rows } = await sql<{ first: Date | null; last: Date | null }>`
    select (select bucket from rollup_1d where ${within} order by bucket limit 1) as first,
      (select bucket from rollup_1d where ${within} order by bucket desc limit 1) as last`.execute(db);
  const { first = null, last = null } = rows[0] ?? {};
  const days = first && last ? { firstMs: first.getTime(), lastMs: last.getTime() + dayMs } : undefined;
  const found = [bounds, days].filter((one) => one !== undefined);
  if (found.length === 0) return undefined;
  return {
    startMs: Math.min(...found.map(({ firstMs }) => firstMs)),
    endMs: Math.max(...found.map(({ lastMs }) => lastMs)),
  };
}
