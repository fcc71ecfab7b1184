import { expect, test } from 'vitest';
import { type Arrival, sortArrivals, touchedAssets } from './arrival.ts';

const point = (seriesId: number, assetId = `asset-${seriesId}`) => ({
  pointId: '',
  seriesId,
  assetId,
  shard: seriesId,
  states: null,
});
const arrival = (seriesId: number, timeMs: number, value: number | null = 1): Arrival => ({
  point: point(seriesId),
  timeMs,
  value,
  quality: value === null ? 'bad' : 'good',
});

test('a batch is ordered by its key, and of rows with one key the one that came first stays', () => {
  const column = sortArrivals([
    arrival(2, 5),
    arrival(1, 9, 7),
    arrival(1, 3),
    arrival(1, 9, 8),
    arrival(1, 9, 7),
    arrival(2, 1, null),
  ]);
  expect(column.seriesIds).toEqual([1, 1, 2, 2]);
  expect(column.timesMs).toEqual([3, 9, 1, 5]);
  expect(column.values).toEqual([1, 7, Number.NaN, 1]);
  expect(column.qualities).toEqual([0, 0, 2, 0]);
  expect({ conflicts: column.conflicts, duplicates: column.duplicates }).toEqual({ conflicts: 1, duplicates: 1 });
});

test('times that the table cannot tell apart are one key', () => {
  expect(sortArrivals([arrival(1, 1.0001), arrival(1, 1.0004)]).timesMs).toEqual([1]);
  expect(sortArrivals([arrival(1, 1.001), arrival(1, 1.002)]).timesMs).toEqual([1.001, 1.002]);
});

test('an asset is touched at the least of its times that lie within the limits', () => {
  const column = sortArrivals([
    arrival(1, 100),
    arrival(1, 50),
    arrival(1, 40),
    arrival(2, 200),
    arrival(3, 101),
    arrival(4, 40),
  ]);
  expect(touchedAssets(column, { afterMs: 40, throughMs: 100 })).toEqual([
    { assetId: 'asset-1', shard: 1, timeMs: 50 },
  ]);
});
