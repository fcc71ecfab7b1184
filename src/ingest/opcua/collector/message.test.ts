import { expect, test } from 'vitest';
import { isBefore, nextSequence } from './message.ts';

test('sequence numbers begin with 1 again after the last of 32 bits', () => {
  expect(nextSequence(1)).toBe(2);
  expect(nextSequence(0xffff_ffff)).toBe(1);
});

test.each([
  [1, 2, true],
  [2, 1, false],
  [5, 5, false],
  [0xffff_ffff, 1, true],
  [1, 0xffff_ffff, false],
])('%d before %d: %s', (one, other, expected) => {
  expect(isBefore(one, other)).toBe(expected);
});
