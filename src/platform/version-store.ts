import { sql } from 'kysely';

/**
 * The value of updated_at after a change at the instant `at`: later than before even within one millisecond, and however
 * clocks disagree, since ETags are made of it.
 */
export function laterThanBefore(at: Date) {
  return sql<Date>`greatest(${at}::timestamptz, date_trunc('milliseconds', updated_at) + interval '1 millisecond')`;
}
