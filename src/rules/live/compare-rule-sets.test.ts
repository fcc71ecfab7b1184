import { expect, test } from 'vitest';
import { buildRuleSet } from '../language/load-rules.ts';
import { compareRuleSets } from './compare-rule-sets.ts';

const rule = (id: string, limit: number) => ({
  file: `${id}.yaml`,
  text: `rule: ${id}
version: 1
title: Warm
applies_to: { class: brick:AHU }
inputs: { sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degC } }
when: sat > ${limit}
for: 2m
severity: info
category: fault
`,
});
const override = (reason: string) => ({
  file: 'overrides.yaml',
  text: `overrides: [{ rule: warm, severity: critical, reason: ${reason}, author: ops }]\n`,
});

test('versions differ by the rules that came, went, or have another text, and by files that hold no rule', () => {
  const version = (...texts: { file: string; text: string }[]) => ({ texts, rules: buildRuleSet(texts).rules });
  const before = version(rule('warm', 1), rule('hot', 2), rule('gone', 3), override('summer'));
  const after = version(rule('warm', 1), rule('hot', 9), rule('new', 3), override('winter'));
  expect(before.rules.rules).toHaveLength(3);
  expect(compareRuleSets(before, after)).toEqual({
    added: ['new'],
    changed: ['hot'],
    removed: ['gone'],
    otherFiles: ['overrides.yaml'],
  });
  expect(compareRuleSets(after, after)).toEqual({ added: [], changed: [], removed: [], otherFiles: [] });
});
