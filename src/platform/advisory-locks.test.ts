import { expect, test } from 'vitest';
import { advisoryLocks } from './advisory-locks.ts';

test('no two things wait for one lock', () => {
  const numbers = Object.values(advisoryLocks);
  expect(new Set(numbers).size).toBe(numbers.length);
});
