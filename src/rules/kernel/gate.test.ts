import { describe, expect, test } from 'vitest';
import { buildRuleSet } from '../language/load-rules.ts';
import type { Override } from '../language/override.ts';
import type { RuleAsset, RulePoint } from './bind.ts';
import { createEvaluation } from './evaluation.ts';

/** What keeps a rule from being evaluated, and what an input is when it is not a plain reading: minute by minute, one letter a state. */
const mode = {
  file: 'mode.yaml',
  text: 'derived: mode\ntitle: M\napplies_to: { class: brick:AHU }\ninputs: { x: { class: brick:Air_Temperature_Sensor, unit: degC } }\nvalue: "floor(x / 10.0)"\n',
};

describe('the gate', () => {
  test.each([
    ['an asset that runs', [], '5 20 20 20 20 5 5', 'n p p f f c n'],
    ['a paused asset opens nothing', [paused(0, 9)], '5 20 20 20 20 5 5', 'n n n n n n n'],
    ['a pause ends a wait', [paused(3, 4)], '20 20 5 20 20 20 20', 'p p n n p p f'],
    ['a pause ends with the tick of its end', [paused(0, 2)], '20 20 20 20 20', 'n n p p f'],
    ['what fires or clears stands still', [paused(4, 7)], '20 20 20 5 5 5 20 5 5', 'p p f c c c c n n'],
    ['what is off in spite of a pause is off', [off(2, 4), paused(2, 4)], '20 20 20 20 20 20 20', 'p p n n p p f'],
  ])('%s', (_, overrides, values, states) => expect(run({ overrides, values })).toBe(states));

  test('while an asset is paused its insight stays as it is, and while the rule is off there it ends', () => {
    const values = '20 20 20 20 5 5 5 5 20 20 20';
    expect(run({ values, overrides: [paused(4, 11)] })).toBe('p p f f f f f f f f f');
    expect(run({ values, overrides: [off(4, 6)] })).toBe('p p f f n n n n p p f');
  });

  test('an override that is over leaves a wait to begin anew, with the windows remembered', () => {
    const rule = "avg(x, '3m') > 15";
    expect(run({ rule, values: '20 20 20 20 20 20 20 20', overrides: [off(2, 5)] })).toBe('n n n n n p p f');
  });

  test('a hold-off watches derived values, named parts and inputs alike', () => {
    const values = '20 20 20 31 31 31 31 31 31';
    const states = 'n n p n n p p f f';
    for (const watched of ['m', 'tens', 'x'])
      expect([watched, run({ values, more: `hold_off: { after_change_of: [${watched}], for: 2m }` })]).toEqual([
        watched,
        states,
      ]);
  });

  test('a change of what is not watched holds nothing off', () => {
    expect(run({ values: '20 20 25 25 25 25', more: 'hold_off: { after_change_of: [m], for: 2m }' })).toBe(
      'n n p p f f',
    );
  });

  test('a schedule holds in the zone of the site, a list where any of its periods does', () => {
    const more = 'active: [{ from: "01:01", to: "01:03" }, { from: "01:05" }]';
    const asset = { siteTimeZone: 'Europe/Berlin' };
    expect(run({ asset, values: '20 20 20 20 20 20 20 20 20', more })).toBe('n p p n n p p f f');
  });
});

describe('an input', () => {
  test('outside its valid range is unknown: it neither opens nor clears', () => {
    expect(run({ values: '20 20 20 99 20 -99 5 5', input: ', valid: [-40, 60]' })).toBe('p p f f f f c n');
  });

  test('that is optional and absent has its default, or is unknown', () => {
    const rule = 'x > 15 && (!known(y) || y > 1.0)';
    const given = { values: '20 20 20', rule };
    expect(run(given)).toBe('p p f');
    expect(run({ ...given, more: '', y: ', default: 0' })).toBe('n n n');
    expect(run({ ...given, more: '', y: ', default: 2' })).toBe('p p f');
  });

  test('is of the first class that the asset has', () => {
    const prefer = (...classes: string[]) => ({ values: '20 20 20', classes: `prefer: [${classes.join(', ')}]` });
    expect(run(prefer('brick:Mixed_Air_Temperature_Sensor', 'brick:Supply_Air_Temperature_Sensor'))).toBe('p p f');
    expect(run(prefer('brick:Mixed_Air_Temperature_Sensor'))).toBe('not bound');
  });
});

type Case = {
  values: string;
  asset?: Partial<RuleAsset>;
  rule?: string;
  more?: string;
  input?: string;
  y?: string;
  classes?: string;
  overrides?: Override[];
};

function run(given: Case): string {
  return evaluate(given).states;
}

/** The states of the rule's machine, a letter a minute: normal, pending, firing, clearing. */
function evaluate({ values, asset = {}, rule = 'x > 15', more = '', ...given }: Case) {
  const { input = '', y = '', classes = 'class: brick:Supply_Air_Temperature_Sensor', overrides = [] } = given;
  const text = `rule: r
version: 1
title: T
applies_to: { class: brick:AHU }
inputs:
  x: { ${classes}, unit: degC${input} }
  y: { class: brick:Outside_Air_Temperature_Sensor, optional: true${y} }
  m: { derived: mode }
let: { tens: floor(x / 10.0) }
when: ${rule}
for: 2m
clear_for: 1m
severity: warning
category: fault
${more}
`;
  const { rules, errors } = buildRuleSet([mode, { file: 'r.yaml', text }]);
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'));
  const points: RulePoint[] = [{ id: 'x', class: 'brick:Supply_Air_Temperature_Sensor', of: null, unit: 'degC' }];
  const whole: RuleAsset = { id: 'a', name: 'A', class: 'brick:AHU', siteTimeZone: 'UTC', ...asset };
  const evaluation = createEvaluation({ ruleSet: rules, assets: [{ asset: whole, points }], overrides });
  const states = values.split(' ').map((value, minute) => {
    for (const index of evaluation.pointIndexes('x')) evaluation.observe(index, minute * 60_000, Number(value), 0);
    evaluation.tick(minute * 60_000);
    return (evaluation.findMachine('r', 'a')?.state ?? 'normal')[0];
  });
  return { evaluation, states: evaluation.boundCount === 0 ? 'not bound' : states.join(' ') };
}

function paused(fromMinute: number, untilMinute: number): Override {
  return { ...off(fromMinute, untilMinute), rule: '*', asset: 'a', enabled: 'paused' };
}

function off(fromMinute: number, untilMinute: number): Override {
  return {
    id: 'o',
    rule: 'r',
    site: null,
    asset: null,
    tag: null,
    params: {},
    severity: null,
    enabled: false,
    sinceMs: fromMinute * 60_000,
    untilMs: untilMinute * 60_000,
    reason: 'r',
    author: 'a',
  };
}
