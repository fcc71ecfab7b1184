import { expect, test } from 'vitest';
import type { Value } from './connection.ts';
import { createStill } from './still.ts';

const minute = 60_000;
const value = (itemId: number, minutes: number, number = 1): Value => ({
  itemId,
  timeMs: minutes * minute,
  value: number,
  status: 0,
});

test('a value that does not change is given again every five minutes while the server speaks', () => {
  const still = createStill();
  const first = [value(1, 0)];
  expect(still.with(first, 0)).toBe(first);
  const given = Array.from({ length: 12 }, (_, at) => still.with([], (at + 1) * minute));
  expect(given.map((values) => values.map(({ timeMs }) => timeMs / minute))).toEqual(
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12].map((at) => (at % 5 === 0 ? [at] : [])),
  );
});

test('what changes is not given again, and what came late is not taken for the last', () => {
  const still = createStill();
  still.with([value(1, 0), value(2, 0)], 0);
  still.with([value(2, 4, 7), value(2, 1, 5)], 4 * minute);
  expect(still.with([], 6 * minute)).toEqual([{ ...value(1, 6) }]);
  expect(still.with([], 10 * minute)).toEqual([{ ...value(2, 10, 7) }]);
});

test('an item that fails, or is no more, holds nothing', () => {
  const still = createStill();
  still.with([value(1, 0), value(2, 0), value(3, 0)], 0);
  still.note([
    { itemId: 1, state: 'failing' },
    { itemId: 2, state: 'monitored' },
  ]);
  still.keep(new Set([1, 2]));
  expect(still.with([], 6 * minute)).toEqual([value(2, 6)]);
});

test('a bad value is given again as bad', () => {
  const still = createStill();
  still.with([{ ...value(1, 0), status: 0x8000_0000 }], 0);
  expect(still.with([], 6 * minute)[0]?.status).toBe(0x8000_0000);
});

test('what was said before a restart is given again once the server has told all since', () => {
  const still = createStill();
  still.with([value(1, 0, 7)], Number.NEGATIVE_INFINITY);
  expect(still.with([], 6 * minute)).toEqual([value(1, 6, 7)]);
});
