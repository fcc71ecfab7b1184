import { expect, test } from 'vitest';
import { createQuarantineLimit } from './quarantine.ts';

test('a device may fill the quarantine at a bounded rate, and takes nothing from another', () => {
  const mayKeep = createQuarantineLimit();
  const kept = (device: string, times: number, nowMs: number) =>
    Array.from({ length: times }, () => mayKeep(device, nowMs)).filter(Boolean).length;
  expect(kept('a', 1_000, 0)).toBe(200);
  expect(kept('b', 10, 0)).toBe(10);
  expect(kept('a', 1_000, 2_000)).toBe(10);
  expect(kept('a', 1_000, 3_600_000)).toBe(200);
});
