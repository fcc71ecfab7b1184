import { expect, test } from 'vitest';
import { readQuality } from './quality.ts';

test.each([
  ['good', ['good', 'GOOD', 'Good', ' good ', 'ok', 'OK', 'valid', 'true', true, undefined, null]],
  ['good', [192, '192', 216, 255, 'GoodLocalOverride', 'GOOD_CLAMPED', 'Good (local override)']],
  ['uncertain', ['uncertain', 'UNCERTAIN', 64, 68, '64', 0x4092_0000, 'UncertainLastUsableValue', 'questionable']],
  ['bad', ['bad', 'BAD', 0, '0', 24, 500, 0x8005_0000, false, 'BadNotConnected', 'Bad_NoCommunication', 'stale']],
])('%s is what these mean: %j', (expected, words) => {
  expect(words.map(readQuality)).toEqual(words.map(() => expected));
});

test.each([
  'excellent',
  'goodbye',
  'GOODBYE',
  '',
  'badly',
  'x'.repeat(100_000),
  128,
  -1,
  1.5,
  70_000,
  2 ** 33,
  Number.NaN,
  {},
  [],
])('%j is no quality', (given) => {
  expect(readQuality(given)).toMatchObject({ reason: 'malformed' });
});
