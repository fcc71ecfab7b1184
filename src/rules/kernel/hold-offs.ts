import type { NumberFunction } from '../language/compile-expression.ts';
import type { Rule } from '../language/rule.ts';

/** The hold-offs of a rule's rows: the memory of what is watched. */
export type Holds = {
  forMs: number;
  /** What is watched, and for each of it, row by row, the last known value and when it was known. */
  watched: readonly NumberFunction[];
  known: Float64Array;
  knownAt: Float64Array;
  /** When a watched value of a row changed last. */
  changedAt: Float64Array;
  watch(row: number, tMs: number, values: Float64Array, params: Float64Array, windows: Float64Array): void;
  isHeld(row: number, tMs: number): boolean;
};

/** Makes a row of hold-offs go on from a row of others of the same rule. */
export function copyHolds(to: Holds, row: number, from: Holds, fromRow: number): void {
  const width = to.watched.length;
  for (let i = 0; i < width; i++) {
    to.known[row * width + i] = from.known[fromRow * width + i] as number;
    to.knownAt[row * width + i] = from.knownAt[fromRow * width + i] as number;
  }
  to.changedAt[row] = from.changedAt[fromRow] as number;
}

/**
 * The hold-off after a change of a watched value. The first known value counts as a change, and so does the first one after the
 * value was unknown for longer than the hold-off lasts; otherwise unknown changes nothing.
 */
export function createHolds(rule: Rule, rowCount: number): Holds | null {
  if (!rule.holdOff) return null;
  const { forMs, watch: watched } = rule.holdOff;
  const known = new Float64Array(rowCount * watched.length).fill(Number.NaN);
  const knownAt = new Float64Array(rowCount * watched.length).fill(Number.NEGATIVE_INFINITY);
  const changedAt = new Float64Array(rowCount).fill(Number.NEGATIVE_INFINITY);
  return {
    forMs,
    watched,
    known,
    knownAt,
    changedAt,
    watch,
    isHeld: (row, tMs) => tMs - (changedAt[row] as number) < forMs,
  };

  function watch(row: number, tMs: number, values: Float64Array, params: Float64Array, windows: Float64Array): void {
    for (let i = 0, cell = row * watched.length; i < watched.length; i++, cell++) {
      const value = watched[i]?.(values, params, windows) ?? Number.NaN;
      if (Number.isNaN(value)) continue;
      if (value !== known[cell] || tMs - (knownAt[cell] as number) > forMs) changedAt[row] = tMs;
      known[cell] = value;
      knownAt[cell] = tMs;
    }
  }
}

/**
 * What `watch` does with value `i`, as source for the loops that are generated; these have its memory in places of their own, and
 * `onChange` is told of the tick and the row.
 */
export function watchSource(i: number, value: string, { known, knownAt }: { known: string; knownAt: string }): string {
  return `const y${i}=${value};if(y${i}===y${i}){if(y${i}!==${known}||t-${knownAt}>forMs)onChange(t,row);${known}=y${i};${knownAt}=t;}`;
}
