import fc from 'fast-check';
import { expect, test } from 'vitest';
import { readPlainly, type Seen } from '../../../tests/support/plain-semantics.ts';
import { assetIds, type Plant, plants, toPlant } from '../../../tests/support/random-plant.ts';
import { createEvaluation } from './evaluation.ts';
import { type InsightMemory, normalMachine } from './machine.ts';

/**
 * The kernel against its specification: random rules on random plants, and after every tick each condition, each state, each clock
 * and each insight is what a plain reading of the semantics says, which remembers nothing but the states.
 */
test('after every tick each machine is what a plain reading of the semantics says', () => {
  fc.assert(
    fc.property(plants, (random) => {
      const plant = toPlant(random);
      expect(runKernel(plant)).toEqual(readPlainly(plant));
    }),
    { numRuns: 150 },
  );
});

test('its plants meet every state, and insights that return, flap, are suppressed, go stale, miss data and ask for work orders', () => {
  const met = new Set<string>();
  for (const random of fc.sample(plants, { numRuns: 100, seed: 1 })) {
    for (const { state, insight, isSuspended } of runKernel(toPlant(random))) {
      met.add(isSuspended ? `${state} suspended` : state);
      for (const [key, value] of Object.entries(insight ?? {})) if (value && value !== 'none') met.add(key);
      if ((insight?.episodes ?? 0) > 1) met.add('returned');
    }
  }
  const states = [
    'normal',
    'pending',
    'firing',
    'clearing',
    'normal suspended',
    'firing suspended',
    'clearing suspended',
  ];
  const marks = [
    'returned',
    'reasserts',
    'flapping',
    'stale',
    'dataMissing',
    'suppressedBy',
    'suppressedAt',
    'workOrder',
  ];
  expect([...states, ...marks].filter((one) => !met.has(one))).toEqual([]);
});

function withoutShown({ shown: _, ...insight }: InsightMemory): Omit<InsightMemory, 'shown'> {
  return insight;
}

function runKernel(plant: Plant): Seen[] {
  const seen: Seen[] = [];
  const evaluation = createEvaluation(plant);
  const minuteMs = 60_000 / plant.ruleSet.timeScale;
  for (const { point, at, value, quality } of plant.readings)
    for (const index of evaluation.pointIndexes(point)) evaluation.observe(index, at, value, quality);
  for (let atMs = plant.fromMs; atMs <= plant.toMs; atMs += minuteMs) {
    evaluation.tick(atMs);
    for (const { id: rule, timing } of plant.ruleSet.rules) {
      if (atMs % timing.everyMs !== 0) continue;
      for (const assetId of assetIds) {
        const { state, clockMs, insight: whole } = evaluation.findMachine(rule, assetId) ?? normalMachine;
        // The severity and the trial that it shows are those of its overrides, and no part of the states.
        const insight = whole && withoutShown(whole);
        const inspection = evaluation.inspect(rule, assetId, atMs);
        const condition = [false, undefined, true][inspection?.condition ?? 1];
        const tick = (atMs - plant.fromMs) / minuteMs;
        const isSuspended = inspection?.isSuspended ?? false;
        seen.push({ tick, rule, asset: assetId, condition, isSuspended, state, clockMs, insight });
      }
    }
  }
  return seen;
}
