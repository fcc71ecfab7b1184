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
import type { PointReading } from '../kernel/input-table.ts';
import { isLong, noteBlock, ringSize } from '../kernel/window-blocks.ts';
import { type RingPlace, readWindow, ringIndex } from '../kernel/window-memory.ts';
import type { NumberFunction } from '../language/compile-expression.ts';
import type { Window } from '../language/expression.ts';
import { convert } from '../language/units.ts';

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

/** A ring of the grid's length, at the beginning of its memory. */
export type TickColumn = RingPlace & { id: number };

/** A function of columns by slot; `values` holds the slots that do not change. */
export type Computation = {
  compute: NumberFunction;
  values: Float64Array;
  params: Float64Array;
  inputs: { slot: number; column: TickColumn }[];
};

/** The results of a window for the ticks of a block, the first at 0. */
export type WindowColumn = { results: Float64Array };

type Source = TickColumn & {
  reading: PointReading;
  extreme: 'none' | 'least' | 'greatest';
  /** For extremes: what is carried through a tick without readings. */
  carried: Source | undefined;
  series: PointColumn;
  next: number;
  lastMs: number;
  lastValue: number;
};

type Windowed = WindowColumn & { column: TickColumn; window: Window; minCover: number };

/** An empty grid of the step `everyMs`, for blocks of at most `blockTicks` ticks. */
export function createTickGrid(everyMs: number, blockTicks: number): TickGrid {
  const sources: Source[] = [];
  const sourcesOf = new Map<number, Source[]>();
  const computed: (TickColumn & Computation)[] = [];
  const computedOf = new Map<string, Map<string, TickColumn>>();
  const windows: Windowed[] = [];
  const windowsOf: Windowed[][] = [];
  const columns: TickColumn[] = [];
  let lookbackMost = 0;
  let length = 0;
  return {
    everyMs,
    declare,
    declareComputed,
    declareWindow,
    lookBack,
    createRing,
    allocate,
    length: () => length,
    take,
    fill,
    placeOf: (tick) => ringIndex(tick, length),
  };

  function declare(reading: PointReading, extreme: Source['extreme'], lookbackTicks: number): Source {
    const ofPoint = sourcesOf.get(reading.point) ?? [];
    const known = ofPoint.find((one) => one.extreme === extreme && isSame(one.reading, reading));
    if (known) return lookBack(known, lookbackTicks);
    const carried = extreme === 'none' ? undefined : declare(reading, 'none', 0);
    const cursor = {
      series: nothing,
      next: 0,
      lastMs: Number.NEGATIVE_INFINITY,
      lastValue: Number.NaN,
    };
    const source: Source = { ...newColumn(), reading, extreme, carried, ...cursor };
    // The column that an extreme carries has been declared meanwhile.
    sourcesOf.set(reading.point, [...(sourcesOf.get(reading.point) ?? []), source]);
    sources.push(source);
    columns.push(source);
    return lookBack(source, lookbackTicks);
  }

  function declareComputed(text: string, inputs: string, computation: Computation): TickColumn {
    // Texts are long and shared, inputs short: a key made of both would have to be hashed afresh for every asset.
    const ofText = computedOf.get(text) ?? new Map<string, TickColumn>();
    computedOf.set(text, ofText);
    const known = ofText.get(inputs);
    if (known) return known;
    const column = { ...newColumn(), ...computation };
    ofText.set(inputs, column);
    computed.push(column);
    columns.push(column);
    return column;
  }

  function lookBack<Column extends TickColumn>(column: Column, ticks: number): Column {
    lookbackMost = Math.max(lookbackMost, ticks);
    if (isLong(ticks)) column.isBlocked = true;
    return column;
  }

  function createRing(lookbackTicks: number): TickColumn {
    const column = newColumn();
    columns.push(column);
    return lookBack(column, lookbackTicks);
  }

  function newColumn(): TickColumn {
    return { id: columns.length, memory: none, start: 0, length: 0, isBlocked: false };
  }

  function declareWindow(column: TickColumn, window: Window, minCover: number): Windowed {
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
  }

  function allocate(): void {
    const size = ringSize(lookbackMost, blockTicks);
    length = size.length;
    for (const column of columns) {
      column.length = length;
      column.memory = new Float64Array(column.isBlocked ? size.size : length).fill(Number.NaN);
    }
  }

  function take(series: readonly (PointColumn | undefined)[]): void {
    for (const source of sources) turnTo(source, series[source.reading.point] ?? nothing);
  }

  function fill(first: number, last: number): void {
    for (const source of sources) {
      if (source.extreme === 'none') fillValues(source, everyMs, first, last);
      else fillExtremes(source, everyMs, first, last);
    }
    for (const column of computed) fillComputed(column, first, last);
    for (const column of [...sources, ...computed]) if (column.isBlocked) noteBlocks(column, first, last);
    for (const windowed of windows) fillWindow(windowed, first, last);
  }
}

const none = new Float64Array(0);
const nothing: PointColumn = { times: none, values: none };

function isSame(one: PointReading, other: PointReading): boolean {
  return (
    one.scale === other.scale &&
    one.offset === other.offset &&
    one.steps === other.steps &&
    one.least === other.least &&
    one.greatest === other.greatest &&
    one.staleAfterMs === other.staleAfterMs
  );
}

/** The next slice of the readings of a point; what the one before it had after its last tick goes first. */
function turnTo(source: Source, slice: PointColumn): void {
  const { series, next } = source;
  source.series = next < series.times.length ? join(series, next, slice) : slice;
  source.next = 0;
}

function join(before: PointColumn, from: number, after: PointColumn): PointColumn {
  const concat = (one: Float64Array, other: Float64Array) => {
    const joined = new Float64Array(one.length - from + other.length);
    joined.set(one.subarray(from));
    joined.set(other, one.length - from);
    return joined;
  };
  return { times: concat(before.times, after.times), values: concat(before.values, after.values) };
}

function fillValues(source: Source, everyMs: number, first: number, last: number): void {
  const { memory, length } = source;
  const { scale, offset, steps, least, greatest, staleAfterMs } = source.reading;
  const { times, values } = source.series;
  let { next, lastMs, lastValue } = source;
  let place = ringIndex(first, length);
  for (let tick = first; tick <= last; tick++) {
    const tMs = tick * everyMs;
    if (next < times.length && (times[next] as number) <= tMs) {
      do next++;
      while (next < times.length && (times[next] as number) <= tMs);
      lastMs = times[next - 1] as number;
      lastValue = convert(finite(values[next - 1] as number), scale, offset, steps);
      if (!(lastValue >= least && lastValue <= greatest)) lastValue = Number.NaN;
    }
    memory[place] = tMs - lastMs <= staleAfterMs ? lastValue : Number.NaN;
    if (++place === length) place = 0;
  }
  Object.assign(source, { next, lastMs, lastValue });
}

function fillExtremes(source: Source, everyMs: number, first: number, last: number): void {
  const { memory, length, carried } = source;
  const { scale, offset, steps, least, greatest } = source.reading;
  const { times, values } = source.series;
  const sign = source.extreme === 'least' ? -1 : 1;
  let { next } = source;
  let place = ringIndex(first, length);
  for (let tick = first; tick <= last; tick++) {
    const tMs = tick * everyMs;
    let most = Number.NaN;
    for (; next < times.length && (times[next] as number) <= tMs; next++) {
      const value = convert(finite(values[next] as number), scale, offset, steps);
      if ((times[next] as number) <= tMs - everyMs || !(value >= least && value <= greatest)) continue;
      if (!(sign * value <= sign * most)) most = value;
    }
    memory[place] = Number.isNaN(most) ? (carried?.memory[place] as number) : most;
    if (++place === length) place = 0;
  }
  source.next = next;
}

function fillComputed(
  { memory, length, compute, values, params, inputs }: TickColumn & Computation,
  first: number,
  last: number,
): void {
  let place = ringIndex(first, length);
  for (let tick = first; tick <= last; tick++) {
    for (let i = 0; i < inputs.length; i++) {
      const { slot, column } = inputs[i] as Computation['inputs'][number];
      values[slot] = column.memory[place] as number;
    }
    memory[place] = compute(values, params, none);
    if (++place === length) place = 0;
  }
}

function finite(value: number): number {
  // Infinity - Infinity is NaN.
  return value - value === 0 ? value : Number.NaN;
}

function noteBlocks(column: TickColumn, first: number, last: number): void {
  for (let tick = first; tick <= last; tick++) noteBlock(column, ringIndex(tick, column.length));
}

function fillWindow({ results, column, window, minCover }: Windowed, first: number, last: number): void {
  const { name, ticks, hours } = window;
  let place = ringIndex(first, column.length);
  for (let tick = first; tick <= last; tick++) {
    results[tick - first] = readWindow(name, column, place, ticks, hours, minCover);
    if (++place === column.length) place = 0;
  }
}
