import type { Pass, Rule } from '../language/rule.ts';
import type { BoundRule } from './bind.ts';
import type { Extreme } from './extremes.ts';
import type { PointMemory } from './point-memory.ts';
import { ringSize } from './window-blocks.ts';
import { type RingPlace, readWindow, ringIndex, writeRing } from './window-memory.ts';

/** The rings of a row, and the extremes of the tick under way that are going to be put into them. */
export type WindowMemory = { rings: Float64Array; extremes: (Extreme | null)[] };

/** Reads the windows of one rule on its rows, from rings that it feeds. */
export type WindowReader = {
  results: Float64Array;
  /** Feeds the rings of a pass and reads its windows; the passes of a row come in their order. */
  read(pass: Pass, row: number, tMs: number, values: Float64Array, params: Float64Array): void;
  /** The rings as they lie: where each begins in a row's memory, and the place of a tick in each. */
  rings: { memory: Float64Array; rowLength: number; starts: readonly number[]; fed: Float64Array };
  indexesAt(tMs: number): Int32Array;
  memoryOf(row: number): WindowMemory;
  setMemory(row: number, memory: WindowMemory): void;
};

/** The windows of a rule's bindings, whose rings lie one after the other, row by row. */
export function createWindowReader(rule: Rule, rows: { bound: BoundRule }[], points: PointMemory): WindowReader {
  const { rings, windows, minCover, timing } = rule;
  const results = new Float64Array(windows.length).fill(Number.NaN);
  const fed = new Float64Array(rings.length);
  const sizes = rings.map(({ ticks }) => ringSize(ticks));
  const starts: number[] = [];
  let rowLength = 0;
  for (const { size } of sizes) {
    starts.push(rowLength);
    rowLength += size;
  }
  const memory = new Float64Array(rowLength * rows.length).fill(Number.NaN);
  const followers = rows.map(({ bound }) => rings.map((ring) => followExtreme(rule, ring, bound, points)));
  const places = sizes.map(({ length, isBlocked }): RingPlace => ({ memory, start: 0, length, isBlocked }));
  // The place of a tick is the same in all rows.
  const indexes = new Int32Array(rings.length);
  let indexesMs = Number.NaN;
  const laid = { memory, rowLength, starts, fed };
  return { results, read, rings: laid, indexesAt, memoryOf, setMemory };

  function memoryOf(row: number): WindowMemory {
    const extremes = (followers[row] as number[]).map((index) => (index < 0 ? null : points.extremeOf(index)));
    return { rings: memory.slice(row * rowLength, (row + 1) * rowLength), extremes };
  }

  function setMemory(row: number, { rings: kept, extremes }: WindowMemory): void {
    memory.set(kept, row * rowLength);
    (followers[row] as number[]).forEach((index, ring) => {
      const extreme = extremes[ring];
      if (index >= 0 && extreme) points.setExtreme(index, extreme);
    });
  }

  function read(pass: Pass, row: number, tMs: number, values: Float64Array, params: Float64Array): void {
    if (rings.length === 0) return;
    indexesAt(tMs);
    pass.feed(values, params, results, fed);
    const rowStart = row * rowLength;
    for (let ring = pass.ringStart; ring < pass.ringEnd; ring++) {
      if (rings[ring]?.extreme !== 'none') {
        const follower = (followers[row] as number[])[ring] as number;
        fed[ring] = extremeOf(follower, tMs, values[slotOf(ring)] as number);
      }
      const place = places[ring] as RingPlace;
      place.start = rowStart + (starts[ring] as number);
      writeRing(place, indexes[ring] as number, fed[ring] as number);
    }
    for (let i = pass.windowStart; i < pass.windowEnd; i++) {
      const { name, ring, ticks, hours } = windows[i] as (typeof windows)[number];
      const place = places[ring] as RingPlace;
      place.start = rowStart + (starts[ring] as number);
      results[i] = readWindow(name, place, indexes[ring] as number, ticks, hours, minCover);
    }
  }

  function indexesAt(tMs: number): Int32Array {
    if (tMs === indexesMs) return indexes;
    const tick = Math.round(tMs / timing.everyMs);
    for (let ring = 0; ring < rings.length; ring++) indexes[ring] = ringIndex(tick, (places[ring] as RingPlace).length);
    indexesMs = tMs;
    return indexes;
  }

  function slotOf(ring: number): number {
    const argument = rings[ring]?.argument;
    return argument?.op === 'input' ? argument.slot : 0;
  }

  /** The extreme of the tick's readings, or the value that is carried through a tick without any. */
  function extremeOf(follower: number, tMs: number, carried: number): number {
    const value = follower < 0 ? Number.NaN : points.extremeAt(follower, tMs);
    return Number.isNaN(value) ? carried : value;
  }
}

function followExtreme(rule: Rule, ring: Rule['rings'][number], bound: BoundRule, points: PointMemory): number {
  const input = ring.extreme !== 'none' && ring.argument.op === 'input' ? bound.inputs[ring.argument.slot] : undefined;
  if (input?.from !== 'point') return -1;
  return points.follow({ ...input, sign: ring.extreme === 'least' ? -1 : 1, everyMs: rule.timing.everyMs });
}
