import { describe, expect, test } from 'vitest';
import { buildRuleSet } from '../language/load-rules.ts';
import { createEvaluation, type Quality } from './evaluation.ts';

const minuteMs = 60_000;

describe('what a rule sees of a point', () => {
  test.each([
    ['degF', 68, 20],
    ['degF', -40, -40],
    ['K', 293.15, 20],
    ['degC', 20, 20],
  ])('in %s, %d is %d in the unit of the rule', (unit, value, wanted) => {
    expect(see({ unit, samples: [[0, value]], at: 0 })).toBeCloseTo(wanted, 9);
  });

  test.each<[string, [number, number, Quality?][], number, number | null]>([
    ['the least valid value is one', [[0, -50]], 0, -50],
    ['the greatest valid value is one', [[0, 50]], 0, 50],
    ['what is less is none', [[0, -50.001]], 0, null],
    ['what is greater is none', [[0, 50.001]], 0, null],
    [
      'what is not valid ends the value before it',
      [
        [0, 20],
        [1, 51],
      ],
      60_000,
      null,
    ],
    ['a value is carried to the instant at which it becomes stale', [[0, 20]], 120_000, 20],
    ['and no further', [[-1, 20]], 120_000, null],
  ])('%s', (_, samples, at, wanted) => expect(see({ unit: 'degC', samples, at })).toBe(wanted));

  test('a derived value is that of its point where the asset has one, and is computed where it has none', () => {
    const own = { id: 'd', class: 'derived:warmth', of: null, unit: 'degC' };
    expect(see({ unit: 'degC', samples: [[0, 20]], at: 0, input: 'warmth', points: [air('degC')] })).toBe(120);
    const both = {
      samples: [[0, 20]] as [number, number][],
      at: 0,
      input: 'warmth',
      points: [air('degC'), own],
      also: 7,
    };
    expect(see({ unit: 'degC', ...both })).toBe(7);
  });
});

test.each([
  [7, true],
  [6, false],
])('a window of 25 ticks of which 28 %% must be known and %i are is known: %s', (usable, wanted) => {
  const rule = ruleText("known(avg(x, '25m'))", 'x', 'min_cover: 0.28').replace('stale_after: 2m', 'stale_after: 1s');
  const evaluation = evaluationOf([air('degC')], rule, 0);
  const kinds = Array.from({ length: 25 }, (_, minute) => {
    const atMs = startMs + minute * minuteMs;
    if (minute < usable) for (const index of evaluation.pointIndexes('x')) evaluation.observe(index, atMs, 20, 0);
    return evaluation.tick(atMs).map(({ kind }) => kind);
  });
  // Of the first ticks fewer lie in the past, but as many must be known.
  expect(kinds.flat()).toEqual(wanted ? ['opened'] : []);
});

const startMs = 1_000_000 * minuteMs;
const air = (unit: string) => ({ id: 'x', class: 'brick:Supply_Air_Temperature_Sensor', of: null, unit });

type Case = {
  unit: string;
  samples: [number, number, Quality?][];
  at: number;
  input?: string;
  points?: { id: string; class: string; of: null; unit: string | null }[];
  also?: number;
};

/**
 * The value of an input at a tick `at` milliseconds after readings of `x`; `also` is a reading of the point `d`. A rule that
 * looks for this very value has to fire at the tick: what is shown of a rule and what it decides by is the same.
 */
function see({ unit, samples, at, input = 'x', points = [air(unit)], also }: Case) {
  const isWanted = `known(${input}) ? abs(${input} - wanted) < 0.000001 : wanted == -999.0`;
  const look = (wanted: number) => {
    const evaluation = evaluationOf(points, ruleText(isWanted, input, ''), wanted);
    for (const [timeMs, value, quality = 0] of samples) {
      for (const index of evaluation.pointIndexes('x')) evaluation.observe(index, startMs + timeMs, value, quality);
    }
    if (also !== undefined)
      for (const index of evaluation.pointIndexes('d')) evaluation.observe(index, startMs, also, 0);
    const kinds = evaluation.tick(startMs + at).map(({ kind }) => kind);
    return { value: evaluation.inspect('rule', 'a', startMs + at)?.values[0]?.value, kinds };
  };
  const { value } = look(0);
  expect(look(typeof value === 'number' ? value : -999).kinds).toEqual(['opened']);
  return value;
}

function evaluationOf(points: NonNullable<Case['points']>, text: string, wanted: number) {
  const { rules, errors } = buildRuleSet([
    { file: 'rule.yaml', text },
    { file: 'warmth.yaml', text: derivedText },
  ]);
  expect(errors).toEqual([]);
  const asset = { id: 'a', name: 'a', class: 'brick:AHU', siteTimeZone: 'UTC', params: { wanted } };
  return createEvaluation({ ruleSet: rules, assets: [{ asset, points }] });
}

const ruleText = (when: string, shown: string, more: string) => `
rule: rule
version: 1
title: Rule
applies_to: { class: brick:AHU }
inputs:
  x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC, stale_after: 2m, valid: [-50, 50] }
  warmth: { derived: warmth }
params: { wanted: {} }
when: "${when}"
${more}
severity: warning
category: fault
evidence: { show: [${shown}] }
`;

const derivedText = `
derived: warmth
title: Warmth
applies_to: { class: brick:AHU }
inputs: { x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC } }
value: x + 100
`;
