/**
 * Long windows in blocks: 64 ticks each, which begin at ticks that are multiples of 64, so that a sum is made of the same parts
 * whenever a run began. A month of minutes is 700 parts instead of 44,640.
 *
 *   ... │ 64 ticks │ 64 ticks │ ...         what a block amounts to is noted when its last tick is written
 *     └──────── window ───────────┘         ticks one by one, whole blocks, ticks one by one; oldest first
 */
import type { RingPlace } from './window-memory.ts';

/** What a window or a block amounts to; `squares` is the sum of squared distances from the mean. */
export type Amounts = {
  sum: number;
  usable: number;
  squares: number;
  least: number;
  greatest: number;
  /** Changes from one usable value to the next, and those of them that end at 1. */
  changes: number;
  rises: number;
};

const blockTicks = 64;
const longTicks = 128;
/** Sum, usable, squares, least, greatest, first usable, last usable, changes, rises. */
const fields = 9;

/** Whether a window of so many ticks is read in blocks. */
export function isLong(ticks: number): boolean {
  return ticks > longTicks;
}

/** How long a ring is that looks back on so many ticks and, in blocks, keeps `spare` more; `size` is what it takes in memory. */
export function ringSize(ticks: number, spare = 0): { length: number; size: number; isBlocked: boolean } {
  if (!isLong(ticks)) return { length: ticks + 1 + spare, size: ticks + 1 + spare, isBlocked: false };
  const blocks = Math.ceil((ticks + 1 + spare) / blockTicks) + 1;
  return { length: blocks * blockTicks, size: blocks * (blockTicks + fields), isBlocked: true };
}

/** Notes what a block amounts to when `index` is its last place. */
export function noteBlock({ memory, start, length }: RingPlace, index: number): void {
  if ((index + 1) % blockTicks !== 0) return;
  const first = start + index + 1 - blockTicks;
  const amounts = nothing();
  let [one, last] = [Number.NaN, Number.NaN];
  for (let i = 0; i < blockTicks; i++) {
    const value = memory[first + i] as number;
    if (Number.isNaN(value)) continue;
    add(amounts, value, last);
    if (Number.isNaN(one)) one = value;
    last = value;
  }
  const mean = amounts.sum / amounts.usable;
  for (let i = 0; i < blockTicks; i++) {
    const value = memory[first + i] as number;
    if (!Number.isNaN(value)) amounts.squares += (value - mean) ** 2;
  }
  const { sum, usable, squares, least, greatest, changes, rises } = amounts;
  const block = start + length + ((index + 1) / blockTicks - 1) * fields;
  memory.set([sum, usable, squares, least, greatest, one, last, changes, rises], block);
}

/** What a long window amounts to. With `mean`, `squares` is the sum of squared distances from that. */
export function foldBlocks({ memory, start, length }: RingPlace, newest: number, ticks: number, mean = 0): Amounts {
  const amounts = nothing();
  let index = newest - ticks;
  if (index < 0) index += length;
  let last = memory[start + index] as number;
  for (let left = ticks; left > 0; ) {
    if (++index === length) index = 0;
    if (index % blockTicks === 0 && left >= blockTicks) {
      last = addBlock(amounts, memory, start + length + (index / blockTicks) * fields, last, mean);
      index += blockTicks - 1;
      left -= blockTicks;
      continue;
    }
    left--;
    const value = memory[start + index] as number;
    if (Number.isNaN(value)) continue;
    add(amounts, value, last);
    amounts.squares += (value - mean) ** 2;
    last = value;
  }
  return amounts;
}

function nothing(): Amounts {
  const [least, greatest] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  return { sum: 0, usable: 0, squares: 0, least, greatest, changes: 0, rises: 0 };
}

function add(amounts: Amounts, value: number, last: number): void {
  amounts.sum += value;
  amounts.usable++;
  if (value < amounts.least) amounts.least = value;
  if (value > amounts.greatest) amounts.greatest = value;
  if (value === last || Number.isNaN(last)) return;
  amounts.changes++;
  if (value === 1) amounts.rises++;
}

/** Adds a block and gives the last usable value so far. */
function addBlock(amounts: Amounts, memory: Float64Array, at: number, last: number, mean: number): number {
  const usable = memory[at + 1] as number;
  if (!(usable > 0)) return last;
  const sum = memory[at] as number;
  amounts.sum += sum;
  amounts.usable += usable;
  amounts.squares += (memory[at + 2] as number) + usable * (sum / usable - mean) ** 2;
  amounts.least = Math.min(amounts.least, memory[at + 3] as number);
  amounts.greatest = Math.max(amounts.greatest, memory[at + 4] as number);
  const first = memory[at + 5] as number;
  if (first !== last && !Number.isNaN(last)) {
    amounts.changes++;
    if (first === 1) amounts.rises++;
  }
  amounts.changes += memory[at + 7] as number;
  amounts.rises += memory[at + 8] as number;
  return memory[at + 6] as number;
}
