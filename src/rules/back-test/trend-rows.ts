/**
 * One row of a trend log by its column map: which asset, when, and what of which point. Whoever reads trend logs reads them by this,
 * the back-test as a whole and an import row by row.
 */
import { createTimeHelp, createTimeReader } from '../language/local-time.ts';
import type { ColumnMap } from './trend-log.ts';

/** A cell that is not blank: its point as the map names it, and its number, undefined for what is neither number nor truth. */
export type TrendCell = { readonly name: string; readonly text: string; readonly value: number | undefined };

export type TrendRow = {
  /** Undefined where neither the map nor a column names it. */
  readonly asset: string | undefined;
  /** The instant, undefined for a time that cannot be read. */
  readonly at: number | undefined;
  readonly timeText: string;
  readonly cells: readonly TrendCell[];
  /** The point of a row of the long layout that the map does not have. */
  readonly strangePoint: string | undefined;
};

export type TrendRowReader = {
  /** Reads a row after the one of the same asset before it, which tells local times apart that come twice. */
  read(row: readonly string[]): TrendRow;
  /** What helps with a time that cannot be read, where anything does. */
  helpWithTime(timeText: string): string | undefined;
  /** The instant of the last row of each asset, to be given to a reader that goes on behind it. */
  readonly lastTimes: Map<string, number>;
};

/** A reader for rows below a header. Throws a sentence for a column that the map names and the header lacks. */
export function createTrendRowReader(
  map: ColumnMap,
  { header, zone, lastTimes = new Map() }: { header: string[]; zone: string; lastTimes?: Map<string, number> },
): TrendRowReader {
  const columns = new Map(header.map((name, index) => [name.trim(), index]));
  const columnOf = (name: string) => columns.get(name) ?? missingColumn(name, header);
  const isLong = map.layout === 'long';
  const timeColumn = columnOf(map.time.column);
  const assetColumn = map.asset.column === undefined ? undefined : columnOf(map.asset.column);
  const pointColumn = isLong ? columnOf(map.point?.column ?? 'point') : -1;
  const valueColumn = isLong ? columnOf(map.value?.column ?? 'value') : -1;
  const wide = isLong ? [] : Object.keys(map.points).map((name) => ({ name, column: columnOf(name) }));
  const { format = 'iso' } = map.time;
  const readTime = createTimeReader(format, zone);
  const known = new Map(
    Object.entries(map.points).map(([name, { values }]) => [name, new Map(Object.entries(values ?? {}))]),
  );
  const cellOf = (name: string, given: string): TrendCell[] => {
    const text = given.trim();
    return text === '' ? [] : [{ name, text, value: known.get(name)?.get(text) ?? readValue(text) }];
  };

  return {
    lastTimes,
    helpWithTime: createTimeHelp(format),
    read: (row) => {
      const asset = assetColumn === undefined ? map.asset.name : (row[assetColumn] ?? '');
      const timeText = row[timeColumn] ?? '';
      const at = readTime(timeText, lastTimes.get(asset ?? '') ?? Number.NEGATIVE_INFINITY);
      if (at === undefined) return { asset, at, timeText, cells: [], strangePoint: undefined };
      lastTimes.set(asset ?? '', isLong ? at - 1 : at);
      const point = isLong ? (row[pointColumn] ?? '') : undefined;
      if (point !== undefined && !known.has(point)) return { asset, at, timeText, cells: [], strangePoint: point };
      const cells = isLong
        ? cellOf(point ?? '', row[valueColumn] ?? '')
        : wide.flatMap(({ name, column }) => cellOf(name, row[column] ?? ''));
      return { asset, at, timeText, cells, strangePoint: undefined };
    },
  };
}

/** The number that a trimmed cell stands for, true as 1 and false as 0; undefined when it is neither. */
export function readValue(text: string): number | undefined {
  if (/^true$/i.test(text)) return 1;
  if (/^false$/i.test(text)) return 0;
  const value = Number(text);
  return Number.isFinite(value) ? value : undefined;
}

/** Throws the sentence for a column that is not there. */
export function missingColumn(name: string, header: string[]): never {
  const separator = findSeparator(header);
  if (separator !== undefined) throw new Error(`the columns of the file are separated by ${separator}, not by commas`);
  throw new Error(`the file has no column '${name}'; it has ${header.join(', ')}`);
}

/** What separates the columns of a file with one column only, where that is no comma. */
export function findSeparator([first = '', ...others]: readonly string[]): string | undefined {
  if (others.length > 0) return undefined;
  return [';', '\t', '|'].filter((one) => first.includes(one)).map((one) => (one === '\t' ? 'tabs' : `'${one}'`))[0];
}
