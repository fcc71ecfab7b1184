import { expect, test } from 'vitest';
import { type InsightMemory, normalMachine } from '../rules/kernel/machine.ts';
import { compareEpisodes } from './replace.ts';

const runAfterMs = 100;

/** Recorded insights and repaired episodes of one rule and asset, by the instants of their openings; (150) is a withdrawn one. */
test.each([
  ['150', '150', '', 'found again: its effects are written anew'],
  ['150', '160', 'moved 150→160', 'found some ticks later: it keeps its work order'],
  ['150', '', 'withdrawn 150', 'not found'],
  ['', '150', '', 'new: it is opened from its effects'],
  ['50', '', 'restored 50', 'stood when the run began: it is set back to then'],
  ['50 150', '150', 'restored 50', 'one from before, and one found again'],
  ['150 170', '170', 'withdrawn 150', 'the same opening is paired first'],
  ['150 170', '155 175', 'moved 150→155, moved 170→175', 'in the order of their openings'],
  ['150 170', '160', 'moved 150→160, withdrawn 170', 'two become one'],
  ['150', '155 175', 'moved 150→155', 'one becomes two'],
  ['(150)', '150', '', 'withdrawn once and found again: its effects revive it'],
  ['(150) 170', '150', 'withdrawn 170', 'none is moved onto a withdrawn one that is found again'],
  ['(150)', '160', '', 'a withdrawn one is not moved'],
])('recorded %s, repaired %s: %s (%s)', (recorded, repaired, outcome) => {
  const { restored, moved, withdrawn } = compareEpisodes(recorded.split(' ').filter(Boolean).map(insight), {
    afterMs: runAfterMs,
    machines: [{ ruleId: 'r', assetId: 'a', machine: { ...normalMachine, state: 'firing', insight: memory } }],
    episodes: repaired.split(' ').filter(Boolean).map(Number).map(episode('a')),
  });
  const told = [
    ...restored.map(({ insight }) => `restored ${insight.id}`),
    ...moved.map(({ insight, openedAt }) => `moved ${insight.id}→${openedAt}`),
    ...withdrawn.map(({ id }) => `withdrawn ${id}`),
  ];
  expect(told.join(', ')).toBe(outcome);
});

test('an insight of another rule or asset is never moved', () => {
  const run = { afterMs: runAfterMs, machines: [], episodes: [episode('b')(160)] };
  expect(compareEpisodes([insight('150')], run)).toMatchObject({ moved: [], withdrawn: [{ id: '150' }] });
});

const memory: InsightMemory = {
  startedAt: 40,
  openedAt: 50,
  endedAt: null,
  episodeStarts: [50],
  episodes: 1,
  reasserts: 0,
  flapping: false,
  stale: false,
  unknownSince: null,
  dataMissing: false,
  suppressedBy: null,
  suppressedAt: null,
  workOrder: 'none',
};

function insight(text: string) {
  const id = text.replace(/[()]/g, '');
  const openedAt = new Date(Number(id));
  return { id, ruleId: 'r', assetId: 'a', openedAt, isWithdrawn: text !== id, suppressedBy: null };
}

function episode(assetId: string) {
  return (openedAt: number) => ({ ruleId: 'r', assetId, openedAt, effects: [] });
}
