import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { instant } from '../platform/instant-store.ts';
import { type ReadingColumns, type ReadingColumnsRow, toColumns } from './reading-columns-store.ts';

/** Which readings: time in [startMs, endMs), at most `readingsMax` of each series. */
export type SpanQuery = {
  readonly seriesIds: readonly number[];
  readonly startMs: number;
  readonly endMs: number;
  readonly readingsMax: number;
};

/**
 * All readings of some series in a span, in the order of time; 'too many' for a series with more than `readingsMax`. Series without any
 * are absent.
 */
export async function readSpans(db: Db, query: SpanQuery): Promise<Map<number, ReadingColumns | 'too many'>> {
  const { seriesIds, startMs, endMs, readingsMax } = query;
  const { rows } = await sql<Row>`
    select s.series_id, r.*
    from unnest(${[...new Set(seriesIds)]}::int4[]) as s (series_id)
    cross join lateral (
      select count(*)::integer as count, array_send(array_agg(time order by time)) as times,
        array_send(array_agg(value order by time)) as values, array_send(array_agg(quality order by time)) as qualities
      from (
        select time, value, quality from reading
        where reading.series_id = s.series_id and time >= ${instant(startMs)} and time < ${instant(endMs)}
        order by time limit ${readingsMax + 1}
      ) first
    ) r
    where r.count > 0`.execute(db);
  return new Map(rows.map((row) => [row.series_id, row.count > readingsMax ? 'too many' : toColumns(row)]));
}

type Row = ReadingColumnsRow & { series_id: number; count: number };
