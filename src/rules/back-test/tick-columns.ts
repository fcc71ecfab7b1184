/**
 * What rules read of points, resampled to ticks a block at a time: one column for each different reading of a point (conversion,
 * bounds, staleness, step), shared by all rules that read it so, and one for each different window over such a column.
 *
 *   readings   · ·  ·   ··        ·      times and values, a cursor
 *   ticks      │  │  │  │  │  │  │  │    value at t: the last reading <= t, converted, NaN when stale or out of bounds
 *   ring       [ lookback | block ]      place of tick k: k % length, the same for all columns of one step
 *
 * The values are those that `RuleGroup.read` finds tick by tick.
 */
import type { PointColumn } from '../../telemetry/point-column.ts';
import { isSameWay, type PointReading } from '../kernel/input-table.ts';
import { isLong, ringSize } from '../kernel/window-blocks.ts';
import { ringIndex } from '../kernel/window-memory.ts';
import type { Window } from '../language/expression.ts';
import {
  type Computation,
  fillComputed,
  fillExtremes,
  fillValues,
  fillWindow,
  noteBlocks,
  nothingRead,
  type Source,
  type TickColumn,
  turnTo,
  type WindowColumn,
  type Windowed,
} from './fill-columns.ts';

/** All columns of one step; tick k is the instant k * everyMs. */
export type TickGrid = {
  everyMs: number;
  /** Declares a column that windows look back on for so many ticks; all of them before the first block. */
  declare(reading: PointReading, extreme: 'none' | 'least' | 'greatest', lookbackTicks: number): TickColumn;
  declareWindow(column: TickColumn, window: Window, minCover: number): WindowColumn;
  /** Declares a value that is computed from other columns; an equal `text` with equal `inputs` is an equal value. */
  declareComputed(text: string, inputs: string, computation: Computation): TickColumn;
  /** Keeps a column that was declared for so many ticks. */
  lookBack(column: TickColumn, ticks: number): TickColumn;
  /** A ring of the grid's length for values that are computed rather than read. */
  createRing(lookbackTicks: number): TickColumn;
  /** Makes room, once all is declared. */
  allocate(): void;
  length(): number;
  /** Takes the next slice of the readings of all points, by their places in the memory. */
  take(series: readonly (PointColumn | undefined)[]): void;
  /** Fills all columns for the ticks from `first` through `last`. */
  fill(first: number, last: number): void;
  /** The place of a tick in every column. */
  placeOf(tick: number): number;
};

/** An empty grid of the step `everyMs`, for blocks of at most `blockTicks` ticks. */
export function createTickGrid(everyMs: number, blockTicks: number): TickGrid {
  const sources: Source[] = [];
  const sourcesOf = new Map<number, Source[]>();
  const computed: (TickColumn & Computation)[] = [];
  const computedOf = new Map<string, Map<string, TickColumn>>();
  const { add, lookBack, allocate, length } = createRings(blockTicks);
  const windows = createWindows(blockTicks);
  return {
    everyMs,
    declare,
    declareComputed,
    declareWindow: windows.declare,
    lookBack,
    createRing: (lookbackTicks) => lookBack(add({}), lookbackTicks),
    allocate,
    length,
    take,
    fill,
    placeOf: (tick) => ringIndex(tick, length()),
  };

  function declare(reading: PointReading, extreme: Source['extreme'], lookbackTicks: number): Source {
    const ofPoint = sourcesOf.get(reading.point) ?? [];
    const known = ofPoint.find((one) => one.extreme === extreme && isSameWay(one.reading, reading));
    if (known) return lookBack(known, lookbackTicks);
    const carried = extreme === 'none' ? undefined : declare(reading, 'none', 0);
    const source: Source = add({ reading, extreme, carried, ...nothingRead });
    // The column that an extreme carries has been declared meanwhile.
    sourcesOf.set(reading.point, [...(sourcesOf.get(reading.point) ?? []), source]);
    sources.push(source);
    return lookBack(source, lookbackTicks);
  }

  function declareComputed(text: string, inputs: string, computation: Computation): TickColumn {
    // Texts are long and shared, inputs short: a key made of both would have to be hashed afresh for every asset.
    const ofText = computedOf.get(text) ?? new Map<string, TickColumn>();
    computedOf.set(text, ofText);
    const known = ofText.get(inputs);
    if (known) return known;
    const column = add(computation);
    ofText.set(inputs, column);
    computed.push(column);
    return column;
  }

  function take(series: readonly (PointColumn | undefined)[]): void {
    for (const source of sources) turnTo(source, series[source.reading.point]);
  }

  function fill(first: number, last: number): void {
    for (const source of sources) {
      if (source.extreme === 'none') fillValues(source, everyMs, first, last);
      else fillExtremes(source, everyMs, first, last);
    }
    for (const column of computed) fillComputed(column, first, last);
    for (const column of [...sources, ...computed]) if (column.isBlocked) noteBlocks(column, first, last);
    windows.fill(first, last);
  }
}

/** The memory of all columns of a grid: rings of one length, which the longest look back decides. */
function createRings(blockTicks: number) {
  const columns: TickColumn[] = [];
  let lookbackMost = 0;
  let length = 0;
  return {
    /** Adds a column with whatever else is told of it. */
    add: <More extends object>(more: More): TickColumn & More => {
      const column = {
        ...{ id: columns.length, memory: new Float64Array(0), start: 0, length: 0, isBlocked: false },
        ...more,
      };
      columns.push(column);
      return column;
    },
    lookBack: <Column extends TickColumn>(column: Column, ticks: number): Column => {
      lookbackMost = Math.max(lookbackMost, ticks);
      if (isLong(ticks)) column.isBlocked = true;
      return column;
    },
    allocate: (): void => {
      const size = ringSize(lookbackMost, blockTicks);
      length = size.length;
      for (const column of columns) {
        column.length = length;
        column.memory = new Float64Array(column.isBlocked ? size.size : length).fill(Number.NaN);
      }
    },
    length: () => length,
  };
}

/** The windows over columns, each different one once. */
function createWindows(blockTicks: number) {
  const windows: Windowed[] = [];
  const windowsOf: Windowed[][] = [];
  return {
    declare: (column: TickColumn, window: Window, minCover: number): Windowed => {
      const { name, ticks, hours } = window;
      const ofColumn = windowsOf[column.id] ?? [];
      const known = ofColumn.find(
        ({ window: one, minCover: cover }) =>
          one.name === name && one.ticks === ticks && one.hours === hours && cover === minCover,
      );
      if (known) return known;
      const windowed: Windowed = { results: new Float64Array(blockTicks), column, window, minCover };
      windowsOf[column.id] = [...ofColumn, windowed];
      windows.push(windowed);
      return windowed;
    },
    fill: (first: number, last: number): void => {
      for (const windowed of windows) fillWindow(windowed, first, last);
    },
  };
}
