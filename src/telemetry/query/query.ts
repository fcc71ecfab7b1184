/**
 * A query that has been understood: which series, over which span, as readings, as buckets or as the few readings that draw the
 * same line. Its answer is pieces of columns, series after series, each in the order of time, whatever they are written as.
 */
import assert from 'node:assert/strict';
import type { Quality } from '../../assets/quality.ts';
import type { Conversion } from '../../assets/units.ts';
import type { BucketValue, BucketWidth } from '../rollups/bucket.ts';
import type { Fill } from './fill.ts';
import type { AskedBucket } from './query-grid.ts';

/** A point as its readings are stored, and its names. */
export type Series = {
  readonly pointId: string;
  readonly seriesId: number;
  readonly siteId: string;
  readonly site: string;
  readonly asset: string;
  readonly point: string;
  readonly timeZone: string;
  readonly unit: string | null;
  /** The point that has its readings since the two were merged. */
  readonly mergedInto: string | null;
};

/** A series with the unit in which it is shown, and how its values come to it; null where they are as stored. */
export type ShownSeries = Series & { readonly conversion: Conversion | null };

/** `avg` is another name of `mean`. */
export const aggregates = ['mean', 'avg', 'twa', 'min', 'max', 'first', 'last', 'sum', 'count'] as const;
export type Aggregate = (typeof aggregates)[number];

export type BucketForm = {
  readonly kind: 'buckets';
  readonly bucket: Extract<AskedBucket, { kind: 'fixed' | 'calendar' }>;
  /** It was found from pixels, so a wider one may do. */
  readonly isAuto: boolean;
  /** The zone of the calendar; absent: of each series' site. */
  readonly timeZone: string | undefined;
  readonly aggregates: readonly Aggregate[];
  readonly fill: Fill;
  /** How far from a reading a filled value may be (absent: ten buckets, at least a day), and a held one in twa (absent: a day). */
  readonly reachMs: number | undefined;
};

export type Query<Form = RawForm | BucketForm | TriangleForm> = {
  readonly series: readonly ShownSeries[];
  readonly form: Form;
  readonly startMs: number;
  /** Exclusive. */
  readonly endMs: number;
  readonly qualities: readonly Quality[];
  readonly order: 'asc' | 'desc';
  readonly nowMs: number;
};
/** The span of readings that nobody bounds: all that are. */
export const allTime = { startMs: Date.UTC(1850, 0, 1), endMs: Date.UTC(10_000, 0, 1) } as const;

export type RawForm = { readonly kind: 'raw' };
export type TriangleForm = { readonly kind: 'triangles'; readonly pointsMax: number };

/**
 * Some rows of one series: a time and a number of each column, NaN where there is none. Times are epoch milliseconds, with
 * microseconds as the fraction where they are of readings.
 */
export type Piece = {
  /** Which of the query's series. */
  readonly of: number;
  readonly timesMs: ArrayLike<number>;
  /** In the order of `columnsOf`. */
  readonly columns: readonly ArrayLike<number>[];
  /** The stored codes, of readings. */
  readonly qualities: ArrayLike<number> | undefined;
};

/** The rows of a piece from one on and before another. */
export function slicePiece({ of, timesMs, columns, qualities }: Piece, from: number, to: number): Piece {
  const cut = (numbers: ArrayLike<number>) => Array.prototype.slice.call(numbers, from, to) as number[];
  return { of, timesMs: cut(timesMs), columns: columns.map(cut), qualities: qualities && cut(qualities) };
}

/** Where rows go on: after this time in this series, or from its first row. */
export type QueryPosition = { readonly of: number; readonly afterMs: number | null };

/** The names of a piece's columns. */
export function columnsOf({ form }: Query): readonly string[] {
  return form.kind === 'buckets' ? form.aggregates : ['value'];
}

/** What of a bucket an aggregate is. */
export function bucketValueOf(aggregate: Aggregate): BucketValue {
  return aggregate === 'avg' ? 'mean' : aggregate;
}

/** How wide the buckets of a series are: days of the zone that was asked for, or of its site. */
export function widthOf({ bucket, timeZone }: BucketForm, series: Series): BucketWidth {
  if (bucket.kind === 'fixed') return { unit: 'fixed', ms: bucket.ms };
  return { unit: bucket.unit, timeZone: timeZone ?? series.timeZone };
}

/** The series at a place of a query. */
export function seriesAt({ series }: Pick<Query, 'series'>, of: number): ShownSeries {
  const found = series[of];
  assert(found, `the query has no series ${of}`);
  return found;
}
