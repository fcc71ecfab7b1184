import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createBans } from './bans.ts';

const limits = { timesMax: 3, windowMs: 60, banMs: 300, keysMax: 2 };

test.each([
  [[0, 10, 20], [false, false, false], 'as often as allowed'],
  [[0, 10, 20, 59], [false, false, false, true], 'once more within the window'],
  [[0, 10, 20, 60], [false, false, false, false], 'once more as the first leaves the window'],
  [[0, 1, 2, 3, 302], [false, false, false, true, true], 'until the ban ends'],
  [[0, 1, 2, 3, 303, 304, 305, 306], [false, false, false, true, false, false, false, true], 'after it, from nothing'],
])('at %j: %j, %s', (times, banned) => {
  const bans = createBans(limits);
  expect(times.map((time) => bans.note('a', time))).toEqual(banned);
});

test('what is refused during a ban does not make it longer', () => {
  const bans = createBans(limits);
  for (const time of [0, 1, 2, 3, 100, 200, 302]) bans.note('a', time);
  expect([bans.isBanned('a', 302), bans.isBanned('a', 303)]).toEqual([true, false]);
});

test('a key that was counted longest ago is forgotten beyond the limit, and no other', () => {
  const bans = createBans(limits);
  for (let time = 0; time < 4; time++) bans.note('a', time);
  for (let time = 4; time < 8; time++) bans.note('b', time);
  bans.note('c', 8);
  expect(['a', 'b'].map((key) => bans.isBanned(key, 9))).toEqual([false, true]);
});

test('one key never bans another, and a key is banned just when it was counted too often', () => {
  const at = fc.tuple(fc.constantFrom('a', 'b'), fc.constantFrom(0, 1, 19, 20, 59, 60, 61));
  fc.assert(
    fc.property(fc.array(at, { maxLength: 40 }), (steps) => {
      const bans = createBans({ ...limits, banMs: 0 });
      const counted: Record<string, number[]> = { a: [], b: [] };
      let now = 0;
      for (const [key, stepMs] of steps) {
        now += stepMs;
        const times = [...(counted[key] ?? []).filter((time) => now - time < limits.windowMs), now];
        const expected = times.length > limits.timesMax;
        counted[key] = expected ? [] : times;
        expect(bans.note(key, now)).toBe(expected);
      }
    }),
  );
});
