import { describe, expect, test } from 'vitest';
import type { BucketWidth } from '../rollups/bucket.ts';
import {
  advance,
  bucketStart,
  countBuckets,
  nameOfWidth,
  nextBucketStart,
  parseBucket,
  retreat,
  widthForPixels,
} from './query-grid.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

describe('how a bucket is written', () => {
  test.each([
    ['raw', { kind: 'raw' }],
    ['auto', { kind: 'auto' }],
    ['1s', { kind: 'fixed', ms: 1_000 }],
    ['30s', { kind: 'fixed', ms: 30_000 }],
    ['60s', { kind: 'fixed', ms: 60_000 }],
    ['120s', { kind: 'fixed', ms: 120_000 }],
    ['7m', { kind: 'fixed', ms: 420_000 }],
    ['15m', { kind: 'fixed', ms: 900_000 }],
    ['1h', { kind: 'fixed', ms: hourMs }],
    ['24h', { kind: 'fixed', ms: dayMs }],
    ['744h', { kind: 'fixed', ms: 31 * dayMs }],
    ['PT15M', { kind: 'fixed', ms: 900_000 }],
    ['PT1H', { kind: 'fixed', ms: hourMs }],
    ['PT24H', { kind: 'fixed', ms: dayMs }],
    ['1d', { kind: 'calendar', unit: 'day' }],
    ['P1D', { kind: 'calendar', unit: 'day' }],
    ['1w', { kind: 'calendar', unit: 'week' }],
    ['P1W', { kind: 'calendar', unit: 'week' }],
    ['P7D', { kind: 'calendar', unit: 'week' }],
    ['1mo', { kind: 'calendar', unit: 'month' }],
    ['P1M', { kind: 'calendar', unit: 'month' }],
  ])('%s is understood', (text, bucket) => expect(parseBucket(text)).toEqual(bucket));

  test.each([
    ...['', ' ', '0s', '0m', '7s', '90s', '61s', '-1m', '+1m', '1.5h', '1e3s', '745h', '999999999h', '9999999999s'],
    ...['1M', '1D', '1H', '2d', '30d', '2w', '3mo', 'P2D', 'PT1.5H', 'PT', 'P', '1m ', ' 1m', '1m\n', '1 h', 'PT1h'],
    ...['__proto__', 'constructor', 'toString', 'RAW', 'null', '१m', '1ms', 'm', '15', '1h30m'],
  ])('%j is none', (text) => expect(parseBucket(text)).toBeUndefined());

  test.each(['1s', '30s', '1m', '7m', '90m', '1h', '6h', '24h', '1d', '1w', '1mo'])(
    'the name of %s is read as the same again',
    (text) => {
      const asked = parseBucket(text);
      if (asked?.kind !== 'fixed' && asked?.kind !== 'calendar') throw new Error(`${text} is no width`);
      const width: BucketWidth =
        asked.kind === 'fixed' ? { unit: 'fixed', ms: asked.ms } : { unit: asked.unit, timeZone: 'UTC' };
      expect(parseBucket(nameOfWidth(width))).toEqual(asked);
    },
  );
});

describe('where buckets begin', () => {
  test.each([
    ['fixed', 15 * 60_000, '2026-03-17T17:07:31.5Z', '2026-03-17T17:00:00Z', '2026-03-17T17:15:00Z'],
    ['fixed', 15 * 60_000, '2026-03-17T17:15:00Z', '2026-03-17T17:15:00Z', '2026-03-17T17:30:00Z'],
    ['fixed', 7 * dayMs, '2026-03-18T00:00:00Z', '2026-03-16T00:00:00Z', '2026-03-23T00:00:00Z'],
    ['fixed', 7 * 60_000, '1999-12-31T23:59:59Z', '1999-12-31T23:56:00Z', '2000-01-01T00:03:00Z'],
  ])('%s buckets of %d ms are counted from a Monday: %s lies in %s to %s', (_, ms, at, start, next) => {
    const width = { unit: 'fixed', ms } as const;
    expect(new Date(bucketStart(width, Date.parse(at)))).toEqual(new Date(start));
    expect(new Date(nextBucketStart(width, Date.parse(start)))).toEqual(new Date(next));
  });

  test.each([
    ['Europe/London', 'day', '2026-03-29T12:00:00Z', '2026-03-29T00:00:00Z', 23, 'the clocks go forward'],
    ['Europe/London', 'day', '2026-10-25T12:00:00Z', '2026-10-24T23:00:00Z', 25, 'and back'],
    ['Europe/London', 'day', '2026-07-01T22:59:59Z', '2026-06-30T23:00:00Z', 24, 'a summer day'],
    ['America/New_York', 'day', '2026-03-08T12:00:00Z', '2026-03-08T05:00:00Z', 23, 'the clocks go forward'],
    ['America/New_York', 'day', '2026-11-01T12:00:00Z', '2026-11-01T04:00:00Z', 25, 'and back'],
    ['Asia/Kolkata', 'day', '2026-03-17T18:29:59Z', '2026-03-16T18:30:00Z', 24, 'half an hour beside the hours'],
    ['Asia/Kathmandu', 'day', '2026-03-17T00:00:00Z', '2026-03-16T18:15:00Z', 24, 'three quarters beside them'],
    ['Australia/Lord_Howe', 'day', '2026-04-05T00:00:00Z', '2026-04-04T13:00:00Z', 24.5, 'half an hour back'],
    ['America/Sao_Paulo', 'day', '2018-11-04T12:00:00Z', '2018-11-04T03:00:00Z', 23, 'its midnight does not exist'],
    ['America/Havana', 'day', '2026-11-01T12:00:00Z', '2026-11-01T04:00:00Z', 25, 'its midnight comes twice'],
    ['Pacific/Apia', 'day', '2011-12-29T12:00:00Z', '2011-12-29T10:00:00Z', 24, 'the day after it does not exist'],
    [
      'Europe/London',
      'week',
      '2026-03-29T12:00:00Z',
      '2026-03-23T00:00:00Z',
      167,
      'the clocks go forward on its Sunday',
    ],
    ['Europe/London', 'week', '2026-03-23T00:00:00Z', '2026-03-23T00:00:00Z', 167, 'it begins on a Monday'],
    ['Europe/London', 'month', '2026-03-17T00:00:00Z', '2026-03-01T00:00:00Z', 743, 'March is an hour shorter'],
    ['Europe/London', 'month', '2026-10-31T23:59:59Z', '2026-09-30T23:00:00Z', 745, 'October an hour longer'],
    ['UTC', 'month', '2024-02-29T00:00:00Z', '2024-02-01T00:00:00Z', 696, 'a leap year'],
  ] as const)('%s: the %s of %s begins at %s and has %d hours, since %s', (timeZone, unit, at, start, hours, _) => {
    const width = { unit, timeZone };
    const startMs = bucketStart(width, Date.parse(at));
    expect(new Date(startMs)).toEqual(new Date(start));
    expect((nextBucketStart(width, startMs) - startMs) / hourMs).toBe(hours);
    expect(bucketStart(width, nextBucketStart(width, startMs) - 1)).toBe(startMs);
  });

  test('a day that a zone has left out has no bucket, and none is left out beside it', () => {
    const width = { unit: 'day', timeZone: 'Pacific/Apia' } as const;
    const firstMs = bucketStart(width, Date.parse('2011-12-28T12:00:00Z'));
    const days = [0, 1, 2, 3].map((count) => new Date(advance(width, firstMs, count)).toISOString());
    expect(days).toEqual([
      '2011-12-28T10:00:00.000Z',
      '2011-12-29T10:00:00.000Z',
      '2011-12-30T10:00:00.000Z',
      '2011-12-31T10:00:00.000Z',
    ]);
    expect(retreat(width, advance(width, firstMs, 3), 3)).toBe(firstMs);
  });

  test.each(['day', 'week', 'month'] as const)(
    'a %s follows the one before it, over three years of any zone, and ten of the longer ones',
    (unit) => {
      for (const timeZone of [
        'Europe/London',
        'America/Sao_Paulo',
        'Australia/Lord_Howe',
        'Pacific/Apia',
        'Asia/Gaza',
      ]) {
        const width = { unit, timeZone };
        let atMs = bucketStart(width, Date.UTC(2009, 0, 1));
        for (let i = 0; i < (unit === 'day' ? 1_100 : 130); i++) {
          const nextMs = nextBucketStart(width, atMs);
          expect([timeZone, bucketStart(width, nextMs - 1), bucketStart(width, nextMs)]).toEqual([
            timeZone,
            atMs,
            nextMs,
          ]);
          atMs = nextMs;
        }
      }
    },
  );
});

describe('how many buckets there are', () => {
  const span = { startMs: Date.parse('2026-03-17T10:07:00Z'), endMs: Date.parse('2026-03-17T11:01:00Z') };
  test('the first and the last are whole', () => {
    expect(countBuckets({ unit: 'fixed', ms: 900_000 }, span)).toBe(5);
    expect(countBuckets({ unit: 'fixed', ms: hourMs }, span)).toBe(2);
  });

  test.each([
    [hourMs, 1_000, 4_000],
    [dayMs, 1_440, 60_000],
    [dayMs, 800, 120_000],
    [7 * dayMs, 800, 900_000],
    [30 * dayMs, 800, hourMs],
    [365 * dayMs, 1_000, 12 * hourMs],
    [3_650 * dayMs, 10, 28 * dayMs],
  ])(
    '%d ms on %d pixels make no more buckets than pixels, with the narrowest width that is made of few',
    (ms, pixels, wideMs) => {
      const startMs = Date.parse('2026-01-05T00:00:00Z');
      const width = widthForPixels({ startMs, endMs: startMs + ms }, pixels);
      expect(width).toEqual({ unit: 'fixed', ms: wideMs });
      if (ms < 3_650 * dayMs) expect(countBuckets(width, { startMs, endMs: startMs + ms })).toBeLessThanOrEqual(pixels);
      expect(parseBucket(nameOfWidth(width))).toEqual({ kind: 'fixed', ms: width.ms });
    },
  );
});
