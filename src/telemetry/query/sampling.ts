/**
 * Fewer points that look the same when they are drawn. Both keep what a mean would hide:
 *
 *   min and max   of each piece of the time, so that no spike is lost
 *   LTTB          largest triangle three buckets: of each piece the point that makes the largest triangle with the one kept before
 *                 it and with the mean of the piece after it (S. Steinarsson, Downsampling Time Series for Visual
 *                 Representation, University of Iceland, 2013, section 4.2)
 */
export const samplings = ['minmax', 'lttb'] as const;
export type Sampling = (typeof samplings)[number];

type Column = { readonly timesMs: ArrayLike<number>; readonly values: ArrayLike<number> };

/**
 * Which of the points, in the order of time and none of them NaN, to keep so that at most `pointsMax` (3 or more) are left: the first, the
 * last, and those that LTTB finds between. All of them where they are no more.
 */
export function largestTriangles({ timesMs, values }: Column, pointsMax: number): number[] {
  const count = timesMs.length;
  if (count <= pointsMax) return Array.from({ length: count }, (_, i) => i);
  const kept = [0];
  // The points between the first and the last, in pieces of as equal numbers as can be.
  const pieces = pointsMax - 2;
  const pieceAt = (piece: number) => 1 + Math.floor((piece * (count - 2)) / pieces);
  for (let piece = 0; piece < pieces; piece++) {
    const next = { from: pieceAt(piece + 1), to: piece + 1 < pieces ? pieceAt(piece + 2) : count };
    const timeMs = meanOf(timesMs, next);
    const value = meanOf(values, next);
    const before = kept.at(-1) as number;
    const beforeMs = timesMs[before] as number;
    const beforeValue = values[before] as number;
    let largest = -1;
    let found = pieceAt(piece);
    for (let i = pieceAt(piece); i < pieceAt(piece + 1); i++) {
      // Twice the area; only which is larger matters. Halves, so that no difference leaves the range of doubles.
      const rise = ((values[i] as number) / 2 - beforeValue / 2) * (timeMs - beforeMs);
      const run = (value / 2 - beforeValue / 2) * ((timesMs[i] as number) - beforeMs);
      const area = Math.abs(rise - run);
      if (area > largest) {
        largest = area;
        found = i;
      }
    }
    kept.push(found);
  }
  kept.push(count - 1);
  return kept;
}

/** By steps towards each, so that the sum of many large numbers does not leave the range of doubles. */
function meanOf(numbers: ArrayLike<number>, { from, to }: { from: number; to: number }): number {
  let mean = 0;
  for (let i = from; i < to; i++) {
    const share = 1 / (i - from + 1);
    mean = mean * (1 - share) + (numbers[i] as number) * share;
  }
  return mean;
}
