import { expect, test } from 'vitest';
import { createMarks } from './marks.ts';

const look = (atMs: number, xmax: number, xmin = xmax) => ({
  atMs,
  snapshot: { xmin, xmax, xips: xmin < xmax ? [xmin] : [] },
});

test('who has looked before knows since when a transaction may have written; who has not supposes ten minutes', () => {
  const marks = createMarks();
  const start = 1_000_000_000;
  // Nothing is under way: whatever is not seen begins later, give or take the second of the clock.
  expect(marks.begunAt(look(start, 100))).toBe(start - 1_000);
  expect(marks.begunAt(look(start + 5_000, 110))).toBe(start + 4_000);
  // 105 began after the first look and before the second; 99 before the first.
  expect(marks.begunAt(look(start + 10_000, 120, 105))).toBe(start - 1_000);
  expect(marks.begunAt(look(start + 15_000, 130, 99))).toBe(start + 15_000 - 600_000 - 1_000);
  // After ten minutes the oldest is forgotten, and it can be no longer than that.
  expect(marks.begunAt(look(start + 700_000, 200, 105))).toBe(start + 100_000 - 1_000);
});
