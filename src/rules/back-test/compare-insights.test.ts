import { expect, test } from 'vitest';
import type { FiredInsight } from './back-test.ts';
import { compareInsights, type RuleDifference } from './compare-insights.ts';

/** Insights of one rule and asset by their openings, as 10-15: opened at 10, cleared at 15; 10- is still open. */
test.each<[string, string, RuleDifference | undefined, string]>([
  ['10-15', '10-15', undefined, 'the same'],
  ['10-15', '', { opened: 0, gone: 1, moved: 0 }, 'not found any more'],
  ['', '10-15', { opened: 1, gone: 0, moved: 0 }, 'found now'],
  ['10-15', '11-15', { opened: 0, gone: 0, moved: 1 }, 'begins at another time'],
  ['10-15', '10-16', { opened: 0, gone: 0, moved: 1 }, 'ends at another time'],
  ['10-15', '10-', { opened: 0, gone: 0, moved: 1 }, 'does not end any more'],
  ['10-15 20-25', '10-15 21-25', { opened: 0, gone: 0, moved: 1 }, 'the same opening is paired first'],
  ['10-15 20-25', '12-15', { opened: 0, gone: 1, moved: 1 }, 'two become one'],
  ['10-15', '11-12 14-15 20-25', { opened: 2, gone: 0, moved: 1 }, 'one becomes three'],
])('%s before, %s after: %j, %s', (before, after, difference, _) => {
  expect(compareInsights(insights(before), insights(after)).get('r')).toEqual(difference);
});

test('insights of other assets are never paired, and each rule has its own sums', () => {
  const [one, other, third] = [insights('10-15'), insights('11-15', 'r', 'b'), insights('1-2', 's')];
  expect([...compareInsights(one, [...other, ...third])]).toEqual([
    ['r', { opened: 1, gone: 1, moved: 0 }],
    ['s', { opened: 1, gone: 0, moved: 0 }],
  ]);
});

function insights(text: string, rule = 'r', asset = 'a'): FiredInsight[] {
  return text
    .split(' ')
    .filter(Boolean)
    .map((span) => {
      const [openedAt, clearedAt] = span.split('-').map((part) => (part === '' ? null : Number(part)));
      const rest = { day: '', since: 0, suppressedBy: null, workOrder: false, episodes: 1, faultMs: 0, message: '' };
      return { ...rest, rule, asset, openedAt: openedAt ?? 0, clearedAt: clearedAt ?? null };
    });
}
