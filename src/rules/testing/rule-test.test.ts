import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { buildRuleSet } from '../language/load-rules.ts';
import type { RuleTestFile } from '../language/rule-file.ts';
import { runRuleTest } from './rule-test.ts';
import { formatCaseFailure } from './rule-test-report.ts';
import { parseSeries } from './series.ts';

const { rules } = buildRuleSet([
  {
    file: 'warm.yaml',
    text: 'rule: warm\nversion: 1\ntitle: Warm\napplies_to: { class: brick:AHU }\ninputs: { sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degC } }\nwhen: sat > 15\nfor: 2m\nseverity: info\ncategory: fault\nmessage: "at {{ sat | 0 degC }}"\n',
  },
]);

describe('a rule test', () => {
  test.each([
    ['{ at: 3m, state: firing, message: "at 16 °C" }', [], 'a state and a whole message'],
    ['{ at: 3m, message: ~"16" }', [], 'a part of a message'],
    ['{ insights: 1, episodes: 1, work_orders: 0 }', [], 'totals'],
    ['{ at: 2m, state: firing }', ['at 2m: expected state firing, found pending'], 'a wrong state'],
    ['{ insights: 2 }', ['expected 2 insights, found 1'], 'a wrong total'],
    ['{ at: 9m, state: normal }', ['at: 9m is beyond the series or between two ticks'], 'an instant beyond the series'],
    ['{ at: 3m, message: cold }', ['at 3m: expected the message cold, found "at 16 °C"'], 'a wrong message'],
  ])('with %s fails with %j: %s', (expected, failures) => {
    const [result] = runRuleTest(file('sat: 14 16*5', expected), rules);
    expect(result?.failures.map(({ message }) => message)).toEqual(failures);
  });

  test('a failure shows the ticks around it', () => {
    const [result] = runRuleTest(file('sat: 14 16*5', '{ at: 2m, state: firing }'), rules);
    expect(
      formatCaseFailure('warm.test.yaml', result as NonNullable<typeof result>)
        .split('\n')
        .slice(0, 6),
    ).toEqual([
      'FAIL warm.test.yaml: case',
      '  at 2m: expected state firing, found pending',
      '    tick  sat  when   clear  state    effect',
      '     0s   14   false  true   normal',
      '     1m   16   true   false  pending  pending',
      '    >2m   16   true   false  pending',
    ]);
  });

  test.each([
    ['sta: 16', "the rule has no input 'sta'; did you mean 'sat'?"],
    ['sat: 1..2', "'1..2' is no series"],
  ])('series %s fail: %s', (series, message) => {
    expect(runRuleTest(file(series, '{ insights: 0 }'), rules)[0]?.failures[0]?.message).toContain(message);
  });

  test.each(Array.from({ length: 12 }, (_, i) => `case ${i}`))(
    'with readings before its start runs alike in one piece and wherever it is cut: %s',
    (name) => {
      const given = file('sat: _*14 20', '{ insights: 1 }');
      const [own] = given.cases;
      const cases = [{ ...own, name, again: { series: { sat: '20 _*10' }, before: '20s' } }] as typeof given.cases;
      expect(runRuleTest({ ...given, cases }, rules)[0]?.failures).toEqual([]);
    },
  );

  test('a rule that does not exist is named, with the one that was meant', () => {
    const results = runRuleTest({ ...file('sat: 1', '{ insights: 0 }'), rule: 'warn' }, rules);
    expect(results[0]?.failures[0]?.message).toBe("there is no rule 'warn'; did you mean 'warm'?");
  });
});

test.each([
  ['1 2*2', [1, 2, 2]],
  ['1..3/3', [1, 2, 3]],
  ['-1..1/2', [-1, 1]],
  ['_*2 5', [null, null, 5]],
  ['true false', [1, 0]],
  ['5 (1*2 0)*2 7', [5, 1, 1, 0, 1, 1, 0, 7]],
])('the series %s is %j', (text, wanted) => {
  expect(parseSeries(text).map((one) => one?.value ?? null)).toEqual(wanted);
});

test('bad readings are readings', () =>
  expect(parseSeries('bad*2')).toEqual([
    { value: 0, quality: 2 },
    { value: 0, quality: 2 },
  ]));

function file(series: string, expected: string): RuleTestFile {
  return parse(
    `rule: warm\ncases:\n  - name: case\n    series: { ${series} }\n    expect: [${expected}]\n`,
  ) as RuleTestFile;
}
