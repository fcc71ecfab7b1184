import { describe, expect, test } from 'vitest';
import { buildRuleSet } from '../language/load-rules.ts';
import type { RuleSet } from '../language/rule.ts';
import type { RuleAsset } from './bind.ts';
import { createEvaluation, type Quality } from './evaluation.ts';

const start = Date.parse('2026-01-05T00:00:00Z');
const minuteMs = 60_000;

describe('values', () => {
  test.each([
    [
      [
        [0, 10],
        [30, 20],
      ],
      20,
      'the reading with the greatest time counts',
    ],
    [
      [
        [30, 20],
        [0, 10],
      ],
      20,
      'whatever the order of arrival',
    ],
    [
      [
        [0, 10],
        [61, 20],
      ],
      10,
      'a reading of the future waits',
    ],
    [
      [
        [0, 10],
        [10, 20, 2],
      ],
      null,
      'a bad reading ends the value before it',
    ],
    [
      [
        [0, 10],
        [10, 20, 1],
      ],
      null,
      'so does an uncertain one',
    ],
    [
      [
        [0, 10],
        [10, Number.NaN],
      ],
      null,
      'so does one that is no number',
    ],
    [
      [
        [0, 10],
        [10, 200],
      ],
      null,
      'so does one outside what is valid',
    ],
    [
      [
        [0, 10],
        [0, 10],
      ],
      10,
      'a double changes nothing',
    ],
    [[[-839, 10]], 10, 'an old reading is carried'],
    [[[-841, 10]], null, 'until it is stale'],
  ] as [[number, number, Quality?][], number | null, string][])('%o at second 60 is %s: %s', (readings, wanted) => {
    const evaluation = createEvaluation({ ruleSet: rulesOf({}), assets: [plant('a')] });
    for (const [second, value, quality] of readings) observe(evaluation, 'a.x', start + second * 1000, value, quality);
    evaluation.tick(start + minuteMs);
    expect(evaluation.inspect('rule', 'a', start + minuteMs)?.values[0]?.value).toBe(wanted);
  });

  test('highest keeps a spike between two ticks, in the unit of the rule', () => {
    const ruleSet = rulesOf({ when: "highest(x, '2m') > 90" });
    const asset = plant('a');
    asset.points = [{ id: 'a.x', class: 'brick:Supply_Air_Temperature_Sensor', of: null, unit: 'degF' }];
    const evaluation = createEvaluation({ ruleSet, assets: [asset] });
    observe(evaluation, 'a.x', start, 50);
    observe(evaluation, 'a.x', start + 10_000, 200);
    observe(evaluation, 'a.x', start + 20_000, 50);
    evaluation.tick(start);
    expect(evaluation.tick(start + minuteMs).map(({ kind }) => kind)).toEqual(['opened']);
    expect(evaluation.tick(start + 2 * minuteMs)).toEqual([]);
    expect(evaluation.tick(start + 3 * minuteMs).map(({ kind }) => kind)).toEqual(['resolved']);
  });
});

describe('the gate', () => {
  test.each([
    ['1 1 - 1', 'held held free free', 'the first known value counts, unknown does not'],
    ['1 1 1 0', 'held held free held', 'a change counts'],
    ['- - 1 1', 'free free held held', 'the first known value may come later'],
    ['1 - - - 1', 'held held free free held', 'a value that was unknown for longer than the hold-off starts again'],
  ])('after values %s a hold-off of two minutes is %s: %s', (values, wanted) => {
    const ruleSet = rulesOf({ more: 'hold_off: { after_change_of: [f], for: 2m }', input: 'stale_after: 30s' });
    const evaluation = createEvaluation({ ruleSet, assets: [plant('a')] });
    const gates = values.split(' ').map((value, index) => {
      const at = start + index * minuteMs;
      if (value !== '-') observe(evaluation, 'a.f', at, Number(value));
      evaluation.tick(at);
      return evaluation.inspect('rule', 'a', at)?.isSuspended ? 'held' : 'free';
    });
    expect(gates.join(' ')).toBe(wanted);
  });

  test('a schedule is read in the time zone of the site', () => {
    const ruleSet = rulesOf({ more: 'active: { days: mon-fri, from: "09:00", to: "10:00" }' });
    expect(run(ruleSet, [plant('a', { siteTimeZone: 'Asia/Tokyo' })])).toEqual(['opened a']);
    expect(run(ruleSet, [plant('a', { siteTimeZone: 'Europe/Paris' })])).toEqual([]);
  });
});

describe('suppression', () => {
  const pair = (enabled: string) =>
    buildRuleSet([
      {
        file: 'zone.yaml',
        text: ruleText({ id: 'a-symptom', more: 'suppressed_by: [z-root]\nwork_order: { after: 1m }' }),
      },
      {
        file: 'root.yaml',
        text: ruleText({
          id: 'z-root',
          input: 'stale_after: 15m',
          more: `enabled: ${enabled}\nwork_order: { after: 1m }`,
        }),
      },
    ]).rules;

  test('the root asks for a work order, the symptom does not', () => {
    expect(run(pair('true'), [plant('a')], 3)).toEqual(['opened a', 'opened a', 'work-order-due a']);
  });

  test('a rule on trial neither asks for work orders nor suppresses', () => {
    const evaluation = play(pair('shadow'), [plant('a')], 3);
    expect(evaluation.effects.filter(({ kind }) => kind === 'work-order-due').map(({ ruleId }) => ruleId)).toEqual([
      'a-symptom',
    ]);
    expect(evaluation.effects.find(({ ruleId }) => ruleId === 'z-root')).toMatchObject({
      kind: 'opened',
      isShadow: true,
    });
  });

  test('a rule that fires upstream suppresses, through assets between', () => {
    const assets = [plant('vav', { upstream: ['duct'] }), plant('duct', { upstream: ['ahu'] }), plant('ahu')];
    (assets[1] as (typeof assets)[0]).points = [];
    (assets[0] as (typeof assets)[0]).points = (assets[0] as (typeof assets)[0]).points.filter(
      ({ id }) => id !== 'vav.f',
    );
    const ruleSet = pair('true');
    const { evaluation } = play(ruleSet, assets, 3);
    const orders = evaluation
      .machines()
      .map(({ ruleId, assetId, machine }) => `${ruleId} ${assetId} ${machine?.insight?.suppressedBy}`);
    expect(orders).toContain('a-symptom vav z-root');
    expect(orders).toContain('z-root ahu null');
  });

  test('a root that is clearing still suppresses', () => {
    const ruleSet = buildRuleSet([
      { file: 'symptom.yaml', text: ruleText({ id: 'symptom', more: 'suppressed_by: [root]' }) },
      { file: 'root.yaml', text: ruleText({ id: 'root', when: 'x > 15 && f', more: 'clear_for: 5m' }) },
    ]).rules;
    const evaluation = createEvaluation({ ruleSet, assets: [plant('a')] });
    observe(evaluation, 'a.x', start, 20);
    observe(evaluation, 'a.f', start, 1);
    evaluation.tick(start);
    observe(evaluation, 'a.f', start + 1, 0);
    evaluation.tick(start + minuteMs);
    expect(evaluation.findMachine('root', 'a')?.state).toBe('clearing');
    expect(evaluation.findMachine('symptom', 'a')?.insight?.suppressedBy).toBe('root');
  });
});

test('a rule that throws on one asset says so once and stops nobody else', () => {
  const ruleSet = rulesOf({});
  const [rule] = ruleSet.rules;
  let calls = 0;
  const broken: RuleSet = {
    ...ruleSet,
    rules: [
      {
        ...(rule as RuleSet['rules'][0]),
        when: () => {
          // Assets take turns: the first of two throws on its first two ticks.
          calls++;
          if (calls === 1 || calls === 3) throw new Error('broken');
          return 0;
        },
      },
    ],
  };
  const told = run(broken, [plant('a'), plant('b')], 3).join(', ');
  expect(told).toBe('rule-error a, opened a, rule-error-cleared a, resolved a');
});

test('only machines that changed are handed out for storing, and none twice', () => {
  const { evaluation } = play(rulesOf({}), [plant('a'), plant('b')], 1);
  expect(evaluation.changedMachines().map(({ assetId, machine }) => `${assetId} ${machine?.state}`)).toEqual([
    'a firing',
    'b firing',
  ]);
  evaluation.tick(start + minuteMs);
  expect(evaluation.changedMachines()).toEqual([]);
});

test('stored machines of rules that no longer run are reported as orphans', () => {
  const stored = play(rulesOf({}), [plant('a')], 1).evaluation.machines();
  const evaluation = createEvaluation({ ruleSet: rulesOf({ id: 'other' }), assets: [plant('a')], machines: stored });
  expect(evaluation.orphans).toEqual([{ ...stored[0], because: 'rule_removed' }]);
});

test('the work order names the rule, the evidence, the likely causes and what to do', () => {
  const ruleSet = rulesOf({
    more: 'causes: [A stuck valve]\nactions: [Stroke it]\nwork_order: { due: 3d, priority: high }\nmessage: "x is {{ x | 1 degF }}"',
  });
  const due = play(ruleSet, [plant('a')], 1).effects.find(({ kind }) => kind === 'work-order-due');
  expect(due).toMatchObject({
    kind: 'work-order-due',
    workOrder: {
      title: 'Title: asset a',
      priority: 'high',
      dueAt: start + 3 * 86_400_000,
      description:
        'x is 68.0 °F\nRule: rule version 1 (Title)\nEvidence: x 20 degC, f on\nLikely causes:\n- A stuck valve\nSuggested actions:\n- Stroke it',
    },
  });
});

type Text = { id?: string; when?: string; input?: string; more?: string };

function ruleText({ id = 'rule', when = 'x > 15', input = '', more = '' }: Text): string {
  return `
rule: ${id}
version: 1
title: Title
applies_to: { class: brick:AHU }
inputs:
  x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC, valid: [0, 100] }
  f: { class: brick:Fan_On_Off_Status, unit: bool, ${input || 'optional: true, default: true'} }
when: ${when}
severity: warning
category: fault
${more}
`;
}

function rulesOf(text: Text): RuleSet {
  const { rules, errors } = buildRuleSet([{ file: 'rule.yaml', text: ruleText(text) }]);
  expect(errors).toEqual([]);
  return rules;
}

function plant(id: string, more: Partial<RuleAsset> = {}) {
  const points = [
    { id: `${id}.x`, class: 'brick:Supply_Air_Temperature_Sensor', of: null, unit: 'degC' },
    { id: `${id}.f`, class: 'brick:Fan_On_Off_Status', of: null, unit: 'bool' },
  ];
  return { asset: { id, name: `asset ${id}`, class: 'brick:AHU', siteTimeZone: 'UTC', ...more }, points };
}

function play(ruleSet: RuleSet, assets: ReturnType<typeof plant>[], ticks: number) {
  const evaluation = createEvaluation({ ruleSet, assets });
  for (const { points } of assets)
    for (const { id } of points) observe(evaluation, id, start, id.endsWith('.x') ? 20 : 1);
  const effects = Array.from({ length: ticks }, (_, index) => evaluation.tick(start + index * minuteMs)).flat();
  return { evaluation, effects };
}

function run(ruleSet: RuleSet, assets: ReturnType<typeof plant>[], ticks = 2): string[] {
  return play(ruleSet, assets, ticks).effects.map(({ kind, assetId }) => `${kind} ${assetId}`);
}

function observe(
  evaluation: ReturnType<typeof createEvaluation>,
  point: string,
  at: number,
  value: number,
  quality: Quality = 0,
): void {
  for (const index of evaluation.pointIndexes(point)) evaluation.observe(index, at, value, quality);
}
