import { convert } from '../language/units.ts';

/**
 * The last reading of every point of an evaluation, and the readings that wait for their tick.
 *
 *   observe ──▶ waiting (any order) ──apply(t)──▶ times[p], values[p]   the reading with the greatest time <= t
 *                                          └────▶ extremes              least or greatest of the tick, for those who ask
 *
 * A reading that is bad or no finite number is kept as NaN: it ends the value before it. Of two readings of one point with the
 * same time the bad one wins, then the greater, so that the order of arrival never matters.
 */
export type PointMemory = {
  times: Float64Array;
  values: Float64Array;
  /** When each point had its last good reading, whatever came after that. */
  goodTimes: Float64Array;
  /** Follows a point's extremes per tick of `everyMs`; gives the index under which `extremeAt` reads them. */
  follow(follower: Follower): number;
  observe(point: number, timeMs: number, value: number, quality: number): void;
  /** Applies what waits up to and including `tMs`. */
  apply(tMs: number): void;
  /** What was observed and not yet applied; a value is NaN where the reading was of no use. */
  eachWaiting(visit: (point: number, timeMs: number, value: number) => void): void;
  /** The extreme of the tick that ends at `tMs`, NaN when no usable reading fell into it. */
  extremeAt(index: number, tMs: number): number;
  /** A follower's extreme as it stands, and to go on from one. */
  extremeOf(index: number): Extreme;
  setExtreme(index: number, extreme: Extreme): void;
};

/** The extreme so far of the tick that ends at `tickMs`. */
export type Extreme = { value: number; tickMs: number };

/** One input whose least (`sign` -1) or greatest (1) usable reading per tick is wanted, converted and bounded as the input is. */
export type Follower = {
  point: number;
  sign: 1 | -1;
  everyMs: number;
  scale: number;
  offset: number;
  steps: number;
  least: number;
  greatest: number;
};

/** The memory for a fixed number of points. */
export function createPointMemory(count: number): PointMemory {
  const times = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  const values = new Float64Array(count).fill(Number.NaN);
  const goodTimes = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  const followers: Follower[] = [];
  const followersOf: (number[] | undefined)[] = new Array(count);
  const extremes: number[] = [];
  const extremeTicks: number[] = [];
  let waiting = createWaiting(0);
  let waitingCount = 0;
  return { times, values, goodTimes, follow, observe, apply, eachWaiting, extremeAt, extremeOf, setExtreme };

  function follow(follower: Follower): number {
    const index = followers.push(follower) - 1;
    followersOf[follower.point] = [...(followersOf[follower.point] ?? []), index];
    extremes.push(Number.NaN);
    extremeTicks.push(Number.NEGATIVE_INFINITY);
    return index;
  }

  function observe(point: number, timeMs: number, value: number, quality: number): void {
    if (waitingCount === waiting.times.length) waiting = grow(waiting);
    waiting.points[waitingCount] = point;
    waiting.times[waitingCount] = timeMs;
    // Infinity - Infinity is NaN, so one subtraction tells every value that is no finite number.
    waiting.values[waitingCount] = quality === 0 && value - value === 0 ? value : Number.NaN;
    waitingCount++;
  }

  function apply(tMs: number): void {
    let kept = 0;
    for (let i = 0; i < waitingCount; i++) {
      const timeMs = waiting.times[i] as number;
      const point = waiting.points[i] as number;
      const value = waiting.values[i] as number;
      if (timeMs > tMs) {
        waiting.points[kept] = point;
        waiting.times[kept] = timeMs;
        waiting.values[kept] = value;
        kept++;
        continue;
      }
      const last = times[point] as number;
      if (timeMs > last || (timeMs === last && wins(value, values[point] as number))) {
        times[point] = timeMs;
        values[point] = value;
      }
      if (!Number.isNaN(value) && timeMs > (goodTimes[point] as number)) goodTimes[point] = timeMs;
      const interested = followersOf[point];
      if (interested !== undefined) for (const index of interested) followExtreme(index, timeMs, value, tMs);
    }
    waitingCount = kept;
  }

  function eachWaiting(visit: (point: number, timeMs: number, value: number) => void): void {
    for (let i = 0; i < waitingCount; i++)
      visit(waiting.points[i] as number, waiting.times[i] as number, waiting.values[i] as number);
  }

  function followExtreme(index: number, timeMs: number, raw: number, tMs: number): void {
    const { sign, everyMs, scale, offset, steps, least, greatest } = followers[index] as Follower;
    const tickEndMs = Math.ceil(tMs / everyMs) * everyMs;
    const value = convert(raw, scale, offset, steps);
    if (timeMs <= tickEndMs - everyMs || !(value >= least && value <= greatest)) return;
    if (extremeTicks[index] !== tickEndMs || sign * value > sign * (extremes[index] as number)) extremes[index] = value;
    extremeTicks[index] = tickEndMs;
  }

  function extremeAt(index: number, tMs: number): number {
    return extremeTicks[index] === tMs ? (extremes[index] as number) : Number.NaN;
  }

  function extremeOf(index: number): Extreme {
    return { value: extremes[index] as number, tickMs: extremeTicks[index] as number };
  }

  function setExtreme(index: number, { value, tickMs }: Extreme): void {
    extremes[index] = value;
    extremeTicks[index] = tickMs;
  }
}

type Waiting = { points: Int32Array; times: Float64Array; values: Float64Array };

function createWaiting(length: number): Waiting {
  return { points: new Int32Array(length), times: new Float64Array(length), values: new Float64Array(length) };
}

function grow(waiting: Waiting): Waiting {
  const larger = createWaiting(Math.max(1024, waiting.times.length * 2));
  larger.points.set(waiting.points);
  larger.times.set(waiting.times);
  larger.values.set(waiting.values);
  return larger;
}

function wins(value: number, other: number): boolean {
  return Number.isNaN(value) ? !Number.isNaN(other) : value > other;
}
