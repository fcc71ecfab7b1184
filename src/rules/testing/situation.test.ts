import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { buildRuleSet } from '../language/load-rules.ts';
import { RuleTestFile } from '../language/rule-file.ts';
import { addCoverage, uncovered } from './coverage.ts';
import { runRuleTest } from './rule-test.ts';
import { formatCoverage } from './rule-test-report.ts';

const head = 'version: 1\ntitle: T\napplies_to: { class: brick:AHU }\nseverity: info\ncategory: fault\n';
const inputs =
  'inputs: { sat: { class: brick:Supply_Air_Temperature_Sensor, unit: degC }, fan: { class: brick:Fan_On_Off_Status, unit: bool } }\n';
const { rules } = buildRuleSet([
  {
    file: 'warm.yaml',
    text: `rule: warm\n${head}${inputs}params: { limit: { default: 15, unit: degC } }\nwhen: fan && sat > limit\nhold_off: { after_change_of: [fan], for: 5m }\nfor: 5m\nclear: sat < limit - 1\nclear_for: 2m\n`,
  },
  {
    file: 'steady.yaml',
    text: `rule: steady\n${head}${inputs}when: stddev(sat, '10m') < 0.1\nfor: 0\n`,
  },
]);

describe('a case shows', () => {
  test.each([
    ['normal', 'sat: 14*20, fan: true*20', '{ insights: 0 }', ''],
    ['fault', 'sat: 16*20, fan: true*20', '{ insights: 1 }', ''],
    ['boundary', 'sat: 15*20, fan: true*20', '{ insights: 0 }', ''],
    ['boundary', 'sat: 16*10 14*10, fan: true*20', '{ insights: 0 }', 'a delay a tick short'],
    ['equipment off', 'sat: 16*20, fan: false*20', '{ insights: 0 }', ''],
    ['missing data', 'sat: 16*20 _*30, fan: true*50', '{ at: 49m, state: firing, stale: true }', ''],
    ['missing data', 'sat: _*30, fan: true*30', '{ insights: 0 }', 'never any'],
    ['gap', 'sat: 16*8 _*10 16*10, fan: true*28', '{ at: 10m, state: firing }', 'a carried value'],
    ['duplicate times', 'sat: 14*20, fan: true*20', '{ at: 10m, state: firing }', 'again: { series: { sat: 16*20 } }'],
    [
      'out of order',
      'sat: 16*20, fan: true*20',
      '{ at: 10m, state: firing }',
      'again: { series: { sat: 14*20 }, before: 20s }',
    ],
    [
      'out of order',
      'sat: 16*12 _ _ 16*6, fan: true*20',
      '{ at: 13m, state: firing }',
      'readings: [{ at: 12m50s, input: sat, value: 16 }, { at: 12m20s, input: sat, value: 10 }]',
    ],
    [
      'irregular sampling',
      'sat: 16*90, fan: true*90',
      '{ at: 89m, state: firing, stale: false }',
      'sampling: { sat: [1m, 9m] }',
    ],
    ['start-up', 'sat: 16*30, fan: false*10 true*20', '{ at: 19m, state: pending }', ''],
  ])('the situation %s with %s', (situation, series, expected, more) => {
    expect(failuresOf('warm', situation, series, expected, more)).toEqual([]);
  });

  test('a start-up without delays by windows that are not full yet', () => {
    expect(failuresOf('steady', 'start-up', 'sat: 14*7, fan: true*7', '{ insights: 0 }', '')).toEqual([]);
  });
});

describe('a label is refused', () => {
  test.each([
    ['normal', 'sat: 16*3 14*20, fan: true*23', '{ insights: 0 }', '', 'the condition is true at times'],
    ['normal', 'sat: _*20, fan: true*20', '{ insights: 0 }', '', 'the condition is never known'],
    ['fault', 'sat: 14*20, fan: true*20', '{ insights: 0 }', '', 'the rule does not fire'],
    ['boundary', 'sat: 10*20, fan: true*20', '{ insights: 0 }', '', 'no parameter, input or delay'],
    ['equipment off', 'sat: 14*20, fan: true*20', '{ insights: 0 }', '', 'no input is off'],
    ['equipment off', 'sat: 14*20, fan: false*20', '{ insights: 0 }', '', 'would not fire either'],
    ['missing data', 'sat: 14*20, fan: true*20', '{ insights: 0 }', '', 'every input has usable readings'],
    ['missing data', 'sat: 16*20 _*30, fan: true*50', '{ insights: 1 }', '', 'the expectations are met too if unknown'],
    ['gap', 'sat: 16*3 _ 16*20, fan: true*24', '{ at: 10m, state: firing }', '', 'no input misses two readings'],
    ['gap', 'sat: 14*3 _*10 14*20, fan: true*33', '{ insights: 0 }', '', 'if values were not carried'],
    ['duplicate times', 'sat: 16*20, fan: true*20', '{ insights: 1 }', '', 'whichever of two readings'],
    [
      'out of order',
      'sat: 16*20, fan: true*20',
      '{ insights: 1 }',
      'again: { series: { sat: 17*20 }, before: 20s }',
      'if the last reading to arrive',
    ],
    ['irregular sampling', 'sat: 16*20, fan: true*20', '{ insights: 1 }', '', 'if readings were counted'],
    ['start-up', 'sat: 16*30, fan: true*30', '{ insights: 1 }', '', 'without the hold-off too'],
  ])('%s on %s', (situation, series, expected, more, reason) => {
    const [failure, ...others] = failuresOf('warm', situation, series, expected, more);
    expect(failure).toContain(`this is no case of the situation '${situation}': `);
    expect(failure).toContain(reason);
    expect(others).toEqual([]);
  });

  test('not on a case that misses its expectations: that is told alone', () => {
    expect(failuresOf('warm', 'fault', 'sat: 14*20, fan: true*20', '{ insights: 1 }', '')).toEqual([
      'expected 1 insights, found 0',
    ]);
  });
});

test.each(['[0, 9m]', '[9m, 1m]'])('a sampling of %s is refused with what would be right', (distances) => {
  const failures = failuresOf(
    'warm',
    'fault',
    'sat: 16*20, fan: true*20',
    '{ insights: 1 }',
    `sampling: { sat: ${distances} }`,
  );
  expect(failures).toEqual(['sampling: sat: write the least distance, above 0, and then the greatest: [1m, 9m]']);
});

describe('coverage', () => {
  test('names the situations that no case shows, and takes a reason for those that cannot be', () => {
    const file = RuleTestFile.parse(
      parse(
        'rule: warm\nnot_applicable: { gap: it has none }\ncases:\n  - { name: a, situation: [fault, start-up], series: { sat: 16*30, fan: true*30 }, expect: [{ at: 9m, state: pending }, { insights: 1 }] }\n',
      ),
    );
    const coverage = addCoverage(uncovered, file, runRuleTest(file, rules));
    expect(formatCoverage(new Map([['warm', coverage]]))).toEqual([
      'warm: no case clears it',
      'warm: no case starves it of data',
      'warm: no case has the situation normal, boundary, equipment off, missing data, duplicate times, out of order, irregular sampling',
    ]);
  });

  test('does not count a label that is refused', () => {
    const file = caseOf('warm', 'fault', 'sat: 14*20, fan: true*20', '{ insights: 0 }', '');
    expect(addCoverage(uncovered, file, runRuleTest(file, rules)).situations).toEqual(new Set());
  });
});

/** What is wrong with a case, which has one that fires beside it. */
function failuresOf(rule: string, situation: string, series: string, expected: string, more: string): string[] {
  const file = caseOf(rule, situation, series, expected, more);
  return (runRuleTest(file, rules)[0]?.failures ?? []).map(({ message }) => message);
}

function caseOf(rule: string, situation: string, series: string, expected: string, more: string): RuleTestFile {
  const extra = more.includes(':') ? `    ${more}\n` : '';
  return RuleTestFile.parse(
    parse(
      `rule: ${rule}\ncases:\n  - name: case\n    situation: ${situation}\n    series: { ${series} }\n${extra}    expect: [${expected}]\n` +
        '  - name: fires\n    series: { sat: 16*20, fan: true*20 }\n    expect: [{ insights: 1 }]\n',
    ),
  );
}
