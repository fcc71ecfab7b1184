import { expect, test } from 'vitest';
import { learnInterval } from './learn-intervals.ts';

/** Instants, newest first, with these gaps between them in seconds. */
function times(gaps: readonly number[]): number[] {
  let at = 1_700_000_000_000;
  return [at, ...gaps.map((gap) => (at -= gap * 1_000))];
}
const every = (gap: number, count: number) => Array.from({ length: count }, () => gap);

test.each([
  ['too few', every(60, 19), undefined],
  ['none', [], undefined],
  ['a minute', every(60, 20), 60_000],
  ['a minute, with an outage', [...every(60, 40), 7_200], 60_000],
  ['a minute, jittering', Array.from({ length: 60 }, (_, i) => 60 + ((i * 7) % 11) - 5), 60_000],
  ['a quarter of a second', every(0.25, 60), 250],
  ['thirty milliseconds', every(0.03, 60), 30],
  ['a quarter of an hour', every(900, 30), 900_000],
  ['every tenth one missing, which shows', Array.from({ length: 60 }, (_, i) => (i % 10 === 0 ? 120 : 60)), 60_000],
  ['every fifth one missing', Array.from({ length: 60 }, (_, i) => (i % 5 === 0 ? 120 : 60)), null],
  ['changes of value alone', Array.from({ length: 60 }, (_, i) => 1.3 ** (i % 30)), null],
  ['all at one instant', every(0, 60), null],
])('%s: %j is %s ms', (_, gaps, expected) => {
  expect(learnInterval(times(gaps))).toBe(expected);
});
