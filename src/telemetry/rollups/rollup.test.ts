import { describe, expect, test } from 'vitest';
import { planRead } from './bucket-plan.ts';
import { alignSpans, touchedRuns } from './rollup.ts';

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

describe('the minutes that a batch touches', () => {
  const runs = (rows: readonly (readonly [number, number])[], throughMs = Number.POSITIVE_INFINITY) =>
    touchedRuns(
      { seriesIds: rows.map(([id]) => id), timesMs: rows.map(([, minutes]) => minutes * minuteMs) },
      throughMs,
    ).map(({ seriesId, fromMinute, throughMinute }) => [seriesId, fromMinute, throughMinute]);

  test.each([
    ['one reading is one minute', [[1, 5.5]], [[1, 5, 5]]],
    [
      'hours that follow each other are one run',
      [
        [1, 0],
        [1, 60],
        [1, 120],
      ],
      [[1, 0, 120]],
    ],
    [
      'what lies further apart is told apart',
      [
        [1, 0],
        [1, 61],
      ],
      [
        [1, 0, 0],
        [1, 61, 61],
      ],
    ],
    [
      'series are told apart',
      [
        [1, 0],
        [2, 0],
      ],
      [
        [1, 0, 0],
        [2, 0, 0],
      ],
    ],
    ['before 1970 minutes count backwards', [[1, -0.5]], [[1, -1, -1]]],
  ] as const)('%s', (_sentence, rows, expected) => expect(runs(rows)).toEqual(expected));

  test('are those of readings at or before an instant', () => {
    expect(
      runs(
        [
          [1, 3],
          [1, 4],
          [2, 9],
        ],
        3 * minuteMs,
      ),
    ).toEqual([[1, 3, 3]]);
  });
});

test('spans are widened to whole buckets, cut at the end, and made one where they meet', () => {
  const spans = [
    { seriesId: 2, fromMs: 10, toMs: 20 },
    { seriesId: 1, fromMs: minuteMs + 1, toMs: minuteMs + 2 },
    { seriesId: 1, fromMs: 0, toMs: 1 },
    { seriesId: 1, fromMs: 9 * minuteMs, toMs: 12 * minuteMs },
    { seriesId: 1, fromMs: 20 * minuteMs, toMs: 21 * minuteMs },
  ];
  expect(alignSpans(spans, { widthMs: minuteMs, endMs: 10 * minuteMs })).toEqual([
    { seriesId: 1, fromMs: 0, toMs: 2 * minuteMs },
    { seriesId: 1, fromMs: 9 * minuteMs, toMs: 10 * minuteMs },
    { seriesId: 2, fromMs: 0, toMs: minuteMs },
  ]);
});

describe('what a span is read from', () => {
  const settledMs = dayMs + 10 * hourMs + 20 * minuteMs;
  const plan = (edgesMs: number[], pending: { seriesId: number; fromMs: number; toMs: number }[] = []) =>
    planRead(edgesMs, { seriesIds: [1], settledMs, pending });

  test('the widest roll-up first, then narrower ones, then readings', () => {
    const { rolled, raw, base } = plan([0, dayMs, 2 * dayMs]);
    expect(base).toBe('rollup_1d');
    expect(rolled.map(({ table, fromMs, toMs }) => [table, fromMs / minuteMs, toMs / minuteMs])).toEqual([
      ['rollup_1d', 0, 1_440],
      ['rollup_1h', 1_440, 2_040],
      ['rollup_15m', 2_040, 2_055],
      ['rollup_1m', 2_055, 2_060],
    ]);
    expect(raw).toEqual([
      { widthMs: dayMs, of: undefined, spans: [{ seriesId: 1, fromMs: settledMs, toMs: 2 * dayMs }] },
    ]);
  });

  test.each([
    [[0, 5 * minuteMs, 10 * minuteMs], 'rollup_1m'],
    [[0, 30 * minuteMs], 'rollup_15m'],
    [[0, 23 * hourMs], 'rollup_1h'],
    [[0, 30_000], 'reading'],
  ] as const)('edges %j fit %s', (edges, table) => expect(plan([...edges]).base).toBe(table));

  test('buckets of less than a minute, or with odd edges, are made of readings by what divides them all', () => {
    expect(plan([0, 1_500, 3_000]).raw).toMatchObject([{ widthMs: 1_500 }]);
    expect(plan([-20_000, 70_000]).raw).toMatchObject([{ widthMs: 10_000 }]);
  });

  test('what is pending takes the place of whole buckets of the table that would have told it', () => {
    const { raw } = plan([0, dayMs], [{ seriesId: 1, fromMs: hourMs, toMs: hourMs + minuteMs }]);
    expect(raw).toEqual([{ widthMs: dayMs, of: 0, spans: [{ seriesId: 1, fromMs: 0, toMs: dayMs }] }]);
  });
});
