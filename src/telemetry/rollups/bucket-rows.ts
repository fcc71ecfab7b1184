/** Rows of roll-ups as the database sends them: a string of bytes for each column of a series, eight bytes a row. */
import { fillTimes, numbersIn } from '../binary-arrays.ts';
import type { BucketValue } from './bucket.ts';
import type { RolledRows } from './bucket-compose.ts';
import type { SeriesSpan } from './rollup.ts';

/** What a wanted value is made of; `starts` and `kinds`, which are four times the count and the quality, are always sent. */
const neededFor = {
  nulls: ['count'],
  first_times: ['first', 'twa'],
  last_times: ['last', 'twa'],
  firsts: ['first'],
  lasts: ['last', 'twa'],
  mins: ['min'],
  maxs: ['max'],
  sums: ['sum', 'mean'],
  helds: ['twa'],
  held_sums: ['twa'],
} as const satisfies Record<string, readonly BucketValue[]>;

export type SentColumn = 'starts' | 'kinds' | keyof typeof neededFor;

/** Columns that are sent only of the rows with a number, since they are null in all others. */
const numbersOnly: ReadonlySet<SentColumn> = new Set(['mins', 'maxs', 'sums']);

/** The columns of an answer with the wanted values, in their order. */
export function sentColumns(values: readonly BucketValue[]): SentColumn[] {
  const names = Object.keys(neededFor) as (keyof typeof neededFor)[];
  return ['starts', 'kinds', ...names.filter((name) => neededFor[name].some((value) => values.includes(value)))];
}

const none = new Float64Array(0);

/**
 * The rows of one series of one part of a read, beginning at `fromMs` at the earliest, without those of some spans. The fields, which
 * lie at multiples of eight bytes, are turned into numbers where they are. Loops, since a call for each number of half a million makes
 * more garbage than the answer is long.
 */
export function decodeRows(
  { columns, fields }: { readonly columns: readonly SentColumn[]; readonly fields: readonly (Buffer | null)[] },
  { fromMs, without }: { readonly fromMs: number; readonly without: readonly SeriesSpan[] },
): RolledRows {
  const sent = (name: SentColumn) => fields[columns.indexOf(name)] ?? undefined;
  const { counts, qualities } = splitKinds(numbersOf(sent('kinds')));
  const numbers = (name: SentColumn) => {
    const found = numbersOf(sent(name));
    return numbersOnly.has(name) && columns.includes(name) ? spread(found, counts) : found;
  };
  const rows = {
    startsMs: notBefore(timesIn(sent('starts')), fromMs),
    qualities,
    counts,
    nulls: numbers('nulls'),
    firstsMs: timesIn(sent('first_times')),
    lastsMs: timesIn(sent('last_times')),
    firsts: numbers('firsts'),
    lasts: numbers('lasts'),
    mins: numbers('mins'),
    maxs: numbers('maxs'),
    sums: numbers('sums'),
    heldS: numbers('helds'),
    heldSums: numbers('held_sums'),
  };
  return without.length === 0 ? rows : dropRows(rows, without);
}

/** A kind is four times the count and the quality; the counts take the place of the kinds. */
function splitKinds(kinds: Float64Array): { counts: Float64Array; qualities: Float64Array } {
  const qualities = new Float64Array(kinds.length);
  for (let i = 0; i < kinds.length; i++) {
    const kind = kinds[i] as number;
    const count = Math.floor(kind / 4);
    qualities[i] = kind - 4 * count;
    kinds[i] = count;
  }
  return { counts: kinds, qualities };
}

function notBefore(times: Float64Array, fromMs: number): Float64Array {
  for (let i = 0; i < times.length; i++) if ((times[i] as number) < fromMs) times[i] = fromMs;
  return times;
}

/** One number for each row, NaN where there was none to send. */
function spread(numbers: Float64Array, counts: Float64Array): Float64Array {
  if (numbers.length === counts.length) return numbers;
  const spread = new Float64Array(counts.length).fill(Number.NaN);
  for (let i = 0, at = 0; i < counts.length; i++) {
    if ((counts[i] as number) > 0) spread[i] = numbers[at++] ?? Number.NaN;
  }
  return spread;
}

/** Rows of several parts of a read as those of one. */
export function joinRows(pieces: readonly RolledRows[]): RolledRows {
  const [only] = pieces;
  if (pieces.length === 1 && only) return only;
  return mapColumns((name) => {
    const joined = new Float64Array(pieces.reduce((length, piece) => length + piece[name].length, 0));
    let at = 0;
    for (const piece of pieces) {
      joined.set(piece[name], at);
      at += piece[name].length;
    }
    return joined;
  });
}

function dropRows(rows: RolledRows, without: readonly SeriesSpan[]): RolledRows {
  const isKept = Array.from(
    rows.startsMs,
    (startMs) => !without.some(({ fromMs, toMs }) => startMs >= fromMs && startMs < toMs),
  );
  return mapColumns((name) => rows[name].filter((_, i) => isKept[i]));
}

const columnNames = [
  'startsMs',
  'qualities',
  'counts',
  'nulls',
  'firstsMs',
  'lastsMs',
  'firsts',
  'lasts',
  'mins',
  'maxs',
  'sums',
  'heldS',
  'heldSums',
] as const satisfies readonly (keyof RolledRows)[];

function mapColumns(make: (name: keyof RolledRows) => Float64Array): RolledRows {
  return Object.fromEntries(columnNames.map((name) => [name, make(name)])) as RolledRows;
}

function numbersOf(bytes: Buffer | undefined): Float64Array {
  return bytes === undefined ? none : numbersIn(bytes);
}

/** Instants in their place. */
function timesIn(bytes: Buffer | undefined): Float64Array {
  if (bytes === undefined) return none;
  const times = new Float64Array(bytes.buffer, bytes.byteOffset, bytes.length / 8);
  fillTimes(times, new DataView(bytes.buffer, bytes.byteOffset, bytes.length));
  return times;
}
