import { expect, test } from 'vitest';
import { findDurationMs, formatDuration } from './durations.ts';

test.each([
  ['0', 0],
  ['90s', 90_000],
  ['1h30m', 5_400_000],
  ['1.1h', 3_960_000],
  ['2.3h', 8_280_000],
  ['0.55h', 1_980_000],
  ['4.35m', 261_000],
  ['0.7d', 60_480_000],
  ['1.1d', 95_040_000],
  ['16.4m', 984_000],
  ['1.1h0.1m', 3_966_000],
  ['0.5ms', 0.5],
])('%s is %d milliseconds, to the last one', (text, wanted) => expect(findDurationMs(text)).toBe(wanted));

test.each(['', '5', '-5m', '5 m', 'm', '1e3s', '1.h', '5M', '00', '5m '])('%j is no duration', (text) =>
  expect(findDurationMs(text)).toBeUndefined(),
);

test.each([
  [3_960_000, '1h6m'],
  [8_280_000, '2h18m'],
  [90_061_001, '1d1h1m1s1ms'],
  [0, '0s'],
])('%d milliseconds are written %s', (durationMs, text) => expect(formatDuration(durationMs)).toBe(text));
