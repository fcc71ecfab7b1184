/**
 * A file of readings in batches, each small enough for one transaction:
 *
 *   bytes ─▶ rows of cells ─▶ the column map ─▶ readings by the names of their assets and points, and refusals by line
 */
import { createReadStream } from 'node:fs';
import { shorten } from '../decode/sample.ts';
import { readTime } from '../decode/sample-time.ts';
import type { ImportColumns, ImportRow, ImportRowReader } from './columns.ts';
import { type CsvRow, readCsvRows } from './csv-rows.ts';

/** Why a reading, or a whole row, was not stored. */
export type ImportError = {
  readonly line: number;
  readonly column: string | null;
  readonly reason: string;
  readonly detail: string;
};

export type NamedReading = {
  readonly line: number;
  readonly asset: string;
  readonly column: string;
  readonly timeMs: number;
  readonly value: number;
};

/** Where to go on: the place in the file, and what the rows before said of the time. */
export type ImportPlace = {
  readonly bytes: number;
  readonly line: number;
  readonly lastTimes: Readonly<Record<string, number>>;
};

export type ImportBatch = {
  readonly readings: readonly NamedReading[];
  readonly errors: readonly ImportError[];
  readonly rows: number;
  readonly end: ImportPlace;
};

export type BatchOptions = {
  readonly file: string;
  readonly columns: ImportColumns;
  /** The asset of all rows, where the map names none. */
  readonly asset: string | null;
  /** The zone of times without one, where the map names none. */
  readonly zone: string;
  readonly from: ImportPlace;
  readonly receivedMs: number;
};

/** With what is refused: a row may have thousands of cells that nobody can use. */
const batchReadingsMax = 5_000;
const batchRowsMax = 20_000;
/** Of files with more assets than this, times that come twice are not told apart across a restart. */
const lastTimesMax = 1_000;
/** Nor within a run of files with more assets than this: a file may name a new one in each of a hundred million rows. */
const lastTimesKeptMax = 100_000;

/** The names of a file's columns; none for an empty one. */
export async function readFileHeader(file: string): Promise<string[]> {
  for await (const { cells } of readCsvRows(createReadStream(file))) return [...(cells ?? [])];
  return [];
}

/**
 * Reads batches from a place on; at the beginning of a file its header is passed over. Throws a sentence for a wrong header, and for
 * a file whose first batch shows that day and month are the other way round: what it would store of the rest is wrong as well.
 */
export async function* readBatches(options: BatchOptions): AsyncGenerator<ImportBatch> {
  const { file, columns, zone, from } = options;
  const lastTimes = new Map(Object.entries(from.lastTimes));
  const reader = columns.open({ header: await readFileHeader(file), zone, lastTimes });
  const stream = createReadStream(file, { start: from.bytes });
  let isHeader = from.bytes === 0;
  let batch = emptyBatch(isHeader);
  for await (const row of readCsvRows(stream, { from })) {
    if (isHeader) {
      isHeader = false;
      continue;
    }
    addRow(batch, row, { reader, ...options });
    if (batch.readings.length + batch.errors.length < batchReadingsMax && batch.rows < batchRowsMax) continue;
    if (batch.isFirst) refuseTurned(batch);
    yield { ...batch, end: placeOf(row, reader) };
    if (lastTimes.size > lastTimesKeptMax) lastTimes.clear();
    batch = emptyBatch();
    batch.last = row;
  }
  if (batch.isFirst) refuseTurned(batch);
  if (batch.rows > 0 && batch.last) yield { ...batch, end: placeOf(batch.last, reader) };
}

/** `isFirst` of a file; of `turned` rows the time fits only another format. */
type OpenBatch = {
  readonly isFirst: boolean;
  readings: NamedReading[];
  errors: ImportError[];
  rows: number;
  turned: { count: number; detail: string };
  last: CsvRow | undefined;
};

function emptyBatch(isFirst = false): OpenBatch {
  return { isFirst, readings: [], errors: [], rows: 0, turned: { count: 0, detail: '' }, last: undefined };
}

function refuseTurned({ turned: { count, detail }, rows }: OpenBatch): void {
  if (count * 2 > rows) throw new Error(`${detail}; that is so of ${count} of the first ${rows} rows`);
}

function placeOf({ end }: CsvRow, { lastTimes }: ImportRowReader): ImportPlace {
  return { ...end, lastTimes: lastTimes.size > lastTimesMax ? {} : Object.fromEntries(lastTimes) };
}

type RowOptions = Pick<BatchOptions, 'asset' | 'receivedMs'> & { reader: ImportRowReader };

function addRow(batch: OpenBatch, row: CsvRow, { reader, asset: given, receivedMs }: RowOptions): void {
  const { line, cells, fault } = row;
  batch.rows++;
  batch.last = row;
  const refuse = (reason: string, detail: string, column: string | null = null) =>
    batch.errors.push({ line, column, reason, detail });
  if (cells === undefined) return void refuse('malformed', fault ?? 'the row cannot be read');
  const found = reader.read(cells);
  const asset = (given ?? found.asset ?? '').trim();
  const timeMs = timeOf(found, { receivedMs, reader });
  if (typeof timeMs !== 'number') {
    if (timeMs.isTurned) batch.turned = { count: batch.turned.count + 1, detail: timeMs.detail };
    return void refuse(timeMs.reason, timeMs.detail);
  }
  if (asset === '') return void refuse('malformed', 'the row names no asset');
  if (found.strangePoint !== undefined)
    return void refuse('unknown_point', `the column map has no point ${shorten(found.strangePoint)}`);
  for (const { name, text, value } of found.cells) {
    if (value === undefined)
      refuse(
        'unusable_value',
        `${JSON.stringify(shorten(text))} is neither a number nor true or false, nor among the values of the column map`,
        name,
      );
    else batch.readings.push({ line, asset, column: name, timeMs, value });
  }
}

/** What dates can stand for (ECMAScript, time values), in milliseconds from 1970. */
const timeMsMax = 8.64e15;

/** `isTurned` where it is one with day and month the other way round. */
type TimeFault = { reason: string; detail: string; isTurned?: boolean };

function timeOf(
  { at, timeText }: ImportRow,
  { receivedMs, reader }: Pick<RowOptions, 'receivedMs' | 'reader'>,
): number | TimeFault {
  if (at !== undefined && Math.abs(at) <= timeMsMax)
    return readTime(new Date(at).toISOString(), { receivedMs, timeZone: 'UTC' });
  const reason = 'time_unreadable';
  if (timeText.trim() === '') return { reason, detail: 'the row has no time' };
  const what = `the time ${JSON.stringify(shorten(timeText))} is not as the column map's time.format says`;
  const help = reader.helpWithTime(timeText);
  return help === undefined ? { reason, detail: what } : { reason, detail: `${what}; ${help}`, isTurned: true };
}
