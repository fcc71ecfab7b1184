import { sql } from 'kysely';

/** Epoch milliseconds as a timestamptz in a statement, exact to the microsecond, which a JavaScript Date is not. */
export function instant(ms: number) {
  return sql<Date>`to_timestamp(${ms}::float8 / 1000)`;
}
