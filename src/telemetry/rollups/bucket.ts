/**
 * Buckets: a span of time cut into equal parts, or into days, weeks or months as a clock in a zone shows them, and what the
 * readings of a series say of each.
 *
 *   readings      ──a────b──────────c──────────────d────
 *   buckets       │            │            │            │
 *   weights       └─before─┘a┘──b──┘──b───┘c┘────c─────┘…   a value holds until the next reading
 */
import type { Quality } from '../../assets/quality.ts';

/**
 * How wide a bucket is. `fixed`: milliseconds, a multiple of a minute or a divisor of it from 1 s on, counted from Monday
 * 2000-01-03 UTC. The others begin at midnight, on a Monday, on a first of the month of the zone, whose clock may make them shorter
 * or longer.
 */
export type BucketWidth =
  | { readonly unit: 'fixed'; readonly ms: number }
  | { readonly unit: 'day' | 'week' | 'month'; readonly timeZone: string };

/**
 * What can be asked of a bucket. `mean` is sum / count, `twa` the average weighted by the time that each value held. With `first` come
 * its times, with `twa` come `heldS` and the last value, with `count` come the nulls; `count` is always there.
 */
export type BucketValue = 'count' | 'first' | 'last' | 'min' | 'max' | 'sum' | 'mean' | 'twa';

export type BucketQuery = {
  readonly seriesIds: readonly number[];
  /** From the bucket that holds this instant on, in milliseconds since the epoch. */
  readonly startMs: number;
  /** Up to the bucket that ends at or after this instant: the first and the last bucket are whole ones. */
  readonly endMs: number;
  readonly width: BucketWidth;
  /** Readings of other qualities count for nothing, and end the time that the one before them held. Absent: good and uncertain. */
  readonly qualities?: readonly Quality[] | undefined;
  /** What is wanted; the columns of the rest are empty. Absent: everything. */
  readonly values?: readonly BucketValue[] | undefined;
  /** How long, at most, a value holds into its bucket's end and into the next bucket that has readings. Absent: 24 hours. */
  readonly carryMsMax?: number | undefined;
  /** A bucket's last value holds until here at most. Absent: the database's present. */
  readonly nowMs?: number | undefined;
};

/**
 * The buckets of one series that hold at least one reading of the wanted qualities, in the order of time; row i of every column is
 * one bucket. A value that there is not (all of its readings were no numbers) is NaN.
 */
export type SeriesBuckets = {
  /** Which bucket: it reaches from `edgesMs[index]` to before `edgesMs[index + 1]`. */
  readonly index: Uint32Array;
  /** Readings with a number, and those without. */
  readonly count: Float64Array;
  readonly nulls: Float64Array;
  readonly first: Float64Array;
  readonly last: Float64Array;
  /** When the first and the last reading were. */
  readonly firstMs: Float64Array;
  readonly lastMs: Float64Array;
  readonly min: Float64Array;
  readonly max: Float64Array;
  readonly sum: Float64Array;
  readonly mean: Float64Array;
  readonly twa: Float64Array;
  /** Seconds of the bucket for which the value is known; `twa` is over these. */
  readonly heldS: Float64Array;
};

/** A reading that reaches into the span from before it: of any quality, null where it is not a number. */
export type ReadingBefore = { readonly timeMs: number; readonly value: number | null; readonly quality: Quality };

export type Buckets = {
  /** The edges of all buckets, ascending; one more than there are buckets. */
  readonly edgesMs: readonly number[];
  /** Series without any reading in the span have no entry. */
  readonly series: ReadonlyMap<number, SeriesBuckets>;
  /** The newest reading of a series within `carryMsMax` before the first edge; for `twa`, and for filling. Absent where none. */
  readonly before: ReadonlyMap<number, ReadingBefore>;
};
