import { convert } from '../../assets/units.ts';
import type { PointReading } from './input-table.ts';

/** The least or greatest usable reading of a point within each tick, for windows that must not miss a spike between ticks. */
export type Extremes = {
  /** Follows a point's extremes per tick of `everyMs`; gives the index under which `extremeAt` reads them. */
  follow(follower: Follower): number;
  /** 1 for each point that somebody follows: of the others nothing need be noted. */
  isFollowed: Uint8Array;
  /** Takes a reading that is applied at `tMs`; `raw` is NaN where it is of no use. */
  note(point: number, timeMs: number, raw: number, tMs: number): void;
  /** The extreme of the tick that ends at `tMs`, NaN when no usable reading fell into it. */
  extremeAt(index: number, tMs: number): number;
  /** A follower's extreme as it stands, and to go on from one. */
  extremeOf(index: number): Extreme;
  setExtreme(index: number, extreme: Extreme): void;
};

/** The extreme so far of the tick that ends at `tickMs`. */
export type Extreme = { value: number; tickMs: number };

/** One input whose least (`sign` -1) or greatest (1) usable reading per tick is wanted, converted and bounded as the input is. */
export type Follower = Omit<PointReading, 'staleAfterMs'> & { sign: 1 | -1; everyMs: number };

/** Of a fixed number of points; nobody follows any of them yet. */
export function createExtremes(pointCount: number): Extremes {
  const followers: Follower[] = [];
  const followersOf: number[][] = [];
  const isFollowed = new Uint8Array(pointCount);
  const extremes: number[] = [];
  const tickEnds: number[] = [];
  return {
    follow: (follower) => {
      const index = followers.push(follower) - 1;
      followersOf[follower.point] = [...(followersOf[follower.point] ?? []), index];
      isFollowed[follower.point] = 1;
      extremes.push(Number.NaN);
      tickEnds.push(Number.NEGATIVE_INFINITY);
      return index;
    },
    isFollowed,
    note: (point, timeMs, raw, tMs) => {
      for (const index of followersOf[point] ?? []) noteFor(index, timeMs, raw, tMs);
    },
    extremeAt: (index, tMs) => (tickEnds[index] === tMs ? (extremes[index] as number) : Number.NaN),
    extremeOf: (index) => ({ value: extremes[index] as number, tickMs: tickEnds[index] as number }),
    setExtreme: (index, { value, tickMs }) => {
      extremes[index] = value;
      tickEnds[index] = tickMs;
    },
  };

  function noteFor(index: number, timeMs: number, raw: number, tMs: number): void {
    const { sign, everyMs, scale, offset, steps, least, greatest } = followers[index] as Follower;
    const tickEndMs = Math.ceil(tMs / everyMs) * everyMs;
    const value = convert(raw, scale, offset, steps);
    if (timeMs <= tickEndMs - everyMs || !(value >= least && value <= greatest)) return;
    if (tickEnds[index] !== tickEndMs || sign * value > sign * (extremes[index] as number)) extremes[index] = value;
    tickEnds[index] = tickEndMs;
  }
}
