/**
 * A trend log as a stream of rows, read from the file in pieces: however long the log, the memory stays the same.
 *
 *   CSV ─▶ records with their lines ─▶ times to instants ─▶ values ─▶ rows
 *                                          └──── what cannot be understood is reported, counted and left out
 */
import { createReadStream } from 'node:fs';
import { type CsvError, type Info, parse } from 'csv-parse';
import type { ColumnMap, MappedPoint, Place } from './column-map.ts';
import { createInstantsOf, createSequence } from './time-zone.ts';

/** The readings of one asset at one instant; values by the points' slugs. */
export type TrendRow = { asset: string; at: number; values: Record<string, number | boolean> };

/** What is wrong with a line: the whole row is left out, or only the value of one column. */
export type BadCell = { line: number; column: string | undefined; problem: string; rowLost: boolean };

export type TrendLogOptions = {
  file: string;
  map: ColumnMap;
  mapFile: string;
  onBad: (bad: BadCell) => void;
};

/** Rows in the order of the file. Throws an Error when a column that the map names is not in the header. */
export async function* readTrendLog(options: TrendLogOptions): AsyncGenerator<TrendRow> {
  const { onBad } = options;
  const source = createReadStream(options.file);
  const parser = source.pipe(
    parse({ bom: true, info: true, relax_column_count: true, skip_empty_lines: true, skip_records_with_error: true }),
  );
  // A pipe passes on neither the source's failure nor the reader's leaving early.
  source.on('error', (cause) => parser.destroy(cause));
  parser.on('skip', (error: CsvError) => {
    onBad({ line: Number(error.lines ?? 0), column: undefined, problem: error.message, rowLost: true });
  });
  let readRow: ReturnType<typeof createRowReader> | undefined;
  try {
    for await (const { record, info } of parser as AsyncIterable<{ record: string[]; info: Info }>) {
      if (readRow) {
        const row = readRow(record, info.lines);
        if (row) yield row;
      } else {
        readRow = createRowReader(options, locateColumns(options, record));
      }
    }
  } finally {
    source.destroy();
  }
  if (!readRow) throw new Error(`${options.file} is empty: its first line must name the columns`);
}

type Columns = {
  width: number;
  time: number;
  asset: number | undefined;
  points: { point: MappedPoint; index: number }[];
  point: number;
  value: number;
};

/** Finds the map's columns in the header, and reports all that are missing at once. */
function locateColumns({ map, file, mapFile }: TrendLogOptions, header: string[]): Columns {
  const names = header.map((name) => name.trim());
  const mistakes: string[] = [];
  const locate = (name: string, place: Place): number => {
    const index = names.indexOf(name.trim());
    if (index < 0) {
      mistakes.push(
        `${mapFile}:${place.line}:${place.column}: ${file} has no column ${JSON.stringify(name)}${suggest(name, names)}`,
      );
    }
    return index;
  };
  const long = map.layout === 'long';
  const top = { line: 1, column: 1 };
  const columns: Columns = {
    width: names.length,
    time: locate(map.time.column, map.time.place),
    asset: map.asset.column && locate(map.asset.column.name, map.asset.column.place),
    points: long ? [] : map.points.map((point) => ({ point, index: locate(point.label, point.place) })),
    point: long ? locate(map.pointColumn, top) : -1,
    value: long ? locate(map.valueColumn, top) : -1,
  };
  if (mistakes.length > 0) throw new Error(mistakes.join('\n'));
  return columns;
}

function createRowReader({ map, onBad }: TrendLogOptions, columns: Columns) {
  const instantsOf = createInstantsOf(map.time.zone ?? 'UTC');
  const sequences = new Map<string, ReturnType<typeof createSequence>>();
  const pointsByLabel = new Map(map.points.map((point) => [point.label, point]));

  /** The repeated hour is told apart within each series, since a long log may hold one point after the other. */
  function instantOf(text: string, series: string, lose: (problem: string) => void): number | undefined {
    const time = map.time.format.parse(text);
    if (!time) return void lose(`${JSON.stringify(text)} is not a time of the map's format`);
    if (map.time.zone === undefined && time.offsetMinutes === undefined) {
      return void lose(`${JSON.stringify(text)} has no offset from UTC, and the map no time.zone`);
    }
    const instants = instantsOf(time);
    if (instants.length === 0) {
      const hint = 'a log that keeps standard time all year needs a fixed zone such as Etc/GMT+6';
      return void lose(`${JSON.stringify(text)} is skipped by daylight saving in ${map.time.zone}; ${hint}`);
    }
    const sequence = sequences.get(series) ?? createSequence();
    sequences.set(series, sequence);
    return sequence(instants);
  }

  return (record: string[], line: number): TrendRow | undefined => {
    const lose = (column: string | undefined, problem: string) => onBad({ line, column, problem, rowLost: true });
    if (record.length !== columns.width) {
      return void lose(undefined, `${record.length} columns where the header has ${columns.width}`);
    }
    const asset = columns.asset === undefined ? map.asset.name : record[columns.asset]?.trim();
    if (!asset) return void lose(map.asset.column?.name, 'the asset is blank');
    const label = map.layout === 'long' ? (record[columns.point]?.trim() ?? '') : undefined;
    const point = label === undefined ? undefined : pointsByLabel.get(label);
    if (label !== undefined && !point) return undefined;
    const at = instantOf(record[columns.time] ?? '', JSON.stringify([asset, label]), (problem) =>
      lose(map.time.column, problem),
    );
    if (at === undefined) return undefined;
    const cells = point ? [{ point, index: columns.value }] : columns.points;
    const values: TrendRow['values'] = {};
    for (const cell of cells) {
      const text = record[cell.index] ?? '';
      const value = readValue(text);
      if (value !== undefined) values[cell.point.slug] = value;
      else if (text.trim() !== '') {
        const problem = `${JSON.stringify(text)} is not a number, True or False`;
        onBad({ line, column: point ? map.valueColumn : cell.point.label, problem, rowLost: false });
      }
    }
    return { asset, at, values };
  };
}

function readValue(text: string): number | boolean | undefined {
  const word = text.trim();
  if (word === '') return undefined;
  if (/^true$/i.test(word)) return true;
  if (/^false$/i.test(word)) return false;
  const value = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/.test(word) ? Number(word) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}

/** The header's column that shares the most words with the one that is missing. */
function suggest(name: string, names: string[]): string {
  const words = new Set(name.toLowerCase().split(/[^a-z0-9]+/));
  const shared = (candidate: string) =>
    candidate
      .toLowerCase()
      .split(/[^a-z0-9]+/)
      .filter((word) => words.has(word)).length;
  const [best] = names.toSorted((a, b) => shared(b) - shared(a));
  return best !== undefined && shared(best) > 0
    ? `; did you mean ${JSON.stringify(best)}?`
    : `; it has ${names.join(', ')}`;
}
