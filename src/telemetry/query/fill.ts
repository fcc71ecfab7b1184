/**
 * What stands in buckets without readings. A column has a number for each bucket of a grid, NaN where there is none.
 *
 *   none     the bucket is left out
 *   null     the bucket is there, without a value
 *   last     the value of the last reading before it, as far as `reachMs` from that reading
 *   linear   the straight line between the buckets on both sides, where these begin at most `reachMs` apart
 */
export const fills = ['none', 'null', 'last', 'linear'] as const;
export type Fill = (typeof fills)[number];

/** A value outside of the grid, or of a reading in it, and when it is. */
export type KnownValue = { readonly timeMs: number; readonly value: number };

type Grid = { readonly timesMs: ArrayLike<number>; readonly reachMs: number; readonly before: KnownValue | undefined };

/** The last reading of each bucket that has some: which bucket, when, and its value; NaN where that was no number. */
export type LastReadings = {
  readonly index: ArrayLike<number>;
  readonly lastMs: ArrayLike<number>;
  readonly last: ArrayLike<number>;
};

/** Fills buckets without readings with what the last reading before them said; a last reading without a number ends it. */
export function fillHeld(
  column: Float64Array,
  { timesMs, reachMs, before, held }: Grid & { readonly held: LastReadings },
): void {
  let known = before;
  for (let i = 0, row = 0; i < column.length; i++) {
    if (held.index[row] === i) {
      known = { timeMs: at(held.lastMs, row), value: at(held.last, row) };
      row++;
    } else if (known && at(timesMs, i) - known.timeMs <= reachMs) {
      column[i] = known.value;
    }
  }
}

/**
 * Draws straight lines over the buckets without readings, also from what is before the grid and to what is after it. `counts` says of
 * each bucket how many there are; one that has some and no value of its own, such as a first reading that is no number, ends a line.
 */
export function fillLine(column: Float64Array, { timesMs, counts, reachMs, before, after }: Grid & Sides): void {
  let from = before;
  let gapAt = 0;
  const draw = (to: KnownValue, end: number) => {
    for (let i = gapAt; from && i < end && to.timeMs - from.timeMs <= reachMs; i++) {
      column[i] = between(from.value, to.value, (at(timesMs, i) - from.timeMs) / (to.timeMs - from.timeMs));
    }
  };
  for (let i = 0; i < column.length; i++) {
    if (at(counts, i) === 0) continue;
    const to = { timeMs: at(timesMs, i), value: at(column, i) };
    draw(to, i);
    from = to;
    gapAt = i + 1;
  }
  if (after) draw(after, column.length);
}

type Sides = { readonly counts: ArrayLike<number>; readonly after: KnownValue | undefined };

/** Neither a difference nor a product of numbers near the ends of the range of doubles leaves it. */
function between(from: number, to: number, share: number): number {
  return from === to ? from : from * (1 - share) + to * share;
}

function at(numbers: ArrayLike<number>, index: number): number {
  return numbers[index] as number;
}
