import type pg from 'pg';
import { dayOf, findPartition } from './partition.ts';

/** Tells whether all days from the one of an instant to that of another lie in the order of their key. */
export type OrderedDays = (fromMs: number, throughMs: number) => boolean;

/**
 * The days whose partition lies in the order of its primary key, series by series, by the mark that CLUSTER leaves on the index. Rows
 * that came later lie behind the others, and there are few on a day that is over. Chunks of hypertables have no such days.
 */
export async function findOrderedDays(pool: pg.Pool): Promise<OrderedDays> {
  const { rows } = await pool.query<{ name: string }>(
    `select c.relname as name from pg_inherits h
     join pg_index i on i.indrelid = h.inhrelid and i.indisprimary and i.indisclustered
     join pg_class c on c.oid = h.inhrelid
     where h.inhparent = 'reading'::regclass`,
  );
  const existing = new Set(rows.map(({ name }) => name));
  return (fromMs, throughMs) => {
    for (let day = dayOf(fromMs); day <= dayOf(throughMs); day++)
      if (findPartition(day, { table: 'reading', existing }) === undefined) return false;
    return true;
  };
}
