import { expect, test } from 'vitest';
import type { PointRef } from '../../assets/point-store.ts';
import { bindSample } from './bind.ts';

const point = (states: PointRef['states']): PointRef => ({ pointId: 'p', seriesId: 1, assetId: 'a', shard: 0, states });

function shown(text: string, states: PointRef['states'] = null): string {
  const bound = bindSample(point(states), { point: 'p', timeMs: 0, value: text, quality: 'good' });
  return 'reason' in bound ? `${bound.reason}: ${bound.detail}` : `${bound.value} ${bound.quality}`;
}

test.each([
  ['21.5', '21.5 good'],
  [' -3 ', '-3 good'],
  ['1e3', '1000 good'],
  ['true', '1 good'],
  ['False', '0 good'],
  ['NaN', 'null bad'],
  ['-inf', 'null bad'],
])('of a point without states the text %j is %s', (text, expected) => {
  expect(shown(text)).toBe(expected);
});

test.each([
  ['21,5', /comma; the decimal separator is a point/],
  ['21.5 °C', /without its unit/],
  ['70%', /without its unit/],
  ['12kW', /without its unit/],
  ['', /empty/],
  ['ON', /declares no states/],
  ['0x10', /without its unit|declares no states/],
  ['2026-03-01', /declares no states/],
  ['x'.repeat(1_000_000), /^unusable_value: "x{60}…" is a text/],
])('of a point without states the text %j is refused, and the reason says why', (text, expected) => {
  expect(shown(text)).toMatch(/^unusable_value: /);
  expect(shown(text)).toMatch(expected);
});

test('of a point with states a text is one of them, and nothing else is', () => {
  const states = { ON: 1, OFF: 0, '2': 7 };
  expect(['ON', ' OFF ', '2'].map((text) => shown(text, states))).toEqual(['1 good', '0 good', '7 good']);
  for (const text of ['on', '21.5', 'true', 'constructor', '__proto__', 'toString'])
    expect(shown(text, states)).toContain("is none of the point's states: 2, ON, OFF");
});

const horizonMs = Date.UTC(2025, 9, 17);

test.each([
  [null, 0, 'taken'],
  [undefined, 0, 'taken'],
  [horizonMs, horizonMs, 'taken'],
  [
    horizonMs,
    horizonMs - 1,
    /^time_too_old: 2025-10-16T23:59:59\.999Z is before 2025-10-17T00:00:00\.000Z, .* RETAIN_RAW or a retention policy/,
  ],
] as const)('of a point whose readings before %s were dropped one of %s is %s', (droppedBeforeMs, timeMs, expected) => {
  const given = { ...point(null), ...(droppedBeforeMs !== undefined && { droppedBeforeMs }) };
  const bound = bindSample(given, { point: 'p', timeMs, value: 1, quality: 'good' });
  expect('reason' in bound ? `${bound.reason}: ${bound.detail}` : 'taken').toMatch(expected);
});
