import { sql } from 'kysely';

/**
 * The value of updated_at after a change at the instant `at`: later than before even within one millisecond, and however
 * clocks disagree, since ETags are made of it. A statement with several tables names the one that it changes.
 */
export function laterThanBefore(at: Date, table?: string) {
  const before = sql.ref<Date>(table === undefined ? 'updated_at' : `${table}.updated_at`);
  return sql<Date>`greatest(${at}::timestamptz, date_trunc('milliseconds', ${before}) + interval '1 millisecond')`;
}
