import { createExtremes, type Extremes } from './extremes.ts';

/**
 * The last reading of every point of an evaluation, and the readings that wait for their tick.
 *
 *   observe ──▶ waiting (any order) ──apply(t)──▶ times[p], values[p]   the reading with the greatest time <= t
 *                                          └────▶ extremes              least or greatest of the tick, for those who ask
 *
 * A reading that is bad or no finite number is kept as NaN: it ends the value before it. Of two readings of one point with the
 * same time the bad one wins, then the greater, so that the order of arrival never matters.
 */
export type PointMemory = Pick<Extremes, 'follow' | 'extremeAt' | 'extremeOf' | 'setExtreme'> & {
  times: Float64Array;
  values: Float64Array;
  /** When each point had its last good reading, whatever came after that. */
  goodTimes: Float64Array;
  observe(point: number, timeMs: number, value: number, quality: number): void;
  /** Applies what waits up to and including `tMs`. */
  apply(tMs: number): void;
  /** What was observed and not yet applied; a value is NaN where the reading was of no use. */
  eachWaiting(visit: (point: number, timeMs: number, value: number) => void): void;
};

/** The memory for a fixed number of points. */
export function createPointMemory(count: number): PointMemory {
  const times = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  const values = new Float64Array(count).fill(Number.NaN);
  const goodTimes = new Float64Array(count).fill(Number.NEGATIVE_INFINITY);
  const { isFollowed, note, ...extremes } = createExtremes(count);
  let waiting = createWaiting(0);
  let waitingCount = 0;
  return { times, values, goodTimes, observe, apply, eachWaiting, ...extremes };

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
      if (isFollowed[point] === 1) note(point, timeMs, value, tMs);
    }
    waitingCount = kept;
  }

  function eachWaiting(visit: (point: number, timeMs: number, value: number) => void): void {
    for (let i = 0; i < waitingCount; i++)
      visit(waiting.points[i] as number, waiting.times[i] as number, waiting.values[i] as number);
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
