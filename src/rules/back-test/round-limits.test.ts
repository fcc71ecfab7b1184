import { describe, expect, test } from 'vitest';
import { createRandom, type RuleReading, replay } from '../kernel/replay.ts';
import { buildRuleSet } from '../language/load-rules.ts';
import { backTestColumns } from './back-test.ts';

/** Points in degF and fraction under rules in degC and percent, whose limits are round numbers that readings meet exactly. */
const fromMs = Date.parse('2026-01-05T00:00:00Z');
const asset = { id: 'a', name: 'A', class: 'brick:AHU', siteTimeZone: 'UTC' };
const points = [
  { id: 'sat', class: 'brick:Supply_Air_Temperature_Sensor', of: null, unit: 'degF' },
  { id: 'oad', class: 'brick:Damper_Position_Command', of: null, unit: 'fraction' },
];
const derived =
  'derived: warmth\ntitle: W\napplies_to: { class: brick:AHU }\ninputs: { t: { class: brick:Supply_Air_Temperature_Sensor, unit: degF } }\nvalue: t\nunit: degF\n';

describe('a reading that is a limit to the digit meets it, in every way in which rules are run', () => {
  test.each([
    ['sat > 15', 59, 0.29, false],
    ['sat <= 15 && sat >= 15', 59, 0.29, true],
    ['sat == 25', 77, 0.29, true],
    ['sat < 0', 32, 0.29, false],
    ['sat >= 0', 32, 0.29, true],
    ['sat in [20.0]', 68, 0.29, true],
    ['sat == -40', -40, 0.29, true],
    ['sat == 15.5', 59.9, 0.29, true],
    ["highest(sat, '2m') > 15", 59, 0.29, false],
    ["lowest(sat, '2m') == 15", 59, 0.29, true],
    ["avg(sat, '2m') == 15", 59, 0.29, true],
    ['oad >= 29', 50, 0.29, true],
    ['oad == 57', 50, 0.57, true],
    ['warmth > 15', 59, 0.29, false],
    ['warmth == 15.5', 59.9, 0.29, true],
    ['warmth == sat', 61.3, 0.29, true],
  ])('%s at %d degF and %d is %j', (when, sat, oad, wanted) => {
    const ruleSet = rulesOf(when);
    const readings: RuleReading[] = Array.from({ length: 12 }, (_, minute) => minute).flatMap((minute) => [
      { point: 'sat', at: fromMs + minute * 60_000, value: sat, quality: 0 },
      { point: 'oad', at: fromMs + minute * 60_000, value: oad, quality: 0 },
    ]);
    const input = { ruleSet, assets: [{ asset, points }], readings, fromMs, toMs: fromMs + 600_000 };
    const whole = replay(input);
    expect(whole.some(({ kind }) => kind === 'opened')).toBe(wanted);
    expect(replay(input, { kind: 'cut', random: createRandom(1) })).toEqual(whole);
    const columns = new Map(
      points.map(({ id }) => {
        const own = readings.filter(({ point }) => point === id);
        return [
          id,
          { times: Float64Array.from(own, ({ at }) => at), values: Float64Array.from(own, ({ value }) => value) },
        ];
      }),
    );
    expect(backTestColumns({ ...input, columns })).toEqual(whole);
  });
});

function rulesOf(when: string) {
  const text = `rule: r
version: 1
title: R
applies_to: { class: brick:AHU }
inputs:
  sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degC }
  oad: { class: brick:Damper_Position_Command, unit: percent }
  warmth: { derived: warmth, unit: degC }
when: ${when}
for: 3m
severity: info
category: fault
`;
  const { rules, errors } = buildRuleSet([
    { file: 'r.yaml', text },
    { file: 'derived/warmth.yaml', text: derived },
  ]);
  expect(errors).toEqual([]);
  return rules;
}
