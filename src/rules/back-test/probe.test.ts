import { expect, test } from 'vitest';
import { buildRuleSet } from '../language/load-rules.ts';
import { probeOf } from './probe.ts';

const rule = (body: string) => `rule: probed
version: 1
title: Probed
applies_to: { class: brick:AHU }
inputs:
  sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degC }
  fan: { class: brick:Fan_On_Off_Status, unit: bool }
severity: info
category: fault
${body}`;

/** What the probe of a rule shows, as kind and label. */
function shown(text: string): string[] {
  const probe = probeOf({ file: 'probed.yaml', text });
  const { rules, errors } = buildRuleSet([{ file: 'probed.yaml', text: probe.text }]);
  expect(errors).toEqual([]);
  return (rules.rules[0]?.evidence.shown ?? []).map(({ name }) => `${probe.kindOf(name)} ${probe.labelOf(name)}`);
}

test.each([
  ['when: sat > 15', ['input sat', 'input fan'], 'inputs'],
  ['evidence: { show: [sat] }\nwhen: sat > 15', ['input sat', 'input fan'], 'those too that the rule does not show'],
  [
    "when: avg(sat, '5m') > 15 || held(fan && sat > (1 + 2), '10m')",
    ['input sat', 'input fan', "window avg(sat, '5m')", "window held(fan && sat > (1 + 2), '10m')"],
    'windows with whatever they are about',
  ],
  [
    "let: { mean: \"avg(sat, '5m')\", off: \"mean - lowest(sat, '1h')\" }\nwhen: off > 1 && mean > avg(sat, '5m')",
    ['input sat', 'input fan', 'let mean', 'let off', "window lowest(sat, '1h')"],
    'a window once, and not beside the name that stands for it',
  ],
  [
    'let: { window_1: sat + 1 }\nwhen: window_1 > 15\nclear: "avg(sat, \'5m\') < 10"\nmessage: "{{ delta(sat, \'1h\') | 1 delta_degC }}"',
    ['input sat', 'input fan', 'let window_1', "window avg(sat, '5m')", "window delta(sat, '1h')"],
    'windows of every expression, by names that are free',
  ],
])('%s shows %j: %s', (body, names) => {
  expect(shown(rule(body))).toEqual(names);
});
