import type { BoundRule, RuleAsset } from './bind.ts';
import type { Machine } from './machine.ts';
import type { PointMemory } from './point-memory.ts';
import type { Rule } from './rule.ts';
import { isActive } from './schedule.ts';
import { readWindow, writeRing } from './window-memory.ts';

/**
 * One rule on all its assets, laid out for the tick: row i of every array belongs to `assets[i]`, so that one compiled function
 * runs over plain numbers.
 *
 *   source[i * inputs + slot]   >= 0 a point, `constant`, or `derived`
 *   rings                       one ring after the other, row by row: (ticks + 1) places each
 *   holds                       per watched value: the last known value and when; per row: when any of them changed
 *
 * All of it but the machines is memory of the inputs: a function of the readings of the last `memorySpanMs`.
 */
export type RuleGroup = {
  rule: Rule;
  assets: RuleAsset[];
  machines: (Machine | undefined)[];
  failed: boolean[];
  suppressors: Suppressor[][];
  /** Reads the inputs of a row at a tick into the scratch arrays and lets windows and hold-offs remember them. */
  read(row: number, tMs: number): void;
  isSuspended(row: number, tMs: number): boolean;
  /** The values of the row that was read last; they are overwritten by the next one. */
  scratch: { values: Float64Array; params: Float64Array; windows: Float64Array };
};

/** A machine that suppresses another one while it fires. */
export type Suppressor = { group: RuleGroup; row: number };

const constant = -1;
const derived = -2;

/** The group of a rule's bindings; `pointOffsets[i]` is where the points of row i's asset begin in the point memory. */
export function createRuleGroup(
  rule: Rule,
  rows: { asset: RuleAsset; bound: BoundRule; pointOffset: number }[],
  points: PointMemory,
): RuleGroup {
  const width = rule.inputs.length;
  const inputs = createInputTable(rows, width);
  const params = rows.map(({ bound }) => Float64Array.from(bound.params));
  const windows = createWindowReader(rule, rows, points);
  const holds = createHolds(rule, rows.length);
  const scratch: RuleGroup['scratch'] = {
    values: new Float64Array(width),
    params: new Float64Array(0),
    windows: windows.results,
  };
  const assets = rows.map(({ asset }) => asset);
  return {
    rule,
    assets,
    machines: new Array(rows.length),
    failed: new Array(rows.length),
    suppressors: [],
    read,
    isSuspended,
    scratch,
  };

  function read(row: number, tMs: number): void {
    scratch.params = params[row] as Float64Array;
    readInputs(row, tMs);
    for (const { slot, compute } of rule.derived) {
      if (inputs.source[row * width + slot] === derived)
        scratch.values[slot] = compute(scratch.values, scratch.params, scratch.windows);
    }
    windows.read(row, tMs, scratch.values, scratch.params);
    holds?.watch(row, tMs, scratch.values, scratch.params, scratch.windows);
  }

  function readInputs(row: number, tMs: number): void {
    const { source, scale, offset, least, greatest, staleAfterMs } = inputs;
    const { values } = scratch;
    for (let slot = 0, cell = row * width; slot < width; slot++, cell++) {
      const point = source[cell] as number;
      if (point < 0) {
        values[slot] = point === constant ? (offset[cell] as number) : Number.NaN;
        continue;
      }
      let value = Number.NaN;
      if (tMs - (points.times[point] as number) <= (staleAfterMs[cell] as number)) {
        value = (points.values[point] as number) * (scale[cell] as number) + (offset[cell] as number);
        if (!(value >= (least[cell] as number) && value <= (greatest[cell] as number))) value = Number.NaN;
      }
      values[slot] = value;
    }
  }

  function isSuspended(row: number, tMs: number): boolean {
    const asset = assets[row] as RuleAsset;
    if (asset.isPaused || holds?.isHeld(row, tMs)) return true;
    return rule.active !== null && !isActive(rule.active, tMs, asset.siteTimeZone);
  }
}

type InputTable = {
  source: Int32Array;
  scale: Float64Array;
  offset: Float64Array;
  least: Float64Array;
  greatest: Float64Array;
  staleAfterMs: Float64Array;
};

function createInputTable(rows: { bound: BoundRule; pointOffset: number }[], width: number): InputTable {
  const cells = rows.length * width;
  const column = () => new Float64Array(cells);
  const table: InputTable = {
    source: new Int32Array(cells).fill(constant),
    scale: column(),
    offset: column(),
    least: column(),
    greatest: column(),
    staleAfterMs: column(),
  };
  rows.forEach(({ bound, pointOffset }, row) => {
    bound.inputs.forEach((input, slot) => {
      const cell = row * width + slot;
      if (input.from === 'constant') table.offset[cell] = input.value;
      if (input.from === 'derived') table.source[cell] = derived;
      if (input.from !== 'point') return;
      table.source[cell] = pointOffset + input.point;
      table.scale[cell] = input.scale;
      table.offset[cell] = input.offset;
      table.least[cell] = input.least;
      table.greatest[cell] = input.greatest;
      table.staleAfterMs[cell] = input.staleAfterMs;
    });
  });
  return table;
}

type WindowReader = {
  results: Float64Array;
  read(row: number, tMs: number, values: Float64Array, params: Float64Array): void;
};

function createWindowReader(
  rule: Rule,
  rows: { bound: BoundRule; pointOffset: number }[],
  points: PointMemory,
): WindowReader {
  const { rings, windows, minCover, timing } = rule;
  const results = new Float64Array(windows.length).fill(Number.NaN);
  if (rings.length === 0) return { results, read: () => undefined };
  const fed = new Float64Array(rings.length);
  const starts: number[] = [];
  let rowLength = 0;
  for (const { ticks } of rings) {
    starts.push(rowLength);
    rowLength += ticks + 1;
  }
  const memory = new Float64Array(rowLength * rows.length).fill(Number.NaN);
  const followers = rows.map(({ bound, pointOffset }) =>
    rings.map((ring) => followExtreme(rule, ring, bound, pointOffset, points)),
  );
  const place = { memory, start: 0, length: 0 };
  return { results, read };

  function read(row: number, tMs: number, values: Float64Array, params: Float64Array): void {
    const tick = Math.round(tMs / timing.everyMs);
    rule.feed(values, params, results, fed);
    for (let ring = 0; ring < rings.length; ring++) {
      const follower = (followers[row] as number[])[ring] as number;
      if (rings[ring]?.extreme !== 'none') fed[ring] = extremeOf(follower, tMs, values[slotOf(ring)] as number);
      locate(row, ring);
      writeRing(place, tick, fed[ring] as number);
    }
    for (let i = 0; i < windows.length; i++) {
      const { name, ring, ticks, hours } = windows[i] as (typeof windows)[number];
      locate(row, ring);
      results[i] = readWindow(name, place, tick, ticks, hours, minCover);
    }
  }

  function locate(row: number, ring: number): void {
    place.start = row * rowLength + (starts[ring] as number);
    place.length = (rings[ring]?.ticks ?? 0) + 1;
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

function followExtreme(
  rule: Rule,
  ring: Rule['rings'][number],
  bound: BoundRule,
  pointOffset: number,
  points: PointMemory,
): number {
  const input = ring.extreme !== 'none' && ring.argument.op === 'input' ? bound.inputs[ring.argument.slot] : undefined;
  if (input?.from !== 'point') return -1;
  const { scale, offset, least, greatest } = input;
  const sign = ring.extreme === 'least' ? -1 : 1;
  return points.follow({
    point: pointOffset + input.point,
    sign,
    everyMs: rule.timing.everyMs,
    scale,
    offset,
    least,
    greatest,
  });
}

type Holds = {
  watch(row: number, tMs: number, values: Float64Array, params: Float64Array, windows: Float64Array): void;
  isHeld(row: number, tMs: number): boolean;
};

/**
 * The hold-off after a change of a watched value. The first known value counts as a change, and so does the first one after the
 * value was unknown for longer than the hold-off lasts; otherwise unknown changes nothing.
 */
function createHolds(rule: Rule, rowCount: number): Holds | null {
  if (!rule.holdOff) return null;
  const { forMs, watch: watched } = rule.holdOff;
  const known = new Float64Array(rowCount * watched.length).fill(Number.NaN);
  const knownAt = new Float64Array(rowCount * watched.length).fill(Number.NEGATIVE_INFINITY);
  const changedAt = new Float64Array(rowCount).fill(Number.NEGATIVE_INFINITY);
  return { watch, isHeld: (row, tMs) => tMs - (changedAt[row] as number) < forMs };

  function watch(row: number, tMs: number, values: Float64Array, params: Float64Array, windows: Float64Array): void {
    for (let i = 0, cell = row * watched.length; i < watched.length; i++, cell++) {
      const value = watched[i]?.(values, params, windows) ?? Number.NaN;
      if (Number.isNaN(value)) continue;
      if (value !== known[cell] || tMs - (knownAt[cell] as number) > forMs) changedAt[row] = tMs;
      known[cell] = value;
      knownAt[cell] = tMs;
    }
  }
}
