/**
 * Local times as trend logs write them, by a pattern of Unicode's date field symbols (UTS 35, part 4), such as
 * `M/d/yyyy H:mm`. A pattern is compiled once, to a regular expression and a reader for each of its groups.
 */

/** A date and time without a zone, or with the offset from UTC that the text itself states. */
export type LocalTime = {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  millisecond: number;
  offsetMinutes?: number;
};

export type TimeFormat = {
  /** Whether the texts say their offset from UTC themselves, so that no zone is needed. */
  hasOffset: boolean;
  /** The time, or undefined when the text does not fit the pattern or names no real date. */
  parse(text: string): LocalTime | undefined;
};

type Draft = LocalTime & { afternoon?: boolean };
type Field = { pattern: string; read(text: string): Partial<Draft> };

const monthsShort = ['jan', 'feb', 'mar', 'apr', 'may', 'jun', 'jul', 'aug', 'sep', 'oct', 'nov', 'dec'];

/** By symbol, as often as it is repeated in a pattern. */
const fields: Record<string, Field> = {
  y: numeric('year', '\\d{4}'),
  yy: { pattern: '\\d{2}', read: (text) => ({ year: 2000 + Number(text) }) },
  yyyy: numeric('year', '\\d{4}'),
  M: numeric('month', '\\d{1,2}'),
  MM: numeric('month', '\\d{2}'),
  MMM: { pattern: '[A-Za-z]{3}\\.?', read: readMonthName },
  MMMM: { pattern: '[A-Za-z]{3,9}', read: readMonthName },
  d: numeric('day', '\\d{1,2}'),
  dd: numeric('day', '\\d{2}'),
  E: { pattern: '[A-Za-z]{2,3}', read: () => ({}) },
  EEE: { pattern: '[A-Za-z]{2,3}', read: () => ({}) },
  EEEE: { pattern: '[A-Za-z]{6,9}', read: () => ({}) },
  H: numeric('hour', '\\d{1,2}'),
  HH: numeric('hour', '\\d{2}'),
  h: { pattern: '\\d{1,2}', read: readTwelveHour },
  hh: { pattern: '\\d{2}', read: readTwelveHour },
  a: { pattern: '[AaPp]\\.?[Mm]\\.?', read: (text) => ({ afternoon: /^p/i.test(text) }) },
  m: numeric('minute', '\\d{1,2}'),
  mm: numeric('minute', '\\d{2}'),
  s: numeric('second', '\\d{1,2}'),
  ss: numeric('second', '\\d{2}'),
  X: { pattern: 'Z|[+-]\\d{2}(?:\\d{2})?', read: readOffset },
  XX: { pattern: 'Z|[+-]\\d{4}', read: readOffset },
  XXX: { pattern: 'Z|[+-]\\d{2}:\\d{2}', read: readOffset },
  Z: { pattern: '[+-]\\d{4}', read: readOffset },
};
// Any number of S: that many digits of the second's fraction.
const fraction: Field = {
  pattern: '',
  read: (text) => ({ millisecond: Math.floor(Number(`0.${text}`) * 1000) }),
};

/** Compiles a pattern; an Error names the part that it does not know. */
export function compileTimeFormat(pattern: string): TimeFormat {
  const readers: Field['read'][] = [];
  let expression = '';
  let hasOffset = false;
  for (const [token] of pattern.matchAll(/'(?:[^']|'')*'|([A-Za-z])\1*|[^A-Za-z']+|'/g)) {
    if (!/^[A-Za-z]/.test(token)) {
      expression += escapeLiteral(token);
      continue;
    }
    const field = /^S+$/.test(token) ? { ...fraction, pattern: `\\d{${token.length}}` } : fields[token];
    if (!field) {
      throw new Error(`time format ${JSON.stringify(pattern)}: unknown field ${token}; there are ${listFields()}`);
    }
    readers.push(field.read);
    expression += `(${field.pattern})`;
    hasOffset ||= field.read === readOffset;
  }
  const regExp = new RegExp(`^\\s*${expression}\\s*$`);
  return { hasOffset, parse: (text) => parseFields(regExp.exec(text), readers) };
}

/** ISO 8601 as logs write it: date, optionally time after `T` or a blank, seconds, fraction and offset optional. */
export const isoFormat: TimeFormat = {
  hasOffset: false,
  parse(text) {
    const match =
      /^\s*(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2})?)?\s*$/.exec(
        text,
      );
    const { y, M, d, H, m, s, XXX } = fields;
    if (!(y && M && d && H && m && s && XXX)) return undefined;
    return parseFields(match, [y.read, M.read, d.read, H.read, m.read, s.read, fraction.read, XXX.read]);
  },
};

function parseFields(match: RegExpExecArray | null, readers: Field['read'][]): LocalTime | undefined {
  if (!match) return undefined;
  const draft: Draft = { year: 1970, month: 1, day: 1, hour: 0, minute: 0, second: 0, millisecond: 0 };
  for (const [index, read] of readers.entries()) {
    const text = match[index + 1];
    if (text !== undefined) Object.assign(draft, read(text));
  }
  const { afternoon, ...time } = draft;
  if (afternoon) time.hour += 12;
  return isReal(time) ? time : undefined;
}

function isReal({ year, month, day, hour, minute, second }: LocalTime): boolean {
  const date = new Date(Date.UTC(year, month - 1, day));
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day && hour < 24 && minute < 60 && second < 60;
}

function numeric(field: 'year' | 'month' | 'day' | 'hour' | 'minute' | 'second', pattern: string): Field {
  return { pattern, read: (text) => ({ [field]: Number(text) }) };
}

function readMonthName(text: string): Partial<Draft> {
  return { month: 1 + monthsShort.indexOf(text.slice(0, 3).toLowerCase()) };
}

/** Twelve stands for zero; anything above makes the time unreal. */
function readTwelveHour(text: string): Partial<Draft> {
  const hour = Number(text);
  return { hour: hour >= 1 && hour <= 12 ? hour % 12 : 99 };
}

function readOffset(text: string): Partial<Draft> {
  const [, sign, hours = 0, minutes = 0] = /^([+-])(\d{2}):?(\d{2})?$/.exec(text) ?? [];
  return { offsetMinutes: (sign === '-' ? -1 : 1) * (60 * Number(hours) + Number(minutes)) };
}

function escapeLiteral(token: string): string {
  const quoted = token.length > 1 && token.startsWith("'") && token.endsWith("'");
  const literal = quoted ? token.slice(1, -1).replaceAll("''", "'") || "'" : token;
  return literal.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
}

function listFields(): string {
  return `${Object.keys(fields).join(', ')}, S to SSSSSSSSS`;
}
