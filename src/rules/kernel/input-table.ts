import { convert } from '../../assets/units.ts';
import type { BoundRule } from './bind.ts';
import type { PointMemory } from './point-memory.ts';

/** How a rule reads a point: see `BoundInput`. */
export type PointReading = {
  point: number;
  scale: number;
  offset: number;
  steps: number;
  least: number;
  greatest: number;
  staleAfterMs: number;
};

/** Where an input comes from: a point of the memory and how its readings are taken, a derived value or a constant. */
export type InputSource =
  | { from: 'point'; reading: PointReading }
  | { from: 'derived' }
  | { from: 'constant'; value: number };

const constant = -1;
const derived = -2;

/**
 * The inputs of a rule on its rows: a cell for each slot of each row, and the few different ways in which readings are taken. A cell
 * is eight bytes, so that the inputs of ten thousand assets come from memory no slower than those of a thousand.
 */
export type InputTable = {
  width: number;
  /** A point of the memory, or `constant` or `derived`. */
  source: Int32Array;
  /** The way in which its readings are taken; that of a constant has it as the offset. */
  way: Int32Array;
  scale: Float64Array;
  offset: Float64Array;
  steps: Float64Array;
  least: Float64Array;
  greatest: Float64Array;
  staleAfterMs: Float64Array;
};

type Way = Omit<PointReading, 'point'>;

/** The table of a rule's bindings, each of `width` inputs. */
export function createInputTable(rows: { bound: BoundRule }[], width: number): InputTable {
  const source = new Int32Array(rows.length * width).fill(constant);
  const way = new Int32Array(rows.length * width);
  const ways: Way[] = [];
  const known = new Map<string, number>();
  const wayOf = (wanted: Way): number => {
    // Nearly all inputs are read in one of the first few ways, and to make a key takes longer than to compare with these.
    for (let i = 0; i < Math.min(ways.length, 8); i++) if (isSameWay(ways[i] as Way, wanted)) return i;
    const { scale, offset, steps, least, greatest, staleAfterMs } = wanted;
    const key = `${scale} ${offset} ${steps} ${least} ${greatest} ${staleAfterMs}`;
    const index = known.get(key) ?? ways.push({ scale, offset, steps, least, greatest, staleAfterMs }) - 1;
    known.set(key, index);
    return index;
  };
  rows.forEach(({ bound }, row) => {
    bound.inputs.forEach((input, slot) => {
      const cell = row * width + slot;
      if (input.from === 'constant') way[cell] = wayOf({ ...anyWay, offset: input.value });
      if (input.from === 'derived') source[cell] = derived;
      if (input.from !== 'point') return;
      source[cell] = input.point;
      way[cell] = wayOf(input);
    });
  });
  const column = (key: keyof Way) => new Float64Array(ways.map((one) => one[key]));
  const [scale, offset, least] = [column('scale'), column('offset'), column('least')];
  return {
    width,
    source,
    way,
    scale,
    offset,
    steps: column('steps'),
    least,
    greatest: column('greatest'),
    staleAfterMs: column('staleAfterMs'),
  };
}

/** Whether two points, or one for two rules, are read in the same way. */
export function isSameWay(one: Way, other: Way): boolean {
  return (
    Object.is(one.scale, other.scale) &&
    Object.is(one.offset, other.offset) &&
    one.steps === other.steps &&
    one.least === other.least &&
    one.greatest === other.greatest &&
    one.staleAfterMs === other.staleAfterMs
  );
}

const anyWay: Way = {
  scale: 1,
  offset: 0,
  steps: 0,
  least: Number.NEGATIVE_INFINITY,
  greatest: Number.POSITIVE_INFINITY,
  staleAfterMs: Number.POSITIVE_INFINITY,
};

/** Whether a derived value has to be computed into the slot. */
export function isDerived({ source, width }: InputTable, row: number, slot: number): boolean {
  return source[row * width + slot] === derived;
}

/** The values of a row's inputs at a tick: converted, NaN where stale, out of bounds, absent, or yet to be derived. */
export function readInputs(
  { width, source, way, scale, offset, steps, least, greatest, staleAfterMs }: InputTable,
  points: Pick<PointMemory, 'times' | 'values'>,
  row: number,
  tMs: number,
  values: Float64Array,
): void {
  for (let slot = 0, cell = row * width; slot < width; slot++, cell++) {
    const point = source[cell] as number;
    const how = way[cell] as number;
    if (point < 0) {
      values[slot] = point === constant ? (offset[how] as number) : Number.NaN;
      continue;
    }
    let value = Number.NaN;
    if (tMs - (points.times[point] as number) <= (staleAfterMs[how] as number)) {
      const raw = points.values[point] as number;
      value = convert(raw, scale[how] as number, offset[how] as number, steps[how] as number);
      if (!(value >= (least[how] as number) && value <= (greatest[how] as number))) value = Number.NaN;
    }
    values[slot] = value;
  }
}

/** Where one input of a row comes from. */
export function sourceOf(table: InputTable, row: number, slot: number): InputSource {
  const cell = row * table.width + slot;
  const how = table.way[cell] as number;
  const at = (column: Float64Array) => column[how] as number;
  const point = table.source[cell] as number;
  if (point === derived) return { from: 'derived' };
  if (point === constant) return { from: 'constant', value: at(table.offset) };
  const { scale, offset, steps, least, greatest, staleAfterMs } = table;
  const bounds = { least: at(least), greatest: at(greatest), staleAfterMs: at(staleAfterMs) };
  return { from: 'point', reading: { point, scale: at(scale), offset: at(offset), steps: at(steps), ...bounds } };
}
