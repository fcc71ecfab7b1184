import { describe, expect, test } from 'vitest';
import {
  convertColumns,
  converterOf,
  createStepFold,
  gapsBetween,
  merge,
  stepFor,
  tellReadings,
  tellSteps,
  unfoldKept,
} from './evidence-samples.ts';

const minuteMs = 60_000;
const dayMs = 86_400_000;
const startMs = Date.UTC(2026, 0, 5);

test.each([
  [100_000, 1_000, 1_000],
  [3_600_000, 61, minuteMs],
  [3_600_000, 60, 2 * minuteMs],
  [dayMs, 1_000, 2 * minuteMs],
  [365 * dayMs, 1_000, dayMs / 2],
  [3_000 * dayMs, 100, 31 * dayMs],
  [dayMs, 1, dayMs],
])('a span of %i ms in at most %i steps has steps of %i ms', (spanMs, stepsMax, expected) => {
  const stepMs = stepFor(spanMs, stepsMax);
  expect(stepMs).toBe(expected);
  if (stepsMax > 1) expect(Math.ceil(spanMs / stepMs) + 1).toBeLessThanOrEqual(stepsMax);
});

test('a step tells the mean, the least and the greatest of its good numbers, whichever way they come', () => {
  const fold = createStepFold(minuteMs);
  const timesMs = [0, 1, 2, 3, minuteMs, 2 * minuteMs].map((ms) => startMs + ms);
  fold.add({ timesMs, values: [1, 5, 900, Number.NaN, -3, 7], qualities: [0, 0, 2, 0, 0, 1] });
  fold.addSteps({ stepMs: minuteMs, startsMs: [startMs], counts: [2], means: [9], least: [8], greatest: [10] });
  const told = tellSteps('number', fold.finish());
  expect(told).toMatchObject({ step_s: 60, values: [6, -3], least: [1, -3], greatest: [10, -3] });
  expect(told.times).toEqual(['2026-01-05T00:00:00Z', '2026-01-05T00:01:00Z']);
});

test('a truth is a truth: of a step whether it was ever so', () => {
  const columns = { timesMs: [startMs, startMs + 1], values: [0, 1], qualities: [0, 0] };
  expect(tellReadings('truth', columns).values).toEqual([false, true]);
  const fold = createStepFold(minuteMs);
  fold.add(columns);
  expect(tellSteps('truth', fold.finish())).toMatchObject({ values: [true], least: null, greatest: null });
});

test('kept gaps add up to the times, and a null is no number', () => {
  const piece = { startMs, throughMs: startMs + dayMs, unit: 'degC', firstMs: startMs + 5 };
  const unfolded = unfoldKept({ ...piece, gapsMs: [0, 10, 0], values: [1, null, 3], qualities: null });
  expect(unfolded.timesMs).toEqual([startMs + 5, startMs + 15, startMs + 15]);
  expect(tellReadings('number', unfolded).values).toEqual([1, null, 3]);
});

describe('merging what is kept with what is there', () => {
  const at = (...rows: [number, number][]) => ({
    timesMs: rows.map(([ms]) => ms),
    values: rows.map(([, value]) => value),
    qualities: rows.map(() => 0),
  });
  test.each([
    ['nothing is lost', at([1, 1], [3, 3]), at([2, 2]), [1, 2, 3]],
    ['what is in both counts once', at([1, 1], [2, 2]), at([2, 2], [3, 3]), [1, 2, 3]],
    ['two alike in one place are two', at([1, 1], [1, 1]), at([2, 2]), [1, 1, 2]],
    ['another value at the same time is another reading', at([1, 1]), at([1, 4]), [1, 4]],
  ])('%s', (_, one, other, values) => expect(merge(one, other).values).toEqual(values));
});

test.each([
  [[], [[0, 10]]],
  [[[0, 4]], [[4, 10]]],
  [
    [
      [2, 4],
      [6, 20],
    ],
    [
      [0, 2],
      [4, 6],
    ],
  ],
  [[[-5, 20]], []],
])('what the spans %j leave of 0 to 10 is %j', (spans, gaps) => {
  const toReach = ([startMs, endMs]: number[]) => ({ startMs: startMs as number, endMs: endMs as number });
  expect(gapsBetween(spans.map(toReach), { startMs: 0, endMs: 10 })).toEqual(gaps.map(toReach));
});

test('very many gaps are few, and leave none out', () => {
  const spans = Array.from({ length: 50 }, (_, i) => ({ startMs: 10 * i + 5, endMs: 10 * i + 10 }));
  const gaps = gapsBetween(spans, { startMs: 0, endMs: 500 });
  expect(gaps.length).toBeLessThanOrEqual(8);
  expect(gaps.at(-1)?.endMs).toBe(500);
});

test.each([
  ['degF', 'degC', 50, 10],
  ['degC', 'degC', 50, 50],
  [null, 'degC', 50, 50],
  ['degC', null, 50, 50],
  ['Pa', 'degC', 50, Number.NaN],
  ['no such unit', 'degC', 50, Number.NaN],
])('a value in %s is told in %s: %d is %d', (from, to, value, expected) => {
  const columns = { timesMs: [0], values: [value], qualities: [0] };
  expect(convertColumns(columns, converterOf(from, to)).values).toEqual([expected]);
});
