/** The columns of a list, and the ranges that a query may ask of them: `created_at[gte]=2026-03-01`. */
import { text } from './fields.ts';
import { parseDate, parseInstant, startOfDate } from './instant.ts';
import { refusals } from './refusals.ts';

/**
 * A column of a list: it can be sorted by, and an instant, a date or a number has ranges. `ranks` are texts with an order of
 * their own, from least to greatest. A row that has no value comes last, whichever the direction.
 */
export type Column = {
  /** As SQL names it: `work_order.due_at`. Of a list in memory, the name of the property. */
  readonly column: string;
  readonly kind: 'instant' | 'date' | 'integer' | 'number' | 'text' | 'ranks';
  readonly ranks?: readonly string[];
  readonly isNullable?: boolean;
};

/** The values from which on and before which a column's must lie; null is no bound. Instants are texts in ISO 8601. */
export type Range = { readonly column: Column; readonly from: string | null; readonly before: string | null };

export const operators = ['gte', 'gt', 'lte', 'lt'] as const;

/** What each operator means, for the document. */
export const rangeWords = {
  gte: 'From this value on; of a date, from its beginning.',
  gt: 'Above this value; of a date, after its end.',
  lte: 'Up to this value; of a date, to its end.',
  lt: 'Below this value; of a date, before its beginning.',
};

/** The schema of a bound of a column; undefined where its kind has no ranges. */
export function rangeField({ kind }: Column) {
  switch (kind) {
    case 'instant':
      return (
        text(40)
          // An offset's plus sign that was not percent-encoded arrives as a space.
          .transform((value) => value.replace(/ (\d{2}:?\d{2})$/, '+$1'))
          .refine((value) => unitOf(value, 'UTC') !== undefined, 'must be an instant or a date (ISO 8601)')
          .optional()
      );
    case 'date':
      return text(10)
        .refine((value) => parseDate(value) !== undefined, 'must be a date (2026-04-15)')
        .optional();
    case 'integer':
      return text(12)
        .regex(/^-?\d{1,9}$/, 'must be a whole number of at most nine digits')
        .optional();
    case 'number':
      return text(30)
        .regex(/^-?\d{1,15}(\.\d{1,12})?$/, 'must be a number')
        .optional();
    case 'text':
    case 'ranks':
      return undefined;
  }
}

/** Every range is half open, [from, before): an instant is a millisecond long, as it is shown, and a date a day. */
export function rangeOf(
  columns: Readonly<Record<string, Column>>,
  name: string,
  { value, timeZone }: { value: string; timeZone: string },
): Range {
  const [, columnName = '', operator] = /^(.+)\[(\w+)\]$/.exec(name) ?? [];
  const column = columns[columnName] as Column;
  const unit = unitOfKind(column, value, timeZone);
  if (!unit) throw refusals.invalid([{ in: 'query', pointer: `/${name}`, code: 'invalid', message: 'is not a value' }]);
  switch (operator) {
    case 'gte':
      return { column, from: unit.start, before: null };
    case 'gt':
      return { column, from: unit.end, before: null };
    case 'lte':
      return { column, from: null, before: unit.end };
    default:
      return { column, from: null, before: unit.start };
  }
}

type Unit = { readonly start: string; readonly end: string };

function unitOfKind({ kind }: Column, value: string, timeZone: string): Unit | undefined {
  switch (kind) {
    case 'instant':
      return unitOf(value, timeZone);
    case 'date':
      return { start: value, end: dayAfter(value) };
    case 'integer':
      return { start: value, end: String(Number(value) + 1) };
    case 'number':
      return { start: value, end: String(nextDouble(Number(value))) };
    case 'text':
    case 'ranks':
      return undefined;
  }
}

function dayAfter(date: string): string {
  const next = isoOf(new Date(Date.parse(date) + 86_400_000));
  return next === 'infinity' ? next : next.slice(0, 10);
}

/** The milliseconds that a text names: one, or those of a day. */
function unitOf(value: string, timeZone: string): Unit | undefined {
  if (parseDate(value) !== undefined) {
    const next = dayAfter(value);
    const start = startOfDate(value, timeZone);
    return start && { start: isoOf(start), end: isoOf(startOfDate(next, timeZone)) };
  }
  const at = parseInstant(value, timeZone);
  return at && { start: isoOf(at), end: isoOf(new Date(at.getTime() + 1)) };
}

/** PostgreSQL reads years of four digits alone; after the last of them comes nothing. */
function isoOf(at: Date | undefined): string {
  return at === undefined || at.getUTCFullYear() > 9_999 ? 'infinity' : at.toISOString();
}

/** The least double above a finite one. */
function nextDouble(value: number): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, value === 0 ? 0 : value);
  const bits = view.getBigInt64(0);
  view.setBigInt64(0, value < 0 ? bits - 1n : bits + 1n);
  return view.getFloat64(0);
}
