import { describe, expect, test } from 'vitest';
import { openColumnRun } from '../back-test/column-run.ts';
import { buildRuleSet } from '../language/load-rules.ts';
import type { Override } from '../language/override.ts';
import { createEvaluation, type StoredMachine } from './evaluation.ts';
import { retire } from './machine.ts';

/** What becomes of an insight whose rule is switched off and on, taken out and put back, or overridden while it is open. */
const minuteMs = 60_000;

describe('a rule that is switched off', () => {
  test.each([
    ['for a minute', off(5, 6), '0 opened, 2 work-order-due, 5 resolved rule_disabled, 6 reopened 2'],
    [
      'until just before it is forgotten',
      off(5, 25),
      '0 opened, 2 work-order-due, 5 resolved rule_disabled, 25 reopened 2',
    ],
    ['for longer', off(5, 26), '0 opened, 2 work-order-due, 5 resolved rule_disabled, 26 opened, 28 work-order-due'],
    ['before the work order is due', off(1, 6), '0 opened, 1 resolved rule_disabled, 6 reopened 2, 6 work-order-due'],
  ])('%s ends its insight, and a fault that it finds again within reopen_within is the same', (_, override, told) => {
    expect(play({ overrides: [override] })).toBe(told);
    expect(play({ overrides: [override], isRestarted: true })).toBe(told);
  });

  test('keeps the end that its insight had before', () => {
    const values = (minute: number) => (minute < 3 || minute > 20 ? 20 : 5);
    const told = '0 opened, 2 work-order-due, 3 resolved cleared, 21 reopened 2';
    expect(play({ overrides: [off(5, 10)], values })).toBe(told);
  });

  test('is at rest again after reopen_within', () => {
    const evaluation = open({ overrides: [off(5, 60)] });
    for (let minute = 0; minute <= 26; minute++) tick(evaluation, minute, 20);
    expect(evaluation.machines()).toEqual([]);
    expect(evaluation.changedMachines()).toEqual([{ ruleId: 'r', assetId: 'a', machine: null }]);
  });
});

test('a rule that is put back goes on from where it was put to rest', () => {
  const before = open({});
  for (let minute = 0; minute <= 4; minute++) tick(before, minute, 20);
  const [stored] = before.machines();
  const without = createEvaluation({ ruleSet: rules('x'), assets: [ahu], machines: [stored as StoredMachine] });
  const [orphan] = without.orphans;
  if (!orphan?.machine) throw new Error('no orphan');
  const machine = retire(orphan.machine, 5 * minuteMs, orphan.because);
  expect(machine).toMatchObject({ state: 'normal', insight: { endedAt: 5 * minuteMs, endedBecause: 'rule_removed' } });
  expect(retire(machine, 9 * minuteMs, orphan.because)).toBe(machine);
  const after = open({ machines: [{ ...orphan, machine }] });
  expect(tick(after, 10, 20).map(({ kind }) => kind)).toEqual(['reopened']);
  expect(after.findMachine('r', 'a')?.insight).not.toHaveProperty('endedBecause');
});

describe('an open insight follows the overrides of its rule', () => {
  test.each([
    [{ severity: 'critical' }, '0 opened warning, 4 flagged critical, 8 flagged warning'],
    [{ enabled: 'shadow' }, '0 opened warning, 4 flagged warning on trial, 8 flagged warning'],
  ] as [Partial<Override>, string][])('%o', (change, told) => {
    expect(shown([{ ...off(4, 8), enabled: null, ...change }])).toBe(told);
  });

  test('a trial that is over asks for the work order that is due', () => {
    const trial: Override = { ...off(0, 8), enabled: 'shadow' };
    expect(play({ overrides: [trial] })).toBe('0 opened, 8 flagged, 8 work-order-due');
    expect(play({ overrides: [trial], isRestarted: true })).toBe('0 opened, 8 flagged, 8 work-order-due');
    expect(shown([trial])).toBe('0 opened warning on trial, 8 flagged warning');
  });

  test('and a new version of its rule', () => {
    const before = open({});
    tick(before, 0, 20);
    const after = createEvaluation({ ruleSet: rules('r', 'info'), assets: [ahu], machines: before.machines() });
    expect(tick(after, 1, 20)).toMatchObject([{ kind: 'flagged', shown: { severity: 'info', isShadow: false } }]);
    expect(tick(after, 2, 20).map(({ kind }) => kind)).toEqual(['work-order-due']);
  });
});

const ahu = {
  asset: { id: 'a', name: 'A', class: 'brick:AHU', siteTimeZone: 'UTC' },
  points: [{ id: 'x', class: 'brick:Supply_Air_Temperature_Sensor', of: null, unit: 'degC' }],
};

function rules(id: string, severity = 'warning') {
  const text = `rule: ${id}
version: 1
title: T
applies_to: { class: brick:AHU }
inputs: { x: { class: brick:Supply_Air_Temperature_Sensor, unit: degC } }
when: x > 15
reopen_within: 20m
severity: ${severity}
category: fault
work_order: { after: 2m }
`;
  const { rules: ruleSet, errors } = buildRuleSet([{ file: 'r.yaml', text }]);
  expect(errors).toEqual([]);
  return ruleSet;
}

function open({ overrides = [], machines = [] }: { overrides?: Override[]; machines?: StoredMachine[] }) {
  return createEvaluation({ ruleSet: rules('r'), assets: [ahu], overrides, machines });
}

function tick(evaluation: ReturnType<typeof open>, minute: number, value: number) {
  for (const index of evaluation.pointIndexes('x')) evaluation.observe(index, minute * minuteMs, value, 0);
  return evaluation.tick(minute * minuteMs);
}

type Given = { overrides: Override[]; values?: (minute: number) => number; isRestarted?: boolean };

function run({ overrides, values = () => 20, isRestarted = false }: Given) {
  let evaluation = open({ overrides });
  return Array.from({ length: 30 }, (_, minute) => {
    if (isRestarted)
      evaluation = open({ overrides, machines: JSON.parse(JSON.stringify(evaluation.machines())) as StoredMachine[] });
    return tick(evaluation, minute, values(minute));
  }).flat();
}

/** The effects of half an hour, tick by tick; over columns they are the same. */
function play(given: Given): string {
  const effects = run(given);
  const { overrides, values = () => 20 } = given;
  const minutes = Array.from({ length: 30 }, (_, minute) => minute);
  const column = {
    times: Float64Array.from(minutes, (minute) => minute * minuteMs),
    values: Float64Array.from(minutes, values),
  };
  const columns = openColumnRun({ ruleSet: rules('r'), assets: [ahu], overrides }, { warmFromMs: 0, fromMs: 0 });
  expect(columns.advance(new Map([['x', column]]), 29 * minuteMs)).toEqual(effects);
  return effects
    .map((effect) => {
      const more = effect.kind === 'resolved' ? effect.because : effect.kind === 'reopened' ? effect.episodes : '';
      return `${effect.at / minuteMs} ${effect.kind} ${more}`.trim();
    })
    .join(', ');
}

function shown(overrides: Override[]): string {
  return run({ overrides })
    .flatMap((effect) => {
      const seen = effect.kind === 'opened' ? effect : effect.kind === 'flagged' ? effect.shown : null;
      return seen ? `${effect.at / minuteMs} ${effect.kind} ${seen.severity}${seen.isShadow ? ' on trial' : ''}` : [];
    })
    .join(', ');
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
    sinceMs: fromMinute * minuteMs,
    untilMs: untilMinute * minuteMs,
    reason: 'r',
    author: 'a',
  };
}
