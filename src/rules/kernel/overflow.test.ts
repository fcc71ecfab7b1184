import { expect, test } from 'vitest';
import { buildRuleSet } from '../language/load-rules.ts';
import { isUnknown } from '../language/truth.ts';
import { createEvaluation } from './evaluation.ts';

test.each([
  ['x > 15', 1.7e308, 'kPa', 'its conversion overflows'],
  ['x * x > 15', 1.6e200, 'Pa', 'a product that overflows'],
  ['x + x > 15', 1.6e308, 'Pa', 'a sum that overflows'],
  ['1.0 / (x * x) < 15', 1.6e200, 'Pa', 'what is computed from one that overflows'],
  ["avg(x, '2m') > 15", 1.6e308, 'Pa', 'a mean that overflows'],
])('%s is unknown with x = %d %s: %s', (when, value, unit, _what) => {
  const text = `
rule: rule
version: 1
title: T
applies_to: { class: brick:AHU }
inputs: { x: { class: brick:Static_Pressure_Sensor, unit: Pa } }
when: ${when}
severity: info
category: fault
`;
  const { rules: ruleSet, errors } = buildRuleSet([{ file: 'rule.yaml', text }]);
  expect(errors).toEqual([]);
  const asset = { id: 'a', name: 'A', class: 'brick:AHU', siteTimeZone: 'UTC' };
  const points = [{ id: 'x', class: 'brick:Static_Pressure_Sensor', of: null, unit }];
  const evaluation = createEvaluation({ ruleSet, assets: [{ asset, points }] });
  for (const index of evaluation.pointIndexes('x')) evaluation.observe(index, 0, value, 0);
  expect([evaluation.tick(0), evaluation.tick(60_000)]).toEqual([[], []]);
  expect(evaluation.inspect('rule', 'a', 60_000)?.condition).toBe(isUnknown);
});
