import { expect, test } from 'vitest';
import { createProgressBar, formatProgress } from './progress-bar.ts';

test.each([
  [{ done: 0, total: 100, rows: 0 }, 1_000, '[························]   0 %  0 rows  0 rows/s'],
  [
    { done: 50, total: 100, rows: 1_200_000 },
    38_000,
    '[############············]  50 %  1,200,000 rows  31,579 rows/s  0:38 left',
  ],
  [{ done: 1, total: 200, rows: 10 }, 60_000, '[························]   0 %  10 rows  0 rows/s  3:19:00 left'],
  [{ done: 7, total: 7, rows: 3 }, 500, '[########################] 100 %  3 rows  6 rows/s  0:00 left'],
  [{ done: 0, total: 0, rows: 0 }, 0, '[########################] 100 %  0 rows  0 rows/s  0:00 left'],
])('%j after %i ms is %s', (at, elapsedMs, expected) => {
  expect(formatProgress(at, { elapsedMs, isTerminal: true })).toBe(expected);
});

test.each([
  [
    true,
    [
      '\r[############············]  50 %  1 rows  1,000 rows/s  0:01 left',
      '\r[########################] 100 %  2 rows  1 rows/s  0:00 left    ',
      '\n',
    ],
  ],
  [false, [' 50 %  1 rows  1,000 rows/s  0:01 left\n', '100 %  2 rows  1 rows/s  0:00 left\n']],
])('in a terminal (%s) one line is written over, elsewhere lines are few', (isTTY, expected) => {
  const written: string[] = [];
  let atMs = 0;
  const bar = createProgressBar({ isTTY, write: (text) => written.push(text) }, () => atMs);
  bar.show({ done: 1, total: 2, rows: 1 });
  atMs = 50;
  bar.show({ done: 1, total: 2, rows: 1 });
  atMs = 2_000;
  bar.show({ done: 2, total: 2, rows: 2 });
  bar.end();
  expect(written).toEqual(expected);
});
