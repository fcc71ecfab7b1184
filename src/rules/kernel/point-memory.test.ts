import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPointMemory } from './point-memory.ts';

type Sample = readonly [timeMs: number, value: number, quality?: number];

describe('the value of a point at 1000', () => {
  test.each<[Sample[], number, string]>([
    [[[400, 1]], 1, 'is that of its reading'],
    [
      [
        [400, 1],
        [600, 2],
      ],
      2,
      'is that of the newest',
    ],
    [[[1000, 1]], 1, 'is that of a reading of this very instant'],
    [
      [
        [400, 1],
        [1001, 2],
      ],
      1,
      'is not that of a reading to come',
    ],
    [
      [
        [400, 1],
        [400, 2],
      ],
      2,
      'is the greater of two of one instant',
    ],
    [
      [
        [400, -1],
        [400, -2],
        [400, -3],
      ],
      -1,
      'or of three',
    ],
    [
      [
        [400, 1],
        [400, 5, 2],
      ],
      Number.NaN,
      'is unknown where one of the two is bad',
    ],
    [
      [
        [400, 1],
        [400, 5, 1],
      ],
      Number.NaN,
      'or uncertain',
    ],
    [
      [
        [400, 1],
        [600, 5, 2],
      ],
      Number.NaN,
      'is unknown after a bad reading',
    ],
    [
      [
        [400, 1],
        [600, Number.POSITIVE_INFINITY],
      ],
      Number.NaN,
      'is unknown after one without an end',
    ],
    [
      [
        [400, 1],
        [600, Number.NEGATIVE_INFINITY],
      ],
      Number.NaN,
      'in either direction',
    ],
    [
      [
        [400, 1],
        [600, Number.NaN],
      ],
      Number.NaN,
      'or one that is no number',
    ],
    [[], Number.NaN, 'is unknown without any'],
  ])('%o %s %s', (samples, wanted) => {
    expect(valueAfter(samples)).toBe(wanted);
    expect(valueAfter(samples.toReversed())).toBe(wanted);
  });

  test('does not depend on the order of arrival, on doubles, or on when the readings were applied', () => {
    const sample = fc.tuple(
      fc.constantFrom(100, 200, 300, 1000, 1001),
      fc.constantFrom(1, 2, -3, Number.NaN, Number.POSITIVE_INFINITY),
      fc.constantFrom(0, 0, 0, 1, 2),
    );
    fc.assert(
      fc.property(fc.array(sample, { maxLength: 12 }), fc.array(fc.nat(11)), fc.nat(12), (samples, again, cut) => {
        const doubled = [...samples, ...again.flatMap((index) => samples.slice(index, index + 1))];
        expect(valueAfter(doubled.toReversed(), cut)).toBe(valueAfter(samples));
      }),
    );
  });
});

describe('the extremes of a tick of 1000', () => {
  const limits = { everyMs: 1000, scale: 2, offset: 1, steps: 0, least: -20, greatest: 20 };
  test.each<[Sample[], number, number, string]>([
    [
      [
        [100, 1],
        [500, 5],
        [900, 3],
      ],
      3,
      11,
      'are those of its readings, in the unit of the input',
    ],
    [
      [
        [0, 9],
        [1, 1],
      ],
      3,
      3,
      'leave out a reading at its beginning',
    ],
    [
      [
        [500, 1],
        [1000, 5],
      ],
      3,
      11,
      'and take one at its end',
    ],
    [
      [
        [500, 1],
        [600, 10],
        [700, -11],
      ],
      3,
      3,
      'leave out what is not valid',
    ],
    [
      [
        [500, 1],
        [600, 9, 2],
      ],
      3,
      3,
      'leave out what is bad',
    ],
    [[[-500, 1]], Number.NaN, Number.NaN, 'are not those of the tick before'],
  ])('of %o are %d and %d: they %s', (samples, least, greatest) => {
    for (const order of [samples, samples.toReversed()]) {
      const memory = createPointMemory(2);
      const [low, high] = ([-1, 1] as const).map((sign) => memory.follow({ point: 1, sign, ...limits }));
      for (const [timeMs, value, quality = 0] of order) memory.observe(1, timeMs, value, quality);
      memory.apply(0);
      memory.apply(1000);
      expect([memory.extremeAt(low as number, 1000), memory.extremeAt(high as number, 1000)]).toEqual([
        least,
        greatest,
      ]);
    }
  });

  test('are forgotten with the next tick', () => {
    const memory = createPointMemory(1);
    const index = memory.follow({ point: 0, sign: 1, ...limits });
    memory.observe(0, 500, 5, 0);
    memory.observe(0, 1500, 1, 0);
    memory.apply(1000);
    expect(memory.extremeAt(index, 1000)).toBe(11);
    memory.apply(2000);
    expect(memory.extremeAt(index, 2000)).toBe(3);
    memory.apply(3000);
    expect(memory.extremeAt(index, 3000)).toBeNaN();
  });
});

test('more readings than there was room for all wait for their tick', () => {
  const memory = createPointMemory(3_000);
  for (let point = 0; point < 3_000; point++) memory.observe(point, 10 + (point % 2) * 1000, point, 0);
  memory.apply(1000);
  expect([...memory.values].filter((value) => !Number.isNaN(value)).length).toBe(1_500);
  memory.apply(2000);
  expect([...memory.values]).toEqual(Array.from({ length: 3_000 }, (_, point) => point));
});

/** The value at 1000; the first `cut` samples are applied at 300 already. */
function valueAfter(samples: Sample[], cut = 0): number {
  const memory = createPointMemory(2);
  samples.forEach(([timeMs, value, quality = 0], index) => {
    if (index === cut) memory.apply(300);
    memory.observe(1, timeMs, value, quality);
  });
  memory.apply(1000);
  return memory.values[1] as number;
}

test('knows when a point had its last good reading, in whatever order readings come', () => {
  const given = [
    { at: 1, value: 5, quality: 0 },
    { at: 3, value: 5, quality: 0 },
    { at: 4, value: 5, quality: 1 },
    { at: 5, value: 5, quality: 2 },
    { at: 6, value: Number.NaN, quality: 0 },
    { at: 20, value: 5, quality: 0 },
  ];
  for (const readings of [given, given.toReversed()]) {
    const memory = createPointMemory(2);
    for (const { at, value, quality } of readings) memory.observe(1, at, value, quality);
    memory.apply(10);
    expect([...memory.goodTimes]).toEqual([Number.NEGATIVE_INFINITY, 3]);
    memory.apply(20);
    expect(memory.goodTimes[1]).toBe(20);
  }
});
