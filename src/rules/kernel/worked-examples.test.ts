import { expect, test } from 'vitest';
import { buildRuleSet } from '../language/load-rules.ts';
import { formatTruth } from '../language/truth.ts';
import { createEvaluation } from './evaluation.ts';

/**
 * The worked examples of the rule semantics, row by row and column by column, in their own words. A value in brackets is carried,
 * not read; a dash is no value. Columns: tick | inputs ... | when | clear | state after | clock in minutes | effect
 */
const examples = {
  'A: sustained with hysteresis': {
    rule: 'when: sat > 15\nfor: 3m\nclear: sat < 14\nclear_for: 2m',
    inputs: { sat: 'degC' },
    rows: `
10:00 | 14   | false | false | normal   |   |
10:01 | 16   | true  | false | pending  | 0 |
10:02 | 16   | true  | false | pending  | 1 |
10:03 | 14.5 | false | false | normal   |   | reset
10:04 | 16   | true  | false | pending  | 0 |
10:05 | 16   | true  | false | pending  | 1 |
10:06 | 16   | true  | false | pending  | 2 |
10:07 | 16   | true  | false | firing   |   | OPEN insight
10:08 | 14.5 | false | false | firing   |   | dead band: stays
10:09 | 13.5 | false | true  | clearing | 0 |
10:10 | 14.2 | false | false | firing   |   | dead band: back to firing
10:11 | 13.5 | false | true  | clearing | 0 |
10:12 | 13.5 | false | true  | clearing | 1 |
10:13 | 13.5 | false | true  | normal   |   | RESOLVE`,
  },
  'B: gap and staleness': {
    rule: 'when: sat > 15\nfor: 3m\nclear: sat < 14\nclear_for: 2m\nmax_gap: 4m',
    inputs: { sat: 'degC, stale_after: 2m' },
    rows: `
10:00 | 16   | true    | false   | pending  | 0 |
10:01 | 16   | true    | false   | pending  | 1 |
10:02 | (16) | true    | false   | pending  | 2 |
10:03 | (16) | true    | false   | firing   |   | OPEN insight
10:04 | -    | unknown | unknown | firing   |   | held, data=stale
10:05 | 16   | true    | false   | firing   |   |
10:06 | 16   | true    | false   | firing   |   |
10:07 | (16) | true    | false   | firing   |   |
10:08 | (16) | true    | false   | firing   |   |
10:09 | -    | unknown | unknown | firing   |   | held, data=stale
10:10 | -    | unknown | unknown | firing   |   | held, data=stale
10:11 | 13   | false   | true    | clearing | 0 |
10:12 | 13   | false   | true    | clearing | 1 |
10:13 | 13   | false   | true    | normal   |   | RESOLVE`,
  },
  'C: an absent point in three-valued logic': {
    rule: 'when: fan && (sat > 15 || zt > 26)\nfor: 1m\nclear_for: 0',
    inputs: { fan: 'bool, stale_after: 1m', sat: 'degC, stale_after: 1m', zt: 'degC, stale_after: 1m' },
    rows: `
10:00 | true  | 16   | -    | true    | false   | pending | 0 |
10:01 | true  | 16   | -    | true    | false   | firing  |   | OPEN insight
10:02 | true  | 14   | -    | unknown | unknown | firing  |   | held, data=stale
10:03 | true  | 14   | 25   | false   | true    | normal  |   | RESOLVE
10:04 | false | (14) | (25) | false   | true    | normal  |   |`,
  },
  'D: hold-off after a change': {
    rule: 'when: os == 3 && sat > 15\nfor: 2m\nclear_for: 0\nhold_off: { after_change_of: [os], for: 3m }',
    inputs: { os: 'count', sat: 'degC' },
    rows: `
10:00 | 2 | 16 | suspended | true  | normal  |   | suspended
10:01 | 2 | 16 | suspended | true  | normal  |   | suspended
10:02 | 3 | 16 | suspended | false | normal  |   | suspended
10:03 | 3 | 16 | suspended | false | normal  |   | suspended
10:04 | 3 | 16 | suspended | false | normal  |   | suspended
10:05 | 3 | 16 | true      | false | pending | 0 |
10:06 | 3 | 16 | true      | false | pending | 1 |
10:07 | 3 | 16 | true      | false | firing  |   | OPEN insight
10:08 | 3 | 14 | false     | true  | normal  |   | RESOLVE`,
  },
  'B2: a gap while pending': {
    rule: 'when: sat > 15\nfor: 3m\nclear: sat < 14\nclear_for: 2m\nmax_gap: 4m',
    inputs: { sat: 'degC, stale_after: 1m' },
    rows: `
10:00 | 16   | true    | false   | pending | 0 |
10:01 | 16   | true    | false   | pending | 1 |
10:02 | (16) | true    | false   | pending | 2 |
10:03 | -    | unknown | unknown | pending | 2 | clock paused
10:04 | -    | unknown | unknown | pending | 2 | clock paused
10:05 | 16   | true    | false   | firing  |   | OPEN insight
10:06 | 16   | true    | false   | firing  |   |
10:07 | 14.5 | false   | false   | firing  |   | dead band: stays`,
  },
};

const cases = Object.entries(examples).map(([name, example]) => ({ name, ...example }));

test.each(cases)('worked example $name', ({ rule, inputs, rows }) => {
  const expected = rows
    .trim()
    .split('\n')
    .map((row) => row.split('|').map((cell) => cell.trim()));
  expect(play(rule, inputs, expected)).toEqual(expected.map((row) => row.join(' | ')));
});

test('unknown for max_gap ends the wait', () => {
  const rule = 'when: sat > 15\nfor: 10m\nmax_gap: 2m';
  const rows = ['10:00 | 16', '10:01 | -', '10:02 | -', '10:03 | -'].map((row) => row.split(' | '));
  const played = play(rule, { sat: 'degC, stale_after: 30s' }, rows);
  expect(played.map((row) => row.split(' | ').at(-3))).toEqual(['pending', 'pending', 'normal', 'normal']);
});

const classes: Record<string, string> = {
  sat: 'brick:Supply_Air_Temperature_Sensor',
  zt: 'brick:Zone_Air_Temperature_Sensor',
  fan: 'brick:Fan_On_Off_Status',
  os: 'brick:Operating_Mode_Status',
};

/** Plays the readings of the rows and writes down what the kernel says, in the rows' own form. */
function play(conditions: string, inputs: Record<string, string>, rows: string[][]): string[] {
  const names = Object.keys(inputs);
  const ruleSet = ruleSetOf(conditions, inputs);
  const points = names.map((name) => ({
    id: name,
    class: classes[name] as string,
    of: null,
    unit: unitOf(inputs[name] as string),
  }));
  const asset = { id: 'ahu', name: 'AHU', class: 'brick:AHU', siteTimeZone: 'UTC' };
  const evaluation = createEvaluation({ ruleSet, assets: [{ asset, points }] });
  return rows.map((row) => {
    const at = Date.parse(`2026-01-05T${row[0]}:00Z`);
    names.forEach((name, column) => {
      const cell = row[column + 1] as string;
      if (/^[(-]/.test(cell)) return;
      const value = cell === 'true' ? 1 : cell === 'false' ? 0 : Number(cell);
      for (const index of evaluation.pointIndexes(name)) evaluation.observe(index, at, value, 0);
    });
    const before = evaluation.findMachine('example', 'ahu')?.state ?? 'normal';
    const kinds = evaluation.tick(at).map(({ kind }) => kind);
    const machine = evaluation.findMachine('example', 'ahu');
    const state = machine?.state ?? 'normal';
    const isWaiting = state === 'pending' || state === 'clearing';
    const seen = evaluation.inspect('example', 'ahu', at);
    const [when, clear] = [formatTruth(seen?.condition ?? 1), formatTruth(seen?.clearing ?? 1)];
    const words: [string, boolean][] = [
      ['suspended', seen?.isSuspended ?? false],
      ['reset', kinds.includes('pending-cleared')],
      ['OPEN insight', kinds.includes('opened')],
      ['RESOLVE', kinds.includes('resolved')],
      ['clock paused', isWaiting && before === state && (state === 'pending' ? when : clear) === 'unknown'],
      ['held, data=stale', machine?.insight?.stale ?? false],
      ['dead band: stays', before === 'firing' && state === 'firing' && when === 'false' && clear === 'false'],
      ['dead band: back to firing', before === 'clearing' && state === 'firing' && when === 'false'],
    ];
    const condition = seen?.isSuspended ? 'suspended' : when;
    const clock = isWaiting ? String((machine?.clockMs ?? 0) / 60_000) : '';
    const effect = words.flatMap(([word, holds]) => (holds ? [word] : []));
    return [...row.slice(0, names.length + 1), condition, clear, state, clock, effect.join(' ')].join(' | ');
  });
}

function ruleSetOf(conditions: string, inputs: Record<string, string>) {
  const lines = Object.entries(inputs).map(([name, rest]) => `  ${name}: { class: ${classes[name]}, unit: ${rest} }`);
  const text = `rule: example\nversion: 1\ntitle: Example\napplies_to: { class: brick:AHU }\nevery: 1m\ninputs:\n${lines.join('\n')}\n${conditions}\nseverity: warning\ncategory: fault\n`;
  const { rules, errors } = buildRuleSet([{ file: 'example.yaml', text }]);
  expect(errors.filter(({ severity }) => severity === 'error')).toEqual([]);
  return rules;
}

function unitOf(input: string): string {
  return input.split(',')[0] as string;
}
