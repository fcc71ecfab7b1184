import { type Conversion, convert } from '../../assets/units.ts';
import type { BucketValue, SeriesBuckets } from '../rollups/bucket.ts';
import { type Aggregate, type BucketForm, bucketValueOf } from './query.ts';

/** What has to be read of buckets, so that the aggregates of a query can be shown, converted and filled. */
export function valuesToRead({ aggregates, fill }: BucketForm): BucketValue[] {
  const values = new Set<BucketValue>(['count', ...aggregates.map(bucketValueOf)]);
  if (fill === 'last') values.add('last');
  return [...values];
}

/** How far what is before a bucket is looked for: nowhere, where nothing that was asked for depends on it. */
export function carryOf({ aggregates, fill, reachMs }: BucketForm): number | undefined {
  return aggregates.includes('twa') || fill === 'last' ? reachMs : 0;
}

/** The column of an aggregate, as stored: one number for each row of a series' buckets. */
export function columnOf(aggregate: Aggregate, buckets: SeriesBuckets): Float64Array {
  return buckets[bucketValueOf(aggregate)];
}

/** Turns a column into another unit in place. A sum has the unit's zero as often as it has readings. */
export function convertColumn(
  column: Float64Array,
  { aggregate, counts, conversion }: { aggregate: Aggregate; counts: Float64Array; conversion: Conversion | null },
): void {
  if (!conversion || aggregate === 'count') return;
  const { scale, offset, steps } = conversion;
  for (let i = 0; i < column.length; i++) {
    const times = aggregate === 'sum' ? (counts[i] as number) : 1;
    column[i] = convert(column[i] as number, scale, offset * times, steps);
  }
}
