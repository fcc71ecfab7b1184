/**
 * Kleene's three truth values as small integers, ordered so that `and` is the lesser and `or` the greater:
 *
 *   false 0  <  unknown 1  <  true 2          not x = 2 - x
 *
 * In the memory of values a truth is a number: 0, 1, and NaN for unknown.
 */
export type Truth = 0 | 1 | 2;

export const isFalse = 0;
export const isUnknown = 1;
export const isTrue = 2;

/** Stands in lists of conditions for one that could not be judged, since its rule threw: more than any truth. */
export const threw = 3;

/** A truth as people read it in tables and messages. */
export function formatTruth(truth: Truth): string {
  return truth === isTrue ? 'true' : truth === isFalse ? 'false' : 'unknown';
}
