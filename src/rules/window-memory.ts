import type { WindowName } from './vocabulary.ts';

/**
 * Windows over a ring: one number per evaluated tick, at the place `tick index % length`, NaN where unusable.
 *
 *   ring of length ticks + 1   [ t-W | t-W+1 ... t-1 | t ]      (t-W, t] is the window; t-W is what came before it
 *
 * Sums run from the oldest to the newest value each time: a running sum would depend on where the run began.
 */
export type RingPlace = { memory: Float64Array; start: number; length: number };

/** The value of a window whose newest tick has the index `newest`; NaN when less than `minCover` of it is usable. */
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
    case 'ago':
      return at(place, newest - ticks);
    case 'delta':
      return at(place, newest) - at(place, newest - ticks);
    case 'rate':
      return (at(place, newest) - at(place, newest - ticks)) / hours;
  }
}

/** Puts the value of a tick into its place, over the one that left the window. */
export function writeRing({ memory, start, length }: RingPlace, tick: number, value: number): void {
  memory[start + modulo(tick, length)] = value;
}

function at({ memory, start, length }: RingPlace, tick: number): number {
  return memory[start + modulo(tick, length)] as number;
}

function mean(place: RingPlace, newest: number, ticks: number, minCover: number): number {
  const { memory, start, length } = place;
  let sum = 0;
  let usable = 0;
  let offset = modulo(newest - ticks + 1, length);
  for (let i = 0; i < ticks; i++) {
    const value = memory[start + offset] as number;
    if (!Number.isNaN(value)) {
      sum += value;
      usable++;
    }
    if (++offset === length) offset = 0;
  }
  return isCovered(usable, ticks, minCover) ? sum / usable : Number.NaN;
}

function deviation(place: RingPlace, newest: number, ticks: number, minCover: number): number {
  const average = mean(place, newest, ticks, minCover);
  if (Number.isNaN(average)) return average;
  let sum = 0;
  let usable = 0;
  for (let tick = newest - ticks + 1; tick <= newest; tick++) {
    const value = at(place, tick);
    if (Number.isNaN(value)) continue;
    sum += (value - average) ** 2;
    usable++;
  }
  return Math.sqrt(sum / usable);
}

function extreme(place: RingPlace, newest: number, ticks: number, minCover: number, sign: 1 | -1): number {
  let most = Number.NEGATIVE_INFINITY;
  let usable = 0;
  for (let tick = newest - ticks + 1; tick <= newest; tick++) {
    const value = at(place, tick);
    if (Number.isNaN(value)) continue;
    usable++;
    if (sign * value > most) most = sign * value;
  }
  return isCovered(usable, ticks, minCover) ? sign * most : Number.NaN;
}

function held(place: RingPlace, newest: number, ticks: number, minCover: number): number {
  let usable = 0;
  for (let tick = newest - ticks + 1; tick <= newest; tick++) {
    const value = at(place, tick);
    if (value === 0) return 0;
    if (!Number.isNaN(value)) usable++;
  }
  return isCovered(usable, ticks, minCover) ? 1 : Number.NaN;
}

/** Changes between consecutive usable values, the first against the one before the window; `upOnly` counts false to true. */
function transitions(place: RingPlace, newest: number, ticks: number, minCover: number, upOnly: boolean): number {
  let count = 0;
  let usable = 0;
  let previous = at(place, newest - ticks);
  for (let tick = newest - ticks + 1; tick <= newest; tick++) {
    const value = at(place, tick);
    if (Number.isNaN(value)) continue;
    usable++;
    if (value !== previous && !Number.isNaN(previous) && (!upOnly || value === 1)) count++;
    previous = value;
  }
  return isCovered(usable, ticks, minCover) ? count : Number.NaN;
}

function isCovered(usable: number, ticks: number, minCover: number): boolean {
  // The small allowance keeps 0.8 of 15 ticks at 12, whatever the rounding of the product.
  return usable > 0 && usable >= minCover * ticks - 1e-9;
}

function modulo(value: number, divisor: number): number {
  const rest = value % divisor;
  return rest < 0 ? rest + divisor : rest;
}
