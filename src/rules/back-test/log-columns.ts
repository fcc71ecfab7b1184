/**
 * A trend log as columns per point, which is what `backTestColumns` walks. Read over bytes, without a string for a plain cell; a file
 * that is no regular CSV is read by `readTrendLog` instead, with the same result.
 *
 *   bytes ──csv-cells──▶ cells ──log-times, decimalAt──▶ columns of each asset's points, in the order of time
 */
import type { PointColumn } from '../../telemetry/point-column.ts';
import { type CsvRows, decimalAt, IrregularCsv, openCsv } from './csv-cells.ts';
import { type CellTimeReader, createCellTimeReader } from './log-times.ts';
import { type ColumnMap, describeAsset, pointId, readTrendLog, type TrendLog, zoneOf } from './trend-log.ts';
import { missingColumn, readValue } from './trend-rows.ts';

/** A trend log as columns by point id; see `PointColumn` and, for the rest, `TrendLog`. */
export type LogColumns = Omit<TrendLog, 'readings'> & { columns: Map<string, PointColumn> };

/** The columns of a CSV by its column map. Blank cells are no readings; a column that the file lacks throws a sentence. */
export function readLogColumns(bytes: Uint8Array, map: ColumnMap): LogColumns {
  try {
    return readCells(bytes, map);
  } catch (error) {
    if (!(error instanceof IrregularCsv)) throw error;
    return toLogColumns(readTrendLog(Buffer.from(bytes).toString('utf8'), map));
  }
}

/** The same log with a column for each point. */
function toLogColumns({ readings, ...log }: TrendLog): LogColumns {
  const columns = new Map<string, GrowingColumn>();
  for (const { point, at, value } of readings) {
    const column = columns.get(point) ?? createColumn(1024);
    columns.set(point, column);
    push(column, at, value);
  }
  return { ...log, columns: finish(columns) };
}

type AssetLog = { name: string; lastMs: number; columns: (GrowingColumn | undefined)[] };

function readCells(bytes: Uint8Array, map: ColumnMap): LogColumns {
  const csv = openCsv(bytes);
  const log: LogColumns = {
    assets: [],
    columns: new Map(),
    zone: zoneOf(map),
    unreadable: { times: 0, values: 0 },
    rows: 0,
    strangeTime: null,
  };
  const reader = createReader(bytes, csv, map, log);
  while (csv.next()) reader.readRow();
  const columns = new Map<string, GrowingColumn>();
  for (const { name, columns: own } of reader.assets.values()) {
    log.assets.push(describeAsset(name, map, log.zone));
    Object.keys(map.points).forEach((point, index) => {
      const column = own[index];
      if (column) columns.set(pointId(name, point), column);
    });
  }
  return { ...log, columns: finish(columns) };
}

type Reader = { assets: Map<string, AssetLog>; readRow(): void };

/** Reads row after row into the columns of its assets. */
function createReader(buffer: Uint8Array, csv: CsvRows, map: ColumnMap, log: LogColumns): Reader {
  const { unreadable, zone } = log;
  const cells = placeCells(csv, map);
  const readTime: CellTimeReader = createCellTimeReader(map.time.format ?? 'iso', zone);
  const points = Object.entries(map.points).map(([name, { values }]) => ({
    name,
    values: new Map(Object.entries(values ?? {})),
  }));
  const pointOf = new Map(points.map(({ name }, index) => [name, index]));
  const assets = new Map<string, AssetLog>();
  const textOfTime = () => csv.text(cells.time);
  let asset: AssetLog | undefined;
  return { assets, readRow };

  function readRow(): void {
    log.rows++;
    const name = cells.asset === undefined ? (map.asset.name ?? 'asset') : csv.text(cells.asset);
    if (asset?.name !== name) asset = assets.get(name) ?? { name, lastMs: Number.NEGATIVE_INFINITY, columns: [] };
    const { start, end } = csv;
    const at = readTime(buffer, start[cells.time] as number, end[cells.time] as number, asset.lastMs, textOfTime);
    if (Number.isNaN(at)) {
      unreadable.times++;
      log.strangeTime ??= { text: textOfTime(), line: csv.line() };
      return;
    }
    if (!assets.has(name)) assets.set(name, asset);
    asset.lastMs = cells.point === undefined ? at : at - 1;
    if (cells.point === undefined) {
      for (let point = 0; point < points.length; point++) readCell(asset, point, cells.values[point] as number, at);
    } else {
      const point = pointOf.get(csv.text(cells.point));
      if (point !== undefined) readCell(asset, point, cells.values[0] as number, at);
    }
  }

  function readCell({ columns }: AssetLog, point: number, cell: number, at: number): void {
    const [start, end] = [csv.start[cell] as number, csv.end[cell] as number];
    if (start === end) return;
    const { values } = points[point] as (typeof points)[number];
    let value: number | undefined = values.size === 0 ? decimalAt(buffer, start, end) : Number.NaN;
    if (Number.isNaN(value)) {
      const text = csv.text(cell).trim();
      if (text === '') return;
      value = values.get(text) ?? readValue(text);
      if (value === undefined) {
        unreadable.values++;
        return;
      }
    }
    let column = columns[point];
    if (column === undefined) {
      column = createColumn(rowsGuess(buffer.length, end));
      columns[point] = column;
    }
    push(column, at, value);
  }
}

/** So many rows fit into the file, if all are as long as what has been read so far, header included. */
function rowsGuess(bytes: number, read: number): number {
  return Math.min(1_000_000, Math.max(64, Math.ceil((2 * bytes) / Math.max(1, read))));
}

type Cells = { time: number; asset: number | undefined; point: number | undefined; values: number[] };

/** Which cell of a row is what; `values` are in the order of the map's points, or the one of the long layout. */
function placeCells(csv: CsvRows, map: ColumnMap): Cells {
  const columns = new Map(csv.header.map((name, index) => [name.trim(), index]));
  const wanted: number[] = [];
  const cellOf = (name: string): number => {
    const column = columns.get(name) ?? missingColumn(name, csv.header);
    const known = wanted.indexOf(column);
    return known < 0 ? wanted.push(column) - 1 : known;
  };
  const isLong = map.layout === 'long';
  const cells = {
    time: cellOf(map.time.column),
    asset: map.asset.column === undefined ? undefined : cellOf(map.asset.column),
    point: isLong ? cellOf(map.point?.column ?? 'point') : undefined,
    values: isLong ? [cellOf(map.value?.column ?? 'value')] : Object.keys(map.points).map(cellOf),
  };
  csv.want(wanted);
  return cells;
}

type GrowingColumn = { times: Float64Array; values: Float64Array; length: number; isSorted: boolean };

function createColumn(capacity: number): GrowingColumn {
  return { times: new Float64Array(capacity), values: new Float64Array(capacity), length: 0, isSorted: true };
}

function push(column: GrowingColumn, at: number, value: number): void {
  const { length } = column;
  if (length === column.times.length) {
    column.times = enlarge(column.times);
    column.values = enlarge(column.values);
  }
  column.times[length] = at;
  column.values[length] = value;
  column.length++;
  if (length === 0) return;
  const lastMs = column.times[length - 1] as number;
  if (!(at > lastMs || (at === lastMs && value >= (column.values[length - 1] as number)))) column.isSorted = false;
}

function enlarge(array: Float64Array): Float64Array {
  const larger = new Float64Array(array.length * 2);
  larger.set(array);
  return larger;
}

function finish(columns: Map<string, GrowingColumn>): Map<string, PointColumn> {
  return new Map([...columns].map(([point, column]) => [point, column.isSorted ? trim(column) : sort(column)]));
}

function trim({ times, values, length }: GrowingColumn): PointColumn {
  return { times: times.subarray(0, length), values: values.subarray(0, length) };
}

/** In the order of time; of readings with the same time the greatest comes last, as it is the one that counts. */
function sort({ times, values, length }: GrowingColumn): PointColumn {
  const order = Uint32Array.from({ length }, (_, index) => index);
  const at = (array: Float64Array, index: number) => array[index] as number;
  order.sort((a, b) => at(times, a) - at(times, b) || at(values, a) - at(values, b));
  return {
    times: Float64Array.from(order, (i) => at(times, i)),
    values: Float64Array.from(order, (i) => at(values, i)),
  };
}
