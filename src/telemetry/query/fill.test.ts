import { describe, expect, test } from 'vitest';
import { fillHeld, fillLine } from './fill.ts';

/** A bucket a second; `.` is none. */
const column = (text: string) =>
  Float64Array.from(text.split(' '), (word) => (word === '.' ? Number.NaN : Number(word)));
const shown = (numbers: Float64Array) =>
  Array.from(numbers, (value) => (Number.isNaN(value) ? '.' : String(value))).join(' ');
const countsOf = (numbers: Float64Array) => Array.from(numbers, (value) => (Number.isNaN(value) ? 0 : 1));
const timesMs = Array.from({ length: 20 }, (_, i) => i * 1_000);
const known = (timeMs: number, value: number) => ({ timeMs, value });

describe('a straight line', () => {
  test.each([
    ['. . 3 . 5 . .', 9_000, '. . 3 4 5 . .', 'between two buckets, and not beyond them'],
    ['0 . . . 4', 4_000, '0 1 2 3 4', 'over a gap as wide as it reaches'],
    ['0 . . . 4', 3_999, '0 . . . 4', 'not over a wider one'],
    ['0 . 2 . . . . 7', 2_000, '0 1 2 . . . . 7', 'over one gap and not over the other'],
    ['5 . 5 . -5', 9_000, '5 5 5 0 -5', 'level, and downwards'],
    ['1e308 . -1e308', 9_000, '1e+308 0 -1e+308', 'without leaving the range of doubles'],
    ['. . .', 9_000, '. . .', 'from nowhere to nowhere'],
    ['', 9_000, '0', 'over nothing'],
  ])('%s reaching %d ms is %s: %s', (text, reachMs, filled, _) => {
    const numbers = column(text);
    fillLine(numbers, { timesMs, counts: countsOf(numbers), reachMs, before: undefined, after: undefined });
    expect(shown(numbers)).toBe(filled);
  });

  test.each([
    ['. . 3', 3_000, known(-1_000, 0), undefined, '1 2 3', 'from the bucket before'],
    ['. . 3', 2_999, known(-1_000, 0), undefined, '. . 3', 'not from one that is too far'],
    ['0 . .', 3_000, undefined, known(3_000, 3), '0 1 2', 'to the bucket after'],
    ['. . .', 4_000, known(-1_000, 0), known(3_000, 4), '1 2 3', 'over a window without any'],
  ])('%s reaching %d ms, with %o before and %o after, is %s: %s', (text, reachMs, before, after, filled, _) => {
    const numbers = column(text);
    fillLine(numbers, { timesMs, counts: countsOf(numbers), reachMs, before, after });
    expect(shown(numbers)).toBe(filled);
  });
});

test('a straight line is not drawn over a bucket with readings that has no value of its own, nor from it or to it', () => {
  const numbers = column('0 . . . 4 . 6');
  fillLine(numbers, { timesMs, counts: [1, 0, 2, 0, 1, 0, 1], reachMs: 9_000, before: undefined, after: undefined });
  expect(shown(numbers)).toBe('0 . . . 4 5 6');
});

describe('the last reading', () => {
  const held = (...readings: [number, number, number][]) => ({
    index: readings.map(([index]) => index),
    lastMs: readings.map(([, lastMs]) => lastMs),
    last: readings.map(([, , last]) => last),
  });
  test.each([
    [
      '. 2 . .',
      held([1, 1_900, 7]),
      9_000,
      undefined,
      '. 2 7 7',
      'is what stands behind it, not what its bucket shows',
    ],
    ['. 2 . .', held([1, 1_900, 7]), 1_100, undefined, '. 2 7 7', 'reaches as far as that from its own time'],
    ['. 2 . .', held([1, 1_900, 7]), 1_099, undefined, '. 2 7 .', 'and no further'],
    ['2 . 3 .', held([0, 500, 2], [2, 2_500, Number.NaN]), 9_000, undefined, '2 2 3 .', 'ends where one is no number'],
    ['. . 3', held([2, 2_000, 3]), 9_000, known(-500, 1), '1 1 3', 'may be before the first bucket'],
    ['. . 3', held([2, 2_000, 3]), 500, known(-500, 1), '1 . 3', 'and reaches as far from there'],
    ['. . .', held(), 9_000, undefined, '. . .', 'does not exist'],
  ])('%s with %o reaching %d ms and %o before is %s: it %s', (text, readings, reachMs, before, filled, _) => {
    const numbers = column(text);
    fillHeld(numbers, { timesMs, reachMs, held: readings, before });
    expect(shown(numbers)).toBe(filled);
  });
});
