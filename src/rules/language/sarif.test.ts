import { expect, test } from 'vitest';
import type { RuleError } from './rule-error.ts';
import { toSarif } from './sarif.ts';

const error: RuleError = {
  severity: 'error',
  file: 'rules/ahu/über warm.yaml',
  line: 10,
  column: 20,
  length: 5,
  message: 'when: Unknown variable: satsp',
  code: 'unknown_variable',
  lineText: 'when: satsp > 1',
  help: "did you mean 'sat_sp'?",
};

test('a mistake is a result at its region, with a rule of the driver behind it (SARIF 2.1.0, sections 3.27 and 3.49)', () => {
  const warning: RuleError = { ...error, severity: 'warning', code: 'a_first_code', help: undefined };
  expect(toSarif([error, warning], '/plant')).toEqual({
    $schema: 'https://json.schemastore.org/sarif-2.1.0.json',
    version: '2.1.0',
    runs: [
      {
        tool: {
          driver: {
            name: 'faultline rules',
            rules: [
              { id: 'a_first_code', name: 'a_first_code' },
              { id: 'unknown_variable', name: 'unknown_variable' },
            ],
          },
        },
        columnKind: 'utf16CodeUnits',
        results: [
          {
            ruleId: 'unknown_variable',
            ruleIndex: 1,
            level: 'error',
            message: { text: "when: Unknown variable: satsp; did you mean 'sat_sp'?" },
            locations: [
              {
                physicalLocation: {
                  artifactLocation: { uri: 'rules/ahu/%C3%BCber%20warm.yaml', uriBaseId: '%SRCROOT%' },
                  region: { startLine: 10, startColumn: 20, endColumn: 25, snippet: { text: 'when: satsp > 1' } },
                },
              },
            ],
          },
          expect.objectContaining({ ruleId: 'a_first_code', ruleIndex: 0, level: 'warning' }),
        ],
      },
    ],
  });
});

test.each([
  ['/plant/rules/a.yaml', { uri: 'rules/a.yaml', uriBaseId: '%SRCROOT%' }],
  ['./rules/a.yaml', { uri: 'rules/a.yaml', uriBaseId: '%SRCROOT%' }],
  ['../other/a b.yaml', { uri: 'file:///other/a%20b.yaml' }],
  ['/other/a.yaml', { uri: 'file:///other/a.yaml' }],
])('the file %s is at %j: relative below the folder of the command, absolute elsewhere', (file, place) => {
  const { runs } = toSarif([{ ...error, file }], '/plant') as { runs: [{ results: { locations: object[] }[] }] };
  expect(runs[0].results[0]?.locations[0]).toMatchObject({ physicalLocation: { artifactLocation: place } });
});

test('without mistakes there are no results, and there is a run all the same', () => {
  expect(toSarif([], '/plant')).toMatchObject({ runs: [{ results: [] }] });
});
