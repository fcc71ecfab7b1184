import type pg from 'pg';
import { dayOf, findPartition } from './partition.ts';

/**
 * How many series each of the days from the one of an instant to that of another has at least, as far as is known, where all of them
 * lie in the order of their key; 0 where one does not.
 */
export type OrderedDays = (fromMs: number, throughMs: number) => number;

/**
 * The days whose partition lies in the order of its primary key, series by series, by the mark that CLUSTER leaves on the index. Rows
 * that came later lie behind the others, and there are few on a day that is over. Chunks of hypertables have no such days. How many
 * series a day has is what ANALYZE found when the day was put in order.
 */
export async function findOrderedDays(pool: pg.Pool): Promise<OrderedDays> {
  const { rows } = await pool.query<{ name: string; series: number }>(
    `select c.relname as name,
       coalesce(case when s.n_distinct < 0 then -s.n_distinct * c.reltuples else s.n_distinct end, 'infinity')::float8 as series
     from pg_inherits h
     join pg_index i on i.indrelid = h.inhrelid and i.indisprimary and i.indisclustered
     join pg_class c on c.oid = h.inhrelid
     join pg_namespace n on n.oid = c.relnamespace
     left join pg_stats s on s.schemaname = n.nspname and s.tablename = c.relname and s.attname = 'series_id'
     where h.inhparent = 'reading'::regclass`,
  );
  const seriesOf = new Map(rows.map(({ name, series }) => [name, series]));
  const existing = new Set(seriesOf.keys());
  return (fromMs, throughMs) => {
    let least = Number.POSITIVE_INFINITY;
    for (let day = dayOf(fromMs); day <= dayOf(throughMs); day++) {
      const name = findPartition(day, { table: 'reading', existing });
      least = Math.min(least, name === undefined ? 0 : (seriesOf.get(name) ?? 0));
    }
    return least;
  };
}
