import fc from 'fast-check';
import { expect, test } from 'vitest';
import { formatInstant } from '../../platform/instant.ts';
import { createTimeText } from './time-text.ts';

test('an instant is written as a Date writes it, whichever was written before it', () => {
  const edge = fc.constantFrom(
    0,
    1,
    -1,
    86_400_000,
    -86_400_000,
    951_782_400_000,
    Date.UTC(9999, 11, 31, 23, 59, 59, 999),
  );
  const near = fc.constantFrom(0, 0.001, 0.999, 1, 999, 1_000, 59_999, 60_000, -0.001, -1, -1_000);
  const anyTime = fc.oneof(
    fc.tuple(edge, near).map(([at, by]) => Math.min(at + by, Date.UTC(9999, 11, 31, 23, 59, 59, 999))),
    fc.integer({ min: Date.UTC(1, 0, 1), max: Date.UTC(9999, 0, 1) }),
    fc.double({ min: -1e12, max: 2e12, noNaN: true }),
  );
  fc.assert(
    fc.property(fc.array(anyTime, { minLength: 1, maxLength: 10 }), (times) => {
      const textOf = createTimeText();
      expect(times.map(textOf)).toEqual(times.map((time) => formatInstant(new Date(time))));
    }),
    { numRuns: 1_000 },
  );
});
