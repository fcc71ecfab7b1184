import { expect, test } from 'vitest';
import type { Effect } from '../rules/effect.ts';
import { compareEpisodes } from './replace.ts';

const runAfterMs = 100;

/** Recorded insights and repaired episodes of one rule and asset, by the instants of their openings. */
test.each([
  ['150', '150', 'standing 150', 'found again: it is written anew'],
  ['150', '160', 'moved 150→160', 'found some ticks later: it keeps its work order'],
  ['150', '', 'withdrawn 150', 'not found'],
  ['', '150', '', 'new: it is opened from its effects'],
  ['50', '', 'standing 50', 'opened before the run: the run does not touch its opening'],
  ['50 150', '150', 'standing 50, standing 150', 'one from before and one found again'],
  ['150 170', '170', 'standing 170, withdrawn 150', 'the same opening is paired first'],
  ['150 170', '155 175', 'moved 150→155, moved 170→175', 'in the order of their openings'],
  ['150 170', '160', 'moved 150→160, withdrawn 170', 'two become one'],
  ['150', '155 175', 'moved 150→155', 'one becomes two'],
])('recorded %s, repaired %s: %s (%s)', (recorded, repaired, outcome) => {
  const { standing, moved, withdrawn } = compareEpisodes(
    numbers(recorded).map((at) => ({
      id: String(at),
      ruleId: 'r',
      assetId: 'a',
      openedAt: new Date(at),
      resolvedAt: null,
    })),
    numbers(repaired).map((openedAt) => ({ ruleId: 'r', assetId: 'a', openedAt, effects: [opened(openedAt)] })),
    runAfterMs,
  );
  const told = [
    ...standing.map(({ id }) => `standing ${id}`),
    ...moved.map(({ insight, opened: { openedAt } }) => `moved ${insight.id}→${openedAt}`),
    ...withdrawn.map(({ id }) => `withdrawn ${id}`),
  ];
  expect(told.join(', ')).toBe(outcome);
});

test('an insight of another rule or asset is never moved', () => {
  const insight = { id: '1', ruleId: 'r', assetId: 'a', openedAt: new Date(150), resolvedAt: null };
  const elsewhere = { ruleId: 'r', assetId: 'b', openedAt: 160, effects: [{ ...opened(160), assetId: 'b' }] };
  expect(compareEpisodes([insight], [elsewhere], runAfterMs)).toMatchObject({ moved: [], withdrawn: [insight] });
});

function numbers(text: string): number[] {
  return text.split(' ').filter(Boolean).map(Number);
}

function opened(openedAt: number): Extract<Effect, { kind: 'opened' }> {
  return {
    kind: 'opened',
    ruleId: 'r',
    ruleVersion: 1,
    assetId: 'a',
    at: openedAt,
    startedAt: openedAt,
    openedAt,
    suppressedBy: null,
    severity: 'warning',
    category: 'fault',
    title: '',
    message: '',
    evidence: [],
    causes: [],
    actions: [],
    costPerHour: null,
    isShadow: false,
  };
}
