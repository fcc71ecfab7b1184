/**
 * From rows of roll-ups, of whatever widths, to the buckets that were asked for. Rows of one series never overlap but for their
 * qualities; between two of them, and at the edges of a bucket, the last reading of any quality holds.
 *
 *   rows      [a…b]  [c]        [d……e]     [f]
 *   bucket  │                             │
 *   held    └─before─┘b─┘└──c───┘     └─e─┘ … as long as it may be carried
 */

import { codeOf, qualities } from '../../assets/quality.ts';
import type { ReadingBefore, SeriesBuckets } from './bucket.ts';

/** Rows of one series, by columns; where a column was not asked for it is empty. A null is NaN. */
export type RolledRows = {
  /** From when on a row tells; its bucket may begin earlier. */
  readonly startsMs: Float64Array;
  readonly qualities: Float64Array;
  readonly counts: Float64Array;
  readonly nulls: Float64Array;
  readonly firstsMs: Float64Array;
  readonly lastsMs: Float64Array;
  readonly firsts: Float64Array;
  readonly lasts: Float64Array;
  readonly mins: Float64Array;
  readonly maxs: Float64Array;
  readonly sums: Float64Array;
  readonly heldS: Float64Array;
  readonly heldSums: Float64Array;
};

export type Composing = {
  readonly edgesMs: readonly number[];
  /** Stored codes of the wanted qualities. */
  readonly wanted: ReadonlySet<number>;
  readonly carryMsMax: number;
  readonly nowMs: number;
  readonly before: ReadingBefore | undefined;
};

/** The buckets of one series; those without any reading of the wanted qualities are left out. */
export function composeBuckets(rows: RolledRows, composing: Composing): SeriesBuckets {
  const { edgesMs, carryMsMax, nowMs, wanted } = composing;
  const { startsMs } = rows;
  const order = orderOf(startsMs);
  const length = startsMs.length;
  const startAt = (i: number) => startsMs[order === undefined ? i : (order[i] as number)] as number;
  const out = openBuckets(rows, Math.min(length, edgesMs.length - 1));
  const wantedCodes = qualities.map((_, code) => wanted.has(code));
  const isHeld = rows.heldSums.length > 0;
  // The value that goes on, and since when; NaN: there is none, or none that counts.
  let { sinceMs, value } = heldBefore(composing);
  let bucket = 0;
  for (let i = 0; i < length; ) {
    bucket = bucketOf(edgesMs, { timeMs: startAt(i), from: bucket });
    const endMs = edgesMs[bucket + 1] as number;
    let fromMs = Math.max(sinceMs, edgesMs[bucket] as number);
    let untilMsMax = sinceMs + carryMsMax;
    while (i < length && startAt(i) < endMs) {
      // Rows that begin together, one a quality, tell of the same time.
      const startMs = startAt(i);
      let firstMs = Number.POSITIVE_INFINITY;
      let lastMs = Number.NEGATIVE_INFINITY;
      const before = value;
      for (; i < length && startAt(i) === startMs; i++) {
        const row = order === undefined ? i : (order[i] as number);
        const isWanted = wantedCodes[rows.qualities[row] as number] === true;
        if (isWanted) out.add(row);
        if (!isHeld) continue;
        firstMs = Math.min(firstMs, rows.firstsMs[row] ?? Number.NaN);
        const rowLastMs = rows.lastsMs[row] ?? Number.NaN;
        if (!(rowLastMs > lastMs)) continue;
        lastMs = rowLastMs;
        value = isWanted ? (rows.lasts[row] ?? Number.NaN) : Number.NaN;
      }
      if (!isHeld) continue;
      out.hold(before, Math.min(firstMs, untilMsMax) - fromMs);
      sinceMs = fromMs = lastMs;
      untilMsMax = Number.POSITIVE_INFINITY;
    }
    if (isHeld) out.hold(value, Math.min(endMs, sinceMs + carryMsMax, nowMs) - sinceMs);
    out.close(bucket);
  }
  return out.buckets();
}

/** Rows in the order of time; undefined when they are in it, as they mostly are. */
function orderOf(startsMs: Float64Array): Uint32Array | undefined {
  for (let i = 1; i < startsMs.length; i++) {
    if ((startsMs[i] as number) >= (startsMs[i - 1] as number)) continue;
    return Uint32Array.from(startsMs, (_, row) => row).sort(
      (a, b) => (startsMs[a] as number) - (startsMs[b] as number),
    );
  }
  return undefined;
}

function heldBefore({ before, wanted }: Composing): { sinceMs: number; value: number } {
  if (before === undefined) return { sinceMs: Number.NEGATIVE_INFINITY, value: Number.NaN };
  const counts = wanted.has(codeOf(before.quality));
  return { sinceMs: before.timeMs, value: counts ? (before.value ?? Number.NaN) : Number.NaN };
}

function bucketOf(edgesMs: readonly number[], { timeMs, from }: { timeMs: number; from: number }): number {
  for (const near of [from, from + 1]) if (timeMs < (edgesMs[near + 1] as number)) return near;
  let low = from;
  let high = edgesMs.length - 2;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((edgesMs[middle] as number) <= timeMs) low = middle;
    else high = middle - 1;
  }
  return low;
}

/** As PostgreSQL's sums take them: see rollup-statement-store.ts. */
function bounded(value: number): number {
  return Math.max(-1e290, Math.min(1e290, value));
}

/** Columns for at most `length` buckets; what was not asked for is empty. */
function openColumns(rows: RolledRows, length: number) {
  const like = (column: Float64Array, value = 0) => new Float64Array(column.length > 0 ? length : 0).fill(value);
  return {
    count: new Float64Array(length),
    nulls: like(rows.nulls),
    first: like(rows.firsts, Number.NaN),
    last: like(rows.lasts, Number.NaN),
    firstMs: like(rows.firstsMs, Number.POSITIVE_INFINITY),
    lastMs: like(rows.lastsMs, Number.NEGATIVE_INFINITY),
    min: like(rows.mins, Number.NaN),
    max: like(rows.maxs, Number.NaN),
    sum: like(rows.sums),
    mean: like(rows.sums),
    heldS: like(rows.heldSums),
    twa: like(rows.heldSums),
  };
}

/** Buckets under construction, one at a time, at most `length` of them. */
function openBuckets(rows: RolledRows, length: number) {
  const columns = openColumns(rows, length);
  const { count, nulls, first, last, firstMs, lastMs, min, max, sum, mean, heldS, twa } = columns;
  const index = new Uint32Array(length);
  let at = 0;
  let isEmpty = true;
  const hold = (seconds: number, held: number) => {
    heldS[at] = (heldS[at] as number) + seconds;
    twa[at] = (twa[at] as number) + held;
  };
  return {
    /** A value goes on for some milliseconds; nothing when there is none, or none are left. Only where what is held was asked for. */
    hold: (value: number, ms: number) => {
      if (ms > 0 && !Number.isNaN(value)) hold(ms / 1_000, bounded(value) * (ms / 1_000));
    },
    add: (row: number) => {
      isEmpty = false;
      if (nulls.length > 0) nulls[at] = (nulls[at] as number) + (rows.nulls[row] as number);
      if (firstMs.length > 0 && (rows.firstsMs[row] as number) < (firstMs[at] as number)) {
        firstMs[at] = rows.firstsMs[row] as number;
        if (first.length > 0) first[at] = rows.firsts[row] as number;
      }
      if (lastMs.length > 0 && (rows.lastsMs[row] as number) > (lastMs[at] as number)) {
        lastMs[at] = rows.lastsMs[row] as number;
        last[at] = rows.lasts[row] as number;
      }
      const rowCount = rows.counts[row] as number;
      if (rowCount === 0) return;
      count[at] = (count[at] as number) + rowCount;
      // A comparison with NaN is false: the first number is taken.
      if (min.length > 0 && !((min[at] as number) <= (rows.mins[row] as number))) min[at] = rows.mins[row] as number;
      if (max.length > 0 && !((max[at] as number) >= (rows.maxs[row] as number))) max[at] = rows.maxs[row] as number;
      if (sum.length > 0) sum[at] = (sum[at] as number) + (rows.sums[row] as number);
      if (twa.length > 0) hold(rows.heldS[row] as number, rows.heldSums[row] as number);
    },
    /** Ends a bucket; one without readings that are wanted leaves nothing. */
    close: (bucket: number) => {
      if (isEmpty) {
        if (twa.length > 0) heldS[at] = twa[at] = 0;
        return;
      }
      index[at] = bucket;
      const numbers = count[at] as number;
      if (sum.length > 0) {
        mean[at] = (sum[at] as number) / numbers; // 0 / 0 is NaN.
        if (numbers === 0) sum[at] = Number.NaN;
      }
      if (twa.length > 0) twa[at] = (twa[at] as number) / (heldS[at] as number);
      isEmpty = true;
      at++;
    },
    buckets: (): SeriesBuckets => {
      const cut = Object.entries(columns).map(([name, column]) => [name, column.subarray(0, at)]);
      return { index: index.subarray(0, at), ...(Object.fromEntries(cut) as typeof columns) };
    },
  };
}
