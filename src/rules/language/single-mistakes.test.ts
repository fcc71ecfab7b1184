import { describe, expect, test } from 'vitest';
import { found, head, inputs, tail } from '../../../tests/support/bad-rule.ts';
import { buildRuleSet } from './load-rules.ts';

/** Files with one mistake each, which is told once: limits, names and words of the language, and what is no rule file at all. */

test.each([
  ['a condition too deep', `when: ${'('.repeat(60)}fan${')'.repeat(60)}\n`, 'limit_exceeded'],
  ['too many nodes', `when: sat > ${Array.from({ length: 300 }, () => '1.0').join(' + ')}\n`, 'limit_exceeded'],
  [
    'too many windows',
    `when: cc > ${Array.from({ length: 23 }, (_, i) => `avg(cc, '${i + 1}m')`).join(' + ')}\n`,
    'limit_exceeded',
  ],
  ['a window longer than a month', "when: avg(cc, '31d1m') > 1\n", 'limit_exceeded'],
  [
    'windows that remember too much between them',
    `every: 1s\nwhen: ${Array.from({ length: 20 }, (_, i) => `avg(cc + ${i}.0, '31d') > 1`).join(' || ')}\n`,
    'limit_exceeded',
  ],
  ['a name that is part of every object', 'let: { __proto__: cc + 1.0 }\nwhen: fan\n', 'reserved_name'],
  ['a list without numbers', 'when: cc in []\n', 'empty_list'],
  ['a list without numbers beside numbers', 'when: 1.0 in []\n', 'empty_list'],
  ['a truth beside a number', 'when: fan == 1\n', 'no_such_overload'],
  ['whole numbers, of which one is chosen, divided', 'when: "(fan ? 1 : 2) / 2 > 0.4"\n', 'integer_division'],
])('%s is told once', (_, when, code) => {
  expect(found(`${head}${inputs}${when}${tail}`).map((one) => one.split(' ')[1])).toEqual([code]);
});

describe('what is no rule file is told so, and stops nobody', () => {
  test.each([
    ['', '1:1 no_mapping'],
    ['- a\n', '1:1 no_mapping'],
    ['hello\n', '1:1 no_mapping'],
    ['{', '1:1 missing_char'],
    [
      `a: &a [x,x,x,x,x,x,x,x,x]\n${'bcdefghi'
        .split('')
        .map((name, i) => `${name}: &${name} [${Array.from({ length: 9 }, () => `*${'abcdefgh'[i]}`).join(',')}]`)
        .join('\n')}\n`,
      '1:1 yaml_alias',
    ],
  ])('%#', (text, expected) => {
    expect(found(text)[0]).toBe(expected);
  });
});

test('an input that no expression uses is not passed over for its name', () => {
  const text = `${head}inputs:
  sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degC }
  __proto__: { class: brick:Nonsense }
when: sat > 15
${tail}`;
  expect(found(text)).toEqual(['7:3 reserved_name']);
});

describe('windows may remember as much as five of a month at every 1m', () => {
  test.each(["avg(cc, '31d') > 1", "lowest(cc, '31d') > 1 || avg(sat, '31d') > 2 || duty(fan, '31d') > 0.5"])(
    '%s',
    (when) => expect(found(`${head}${inputs}when: ${when}\n${tail}`)).toEqual([]),
  );
});

test('a sum of numbers with and without a point is understood, a choice between them has a word of help', () => {
  const helpOf = (when: string) =>
    buildRuleSet([{ file: 'bad.yaml', text: `${head}${inputs}when: ${when}\n${tail}` }]).errors.map(({ help }) => help);
  expect(helpOf('cc + 1 > 2')).toEqual([]);
  expect(helpOf('"(fan ? cc : 1) > 1"')).toEqual(['write both numbers with a decimal point, as in 1.0']);
});

describe('a mistake in a quoted condition stands where it was written', () => {
  test.each([
    ['"sat > 30.0 \\u0026\\u0026 x\\u0062 > 3"', 32, 7],
    ['"sat > 30.0 \\x26\\x26 xb > 3"', 28, 2],
    ['"sat > 30.0\\t&& xb > 3"', 23, 2],
    ['"sat > 30.0 && \\U00000078b > 3"', 22, 11],
    ["'sat > 30.0 && ''a'' == xb'", 31, 2],
    ['"sat > 30.0 && \\\n  xb > 3"', 3, 2, 12],
    ['"sat > 30.0 &&\n  xb > 3"', 3, 2, 12],
    ['>-\n  sat > 30.0 && xb > 3', 17, 2, 12],
  ])('%s', (when, column, length, line = 11) => {
    const text = `${head}${inputs}when: ${when}\n${tail}`;
    const errors = buildRuleSet([{ file: 'bad.yaml', text }]).errors.filter(({ code }) => code === 'unknown_variable');
    expect(errors.map((one) => [one.line, one.column, one.length])).toEqual([[line, column, length]]);
  });
});

test.each([
  ['severity: warn\n', "did you mean 'warning'?"],
  ['severity: crit\n', "did you mean 'critical'?"],
  ['severity: warnign\n', "did you mean 'warning'?"],
])('for a wrong choice there is a right one: %s', (severity, help) => {
  const text = `${head}${inputs}when: fan\n${tail.replace('severity: warning\n', severity)}`;
  expect(buildRuleSet([{ file: 'bad.yaml', text }]).errors.map((one) => one.help)).toEqual([help]);
});

test('a duration without its unit is asked for it', () => {
  const text = `${head}${inputs}when: fan\nfor: 30\n${tail}`;
  expect(buildRuleSet([{ file: 'bad.yaml', text }]).errors.map(({ message }) => message)).toEqual([
    'for: 30 what? A duration has a unit, as in 30m',
  ]);
});

test('an operator of another language is shown as a whole', () => {
  const text = `${head}${inputs}when: fan\nclear: cc <> 3\n${tail}`;
  expect(buildRuleSet([{ file: 'bad.yaml', text }]).errors).toMatchObject([
    { line: 12, column: 11, length: 2, help: "CEL writes '<>' as '!='" },
  ]);
});

test('a column map among the rules is told to be one, once', () => {
  const text = `# of a trend log
time: { column: Datetime }
asset: { name: A, class: brick:AHU }
points: { SAT: { class: brick:Supply_Air_Temperature_Sensor } }
`;
  expect(buildRuleSet([{ file: 'map.yaml', text }]).errors).toMatchObject([
    { line: 2, column: 1, code: 'no_rule', message: 'this is the column map of a trend log, and no rule' },
  ]);
});

test('the base tick of the program is named beside the ticks of a rule that do not fit it', () => {
  const text = `${head}${inputs}when: fan\nevery: 15s\n${tail}`;
  const messages = (options: object) =>
    buildRuleSet([{ file: 'bad.yaml', text }], options).errors.map(
      ({ line, column, message }) => `${line}:${column} ${message}`,
    );
  expect(messages({ tickMs: 10_000 })).toEqual([
    '12:8 every: 15s is neither a multiple nor a part of the base tick TICK: 10s',
  ]);
  expect(messages({ tickMs: 5_000 })).toEqual([]);
  expect(messages({ tickMs: 30_000 })).toEqual([]);
  expect(messages({ tickMs: 400, timeScale: 60 })).toEqual([
    '12:8 every: 15s is neither a multiple nor a part of the base tick TICK: 24s',
  ]);
  expect(messages({})).toEqual([]);
});
