import type { WindowName } from '../language/vocabulary.ts';
import { foldBlocks, isLong, noteBlock } from './window-blocks.ts';

/**
 * Windows over a ring: one number per evaluated tick, NaN where unusable. Tick k has the place k % length.
 *
 *   ring of length > ticks   [ t-W | t-W+1 ... t-1 | t ]      (t-W, t] is the window; t-W is what came before it
 *
 * Sums run from the oldest to the newest value each time: a running sum would depend on where the run began. Long windows add up
 * blocks instead, which lie at the same ticks whenever the run began: see window-blocks.ts.
 */
export type RingPlace = {
  memory: Float64Array;
  start: number;
  length: number;
  /** Whether the sums of its blocks lie behind it. */
  isBlocked: boolean;
};

/** The value of a window whose newest tick has the place `newest`; NaN when less than `minCover` of it is usable, or it overflows. */
export function readWindow(
  name: WindowName,
  place: RingPlace,
  newest: number,
  ticks: number,
  hours: number,
  minCover: number,
): number {
  switch (name) {
    case 'avg':
    case 'duty':
      return mean(place, newest, ticks, minCover);
    case 'stddev':
      return deviation(place, newest, ticks, minCover);
    case 'lowest':
    case 'highest':
      return extreme(place, newest, ticks, minCover, name === 'lowest' ? -1 : 1);
    case 'held':
      return held(place, newest, ticks, minCover);
    case 'starts':
    case 'changes':
      return transitions(place, newest, ticks, minCover, name === 'starts');
    case 'reversals':
      return reversals(place, newest, ticks, minCover);
    case 'ago':
      return at(place, newest - ticks);
    case 'delta':
      return finite(at(place, newest) - at(place, newest - ticks));
    case 'rate':
      return finite((at(place, newest) - at(place, newest - ticks)) / hours);
  }
}

/**
 * The mean of `ticks` values of a ring of `length` that begins at `start`; NaN when fewer than `least` of them are usable, or it
 * overflows. Loops call it with the numbers that a window has.
 */
export function meanOf(
  memory: Float64Array,
  start: number,
  length: number,
  newest: number,
  ticks: number,
  least: number,
): number {
  let index = newest - ticks + 1;
  if (index >= 0) {
    let whole = 0;
    for (let i = start + index; i <= start + newest; i++) whole += memory[i] as number;
    whole /= ticks;
    // Neither NaN nor infinite unless one of them is, or they overflow; mostly none is.
    if (whole - whole === 0) return whole;
  } else index += length;
  let sum = 0;
  let usable = 0;
  for (let i = 0; i < ticks; i++) {
    const value = memory[start + index] as number;
    if (!Number.isNaN(value)) {
      sum += value;
      usable++;
    }
    if (++index === length) index = 0;
  }
  return usable >= least ? finite(sum / usable) : Number.NaN;
}

/** How many of so many ticks have to be usable: at least one. */
export function leastUsable(ticks: number, minCover: number): number {
  // The small allowance keeps 0.8 of 15 ticks at 12, whatever the rounding of the product.
  return Math.max(1, Math.ceil(minCover * ticks - 1e-9));
}

/** The place of a tick in a ring. */
export function ringIndex(tick: number, length: number): number {
  const rest = tick % length;
  return rest < 0 ? rest + length : rest;
}

/** Puts the value of a tick at its place, over the one that left the window. */
export function writeRing(place: RingPlace, index: number, value: number): void {
  place.memory[place.start + index] = value;
  if (place.isBlocked) noteBlock(place, index);
}

/** The value at a place, or at one before the first: the ring is closed. */
function at({ memory, start, length }: RingPlace, index: number): number {
  return memory[start + (index < 0 ? index + length : index)] as number;
}

function mean(place: RingPlace, newest: number, ticks: number, minCover: number): number {
  const least = leastUsable(ticks, minCover);
  if (!place.isBlocked || !isLong(ticks)) return meanOf(place.memory, place.start, place.length, newest, ticks, least);
  const { sum, usable } = foldBlocks(place, newest, ticks);
  return usable >= least ? finite(sum / usable) : Number.NaN;
}

function deviation(place: RingPlace, newest: number, ticks: number, minCover: number): number {
  const average = mean(place, newest, ticks, minCover);
  if (Number.isNaN(average)) return average;
  if (place.isBlocked && isLong(ticks)) {
    const { squares, usable } = foldBlocks(place, newest, ticks, average);
    return finite(Math.sqrt(squares / usable));
  }
  let sum = 0;
  let usable = 0;
  for (let i = ticks - 1; i >= 0; i--) {
    const value = at(place, newest - i);
    if (Number.isNaN(value)) continue;
    sum += (value - average) ** 2;
    usable++;
  }
  return finite(Math.sqrt(sum / usable));
}

function extreme(place: RingPlace, newest: number, ticks: number, minCover: number, sign: 1 | -1): number {
  if (place.isBlocked && isLong(ticks)) {
    const { least, greatest, usable } = foldBlocks(place, newest, ticks);
    return isCovered(usable, ticks, minCover) ? (sign < 0 ? least : greatest) : Number.NaN;
  }
  let most = Number.NEGATIVE_INFINITY;
  let usable = 0;
  for (let i = ticks - 1; i >= 0; i--) {
    const value = at(place, newest - i);
    if (Number.isNaN(value)) continue;
    usable++;
    if (sign * value > most) most = sign * value;
  }
  return isCovered(usable, ticks, minCover) ? sign * most : Number.NaN;
}

function held(place: RingPlace, newest: number, ticks: number, minCover: number): number {
  if (place.isBlocked && isLong(ticks)) {
    const { least, usable } = foldBlocks(place, newest, ticks);
    return least === 0 ? 0 : isCovered(usable, ticks, minCover) ? 1 : Number.NaN;
  }
  let usable = 0;
  for (let i = ticks - 1; i >= 0; i--) {
    const value = at(place, newest - i);
    if (value === 0) return 0;
    if (!Number.isNaN(value)) usable++;
  }
  return isCovered(usable, ticks, minCover) ? 1 : Number.NaN;
}

/** Changes between consecutive usable values, the first against the one before the window; `upOnly` counts false to true. */
function transitions(place: RingPlace, newest: number, ticks: number, minCover: number, upOnly: boolean): number {
  if (place.isBlocked && isLong(ticks)) {
    const { changes, rises, usable } = foldBlocks(place, newest, ticks);
    return isCovered(usable, ticks, minCover) ? (upOnly ? rises : changes) : Number.NaN;
  }
  let count = 0;
  let usable = 0;
  let previous = at(place, newest - ticks);
  for (let i = ticks - 1; i >= 0; i--) {
    const value = at(place, newest - i);
    if (Number.isNaN(value)) continue;
    usable++;
    if (value !== previous && !Number.isNaN(previous) && (!upOnly || value === 1)) count++;
    previous = value;
  }
  return isCovered(usable, ticks, minCover) ? count : Number.NaN;
}

/**
 * How often the usable values turned round: a turn counts when it has gone back by 1 or more from the furthest value before it,
 * so that an argument divided by a dead band ignores what stays within the band.
 */
function reversals(place: RingPlace, newest: number, ticks: number, minCover: number): number {
  let count = 0;
  let usable = 0;
  let direction = 0;
  let [least, greatest] = [Number.NaN, Number.NaN];
  for (let i = ticks - 1; i >= 0; i--) {
    const value = at(place, newest - i);
    if (Number.isNaN(value)) continue;
    if (usable++ === 0) [least, greatest] = [value, value];
    least = Math.min(least, value);
    greatest = Math.max(greatest, value);
    const turned = direction <= 0 && value - least >= 1 ? 1 : direction >= 0 && greatest - value >= 1 ? -1 : 0;
    if (turned === 0) continue;
    if (direction !== 0) count++;
    direction = turned;
    [least, greatest] = [value, value];
  }
  return isCovered(usable, ticks, minCover) ? count : Number.NaN;
}

/** What overflows is unknown, as every value is that is not finite. */
function finite(value: number): number {
  return Number.isFinite(value) ? value : Number.NaN;
}

function isCovered(usable: number, ticks: number, minCover: number): boolean {
  return usable >= leastUsable(ticks, minCover);
}
