import { expect, test } from 'vitest';
import { createEvaluation } from './evaluation.ts';
import { buildRuleSet } from './load-rules.ts';
import { formatTruth } from './truth.ts';

/**
 * The worked examples of the rule semantics, row by row. A value in brackets is carried, not read; a dash is no value.
 * Columns: tick | inputs ... | when | clear | state after | clock in minutes | effect
 */
const examples = {
  'A: sustained with hysteresis': {
    rule: 'when: sat > 15\nfor: 3m\nclear: sat < 14\nclear_for: 2m',
    inputs: { sat: 'degC' },
    rows: `
10:00 | 14   | false | false | normal   |   |
10:01 | 16   | true  | false | pending  | 0 |
10:02 | 16   | true  | false | pending  | 1 |
10:03 | 14.5 | false | false | normal   |   | pending-cleared
10:04 | 16   | true  | false | pending  | 0 |
10:05 | 16   | true  | false | pending  | 1 |
10:06 | 16   | true  | false | pending  | 2 |
10:07 | 16   | true  | false | firing   |   | opened
10:08 | 14.5 | false | false | firing   |   |
10:09 | 13.5 | false | true  | clearing | 0 |
10:10 | 14.2 | false | false | firing   |   |
10:11 | 13.5 | false | true  | clearing | 0 |
10:12 | 13.5 | false | true  | clearing | 1 |
10:13 | 13.5 | false | true  | normal   |   | resolved`,
  },
  'B: gap and staleness': {
    rule: 'when: sat > 15\nfor: 3m\nclear: sat < 14\nclear_for: 2m\nmax_gap: 4m',
    inputs: { sat: 'degC, stale_after: 2m' },
    rows: `
10:00 | 16   | true    | false   | pending  | 0 |
10:01 | 16   | true    | false   | pending  | 1 |
10:02 | (16) | true    | false   | pending  | 2 |
10:03 | (16) | true    | false   | firing   |   | opened
10:04 | -    | unknown | unknown | firing   |   | stale
10:05 | 16   | true    | false   | firing   |   | fresh
10:06 | 16   | true    | false   | firing   |   |
10:07 | (16) | true    | false   | firing   |   |
10:08 | (16) | true    | false   | firing   |   |
10:09 | -    | unknown | unknown | firing   |   | stale
10:10 | -    | unknown | unknown | firing   |   |
10:11 | 13   | false   | true    | clearing | 0 | fresh
10:12 | 13   | false   | true    | clearing | 1 |
10:13 | 13   | false   | true    | normal   |   | resolved`,
  },
  'C: an absent point in three-valued logic': {
    rule: 'when: fan && (sat > 15 || zt > 26)\nfor: 1m\nclear_for: 0',
    inputs: { fan: 'bool, stale_after: 1m', sat: 'degC, stale_after: 1m', zt: 'degC, stale_after: 1m' },
    rows: `
10:00 | true  | 16   | -    | true    | false   | pending | 0 |
10:01 | true  | 16   | -    | true    | false   | firing  |   | opened
10:02 | true  | 14   | -    | unknown | unknown | firing  |   | stale
10:03 | true  | 14   | 25   | false   | true    | normal  |   | resolved
10:04 | false | (14) | (25) | false   | true    | normal  |   |`,
  },
  'D: hold-off after a change': {
    rule: 'when: os == 3 && sat > 15\nfor: 2m\nclear_for: 0\nhold_off: { after_change_of: [os], for: 3m }',
    inputs: { os: 'count', sat: 'degC' },
    rows: `
10:00 | 2 | 16 | suspended | true  | normal  |   |
10:01 | 2 | 16 | suspended | true  | normal  |   |
10:02 | 3 | 16 | suspended | false | normal  |   |
10:03 | 3 | 16 | suspended | false | normal  |   |
10:04 | 3 | 16 | suspended | false | normal  |   |
10:05 | 3 | 16 | true      | false | pending | 0 |
10:06 | 3 | 16 | true      | false | pending | 1 |
10:07 | 3 | 16 | true      | false | firing  |   | opened
10:08 | 3 | 14 | false     | true  | normal  |   | resolved`,
  },
  'B2: a gap while pending': {
    rule: 'when: sat > 15\nfor: 3m\nclear: sat < 14\nclear_for: 2m\nmax_gap: 4m',
    inputs: { sat: 'degC, stale_after: 1m' },
    rows: `
10:00 | 16   | true    | false   | pending | 0 |
10:01 | 16   | true    | false   | pending | 1 |
10:02 | (16) | true    | false   | pending | 2 |
10:03 | -    | unknown | unknown | pending | 2 |
10:04 | -    | unknown | unknown | pending | 2 |
10:05 | 16   | true    | false   | firing  |   | opened
10:06 | 16   | true    | false   | firing  |   |
10:07 | 14.5 | false   | false   | firing  |   |`,
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

/** Plays the readings of the rows and writes down what the kernel says, in the rows' own form. */
function play(conditions: string, inputs: Record<string, string>, rows: string[][]): string[] {
  const names = Object.keys(inputs);
  const ruleSet = ruleSetOf(conditions, inputs);
  const points = names.map((name) => ({
    id: name,
    class: `brick:${name}`,
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
    const effects = evaluation.tick(at);
    const machine = evaluation.findMachine('example', 'ahu');
    const state = machine?.state ?? 'normal';
    const clock = state === 'pending' || state === 'clearing' ? String((machine?.clockMs ?? 0) / 60_000) : '';
    const seen = evaluation.inspect('example', 'ahu', at);
    const words = effects.map((effect) =>
      effect.kind === 'flagged' ? (effect.stale ? 'stale' : 'fresh') : effect.kind,
    );
    const effect = words.filter((word) => word !== 'pending').join(' ');
    const condition = seen?.isSuspended ? 'suspended' : formatTruth(seen?.condition ?? 1);
    return [...row.slice(0, names.length + 1), condition, formatTruth(seen?.clearing ?? 1), state, clock, effect].join(
      ' | ',
    );
  });
}

function ruleSetOf(conditions: string, inputs: Record<string, string>) {
  const lines = Object.entries(inputs).map(([name, rest]) => `  ${name}: { class: brick:${name}, unit: ${rest} }`);
  const text = `rule: example\nversion: 1\ntitle: Example\napplies_to: { class: brick:AHU }\nevery: 1m\ninputs:\n${lines.join('\n')}\n${conditions}\nseverity: warning\ncategory: fault\n`;
  const { rules, errors } = buildRuleSet([{ file: 'example.yaml', text }]);
  expect(errors.filter(({ severity }) => severity === 'error')).toEqual([]);
  return rules;
}

function unitOf(input: string): string {
  return input.split(',')[0] as string;
}
