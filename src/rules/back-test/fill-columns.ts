/**
 * What fills the columns of a grid (see tick-columns.ts) for the ticks of a block: the loops that a back-test spends its time in,
 * beside the conditions of its rules.
 */
import { convert } from '../../assets/units.ts';
import type { PointColumn } from '../../telemetry/point-column.ts';
import type { PointReading } from '../kernel/input-table.ts';
import { isLong, noteBlock } from '../kernel/window-blocks.ts';
import { leastUsable, meanOf, type RingPlace, readWindow, ringIndex } from '../kernel/window-memory.ts';
import type { NumberFunction } from '../language/compile-expression.ts';
import type { Window } from '../language/expression.ts';

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

/** A column of the readings of a point, and how far it has come in them. */
export type Source = TickColumn & {
  reading: PointReading;
  extreme: 'none' | 'least' | 'greatest';
  /** For extremes: what is carried through a tick without readings. */
  carried: Source | undefined;
  series: PointColumn;
  next: number;
  lastMs: number;
  lastValue: number;
};

/** A window over a column, and how much of it has to be usable. */
export type Windowed = WindowColumn & { column: TickColumn; window: Window; minCover: number };

const none = new Float64Array(0);
const nothing: PointColumn = { times: none, values: none };

/** Where a source stands before its first slice. */
export const nothingRead = {
  series: nothing,
  next: 0,
  lastMs: Number.NEGATIVE_INFINITY,
  lastValue: Number.NaN,
} as const;

/** The next slice of the readings of a point; what the one before it had after its last tick goes first. */
export function turnTo(source: Source, slice: PointColumn = nothing): void {
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

/** The value of a point at each tick from `first` through `last`: the last reading, converted; NaN when stale or out of bounds. */
export function fillValues(source: Source, everyMs: number, first: number, last: number): void {
  const { memory, length } = source;
  const { scale, offset, steps, least, greatest, staleAfterMs } = source.reading;
  const { times, values } = source.series;
  let { next, lastMs, lastValue } = source;
  const timeAt = (index: number) => (index < times.length ? (times[index] as number) : Number.POSITIVE_INFINITY);
  let nextMs = timeAt(next);
  let place = ringIndex(first, length);
  for (let tick = first; tick <= last; tick++) {
    const tMs = tick * everyMs;
    if (nextMs <= tMs) {
      do {
        lastMs = nextMs;
        nextMs = timeAt(++next);
      } while (nextMs <= tMs);
      lastValue = convert(finite(values[next - 1] as number), scale, offset, steps);
      if (!(lastValue >= least && lastValue <= greatest)) lastValue = Number.NaN;
    }
    memory[place] = tMs - lastMs <= staleAfterMs ? lastValue : Number.NaN;
    if (++place === length) place = 0;
  }
  Object.assign(source, { next, lastMs, lastValue });
}

/** The least or greatest reading within each tick, or what `carried` has in those without any; fill that one first. */
export function fillExtremes(source: Source, everyMs: number, first: number, last: number): void {
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

/** A computed value at each tick, from columns that have been filled for it. */
export function fillComputed(
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

/** Notes what the blocks amount to that end within these ticks: see window-blocks.ts. */
export function noteBlocks(column: TickColumn, first: number, last: number): void {
  for (let tick = first; tick <= last; tick++) noteBlock(column, ringIndex(tick, column.length));
}

/** The results of a window at each tick, from a column that has been filled for it. */
export function fillWindow({ results, column, window, minCover }: Windowed, first: number, last: number): void {
  const { name, ticks, hours } = window;
  const { memory, start, length } = column;
  const count = last - first + 1;
  let place = ringIndex(first, length);
  if ((name === 'avg' || name === 'duty') && !isLong(ticks)) {
    // Most windows are such means, and to choose among all kinds at each tick takes as long as they do.
    const least = leastUsable(ticks, minCover);
    for (let i = 0; i < count; i++) {
      results[i] = meanOf(memory, start, length, place, ticks, least);
      if (++place === length) place = 0;
    }
    return;
  }
  for (let i = 0; i < count; i++) {
    results[i] = readWindow(name, column, place, ticks, hours, minCover);
    if (++place === length) place = 0;
  }
}
