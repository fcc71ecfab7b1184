import { sql } from 'kysely';
import { readNumbers, readTimes } from './binary-arrays.ts';

/** Readings in columns: a value is NaN where none was stored, a quality its stored code (0 good, 1 uncertain, 2 bad). */
export type ReadingColumns = {
  readonly timesMs: readonly number[];
  readonly values: readonly number[];
  readonly qualities: readonly number[];
};

/** One row of three arrays in their binary form; null where they have no elements. */
export type ReadingColumnsRow = { times: Buffer | null; values: Buffer | null; qualities: Buffer | null };

/**
 * The readings of a relation `r` as such a row, in the order in which they come: 100,000 of them in 100 ms, where rows or arrays
 * as text take 250.
 */
export const sentColumns = sql`array_send(array_agg(r.time)) as times, array_send(array_agg(r.value)) as values,
  array_send(array_agg(r.quality)) as qualities`;

/** What such a row holds. */
export function toColumns({ times, values, qualities }: ReadingColumnsRow): ReadingColumns {
  return {
    timesMs: times ? readTimes(times) : [],
    values: values ? readNumbers(values) : [],
    qualities: qualities ? readNumbers(qualities) : [],
  };
}
