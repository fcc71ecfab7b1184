import { sql } from 'kysely';

/** Epoch milliseconds as a timestamptz in a statement, exact to the microsecond, which a JavaScript Date is not. */
export function instant(ms: number) {
  return sql<Date>`to_timestamp(${ms}::float8 / 1000)`;
}

/** The same as part of the statement's text, for statements without parameters, and so that planning knows it. */
export function literalInstant(ms: number) {
  if (!Number.isFinite(ms)) throw new RangeError(`${ms} is no instant`);
  return sql<Date>`to_timestamp(${sql.lit(ms)}::float8 / 1000)`;
}

/** Whole numbers as an array in the statement's text. */
export function literalIntegers(numbers: readonly number[]) {
  if (!numbers.every(Number.isInteger)) throw new RangeError('a list of whole numbers has others');
  return sql<number[]>`${sql.lit(`{${numbers.join(',')}}`)}::int4[]`;
}
