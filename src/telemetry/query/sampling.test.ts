import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { largestTriangles } from './sampling.ts';

const lineOf = (values: readonly number[]) => ({ timesMs: values.map((_, i) => i * 60_000), values });

describe('largest triangle three buckets', () => {
  test.each([10, 50, 300])('of a day with one spike the spike is among %d that are kept', (pointsMax) => {
    for (const spikeAt of [1, 2, 719, 720, 1_437, 1_438]) {
      const values = Array.from({ length: 1_440 }, (_, i) => (i === spikeAt ? 100 : 20 + Math.sin(i / 100)));
      expect([spikeAt, largestTriangles(lineOf(values), pointsMax).includes(spikeAt)]).toEqual([spikeAt, true]);
    }
  });

  test('the corners of a line of straight pieces are what is kept', () => {
    const values = [0, 0, 0, 0, 0, 10, 10, 10, 10, 10];
    expect(largestTriangles(lineOf(values), 4)).toEqual([0, 4, 5, 9]);
  });

  test('numbers at the ends of the range of doubles are told apart', () => {
    const values = Array.from({ length: 100 }, (_, i) => (i === 50 ? -1.7e308 : 1.7e308));
    expect(largestTriangles(lineOf(values), 10)).toContain(50);
  });

  test('whatever comes: no more than asked, the first and the last, each once, in their order', () => {
    const value = fc.oneof(
      fc.constantFrom(0, 1, -1, 1e308, -1e308),
      fc.double({ noNaN: true, noDefaultInfinity: true }),
    );
    fc.assert(
      fc.property(fc.array(value, { maxLength: 300 }), fc.integer({ min: 3, max: 60 }), (values, pointsMax) => {
        const kept = largestTriangles(lineOf(values), pointsMax);
        expect(kept.length).toBe(Math.min(values.length, pointsMax));
        expect(kept).toEqual([...new Set(kept)].sort((left, right) => left - right));
        if (values.length > 0) expect([kept[0], kept.at(-1)]).toEqual([0, values.length - 1]);
      }),
    );
  });
});
