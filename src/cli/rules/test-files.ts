import { readFile } from 'node:fs/promises';
import { errorAtPath, formatRuleError, type RuleError } from '../../rules/language/rule-error.ts';
import { toSarif } from '../../rules/language/sarif.ts';
import { parseSource } from '../../rules/language/yaml-source.ts';
import { formatCaseFailure, formatCoverage } from '../../rules/testing/rule-test-report.ts';
import { type RuleTestRun, testRules } from '../../rules/testing/test-rules.ts';
import { loadWith, mistakesOf } from './load.ts';
import { readOptions, rulesOption } from './options.ts';
import { print, printJson } from './print.ts';

export const testUsage = `rules test [paths] [--rules DIR] [--coverage] [--json | --sarif]
  Runs the tests beside the rules, with the rules of those folders and of DIR, each case three times: whole, cut at random, shuffled.
  --coverage   also names what no case of a rule shows
  --json       one case a line                      --sarif   mistakes and failed cases as SARIF 2.1.0`;

/** `rules test`: 1 when a case fails, a file has mistakes, or coverage is asked for and has gaps. */
export async function runTests(argv: string[]): Promise<number> {
  const options = readOptions(
    { argv, takesPaths: true },
    { ...rulesOption, coverage: { type: 'boolean' }, json: { type: 'boolean' }, sarif: { type: 'boolean' } },
  );
  const { rules, errors } = await loadWith(options.rules, [], { tests: options.paths });
  const paths = options.paths.length > 0 ? options.paths : [options.rules];
  const run = await testRules(paths, rules);
  const mistakes = mistakesOf([...errors, ...run.errors]);
  const gaps = options.coverage ? formatCoverage(run.coverage) : [];
  if (options.sarif) print(JSON.stringify(toSarif([...mistakes, ...(await failuresAsErrors(run))]), null, 2));
  else if (options.json) printLines(run, mistakes, gaps);
  else printReport(run, mistakes, { gaps, isCovered: options.coverage === true });
  const { failed } = countCases(run);
  return failed + mistakes.length + gaps.length > 0 ? 1 : 0;
}

function countCases({ files }: RuleTestRun): { passed: number; failed: number } {
  const results = files.flatMap((file) => file.results);
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  return { passed: results.length - failed, failed };
}

function printReport(run: RuleTestRun, mistakes: RuleError[], coverage: { gaps: string[]; isCovered: boolean }): void {
  for (const error of mistakes) print(`${formatRuleError(error)}\n`);
  for (const { file, results } of run.files) {
    for (const result of results) if (result.failures.length > 0) print(`${formatCaseFailure(file, result)}\n`);
  }
  for (const gap of coverage.gaps) print(gap);
  const { passed, failed } = countCases(run);
  const covered = coverage.isCovered ? `, ${coverage.gaps.length} gaps in coverage` : '';
  print(`${run.files.length} files, ${passed} cases passed, ${failed} failed${covered}`);
}

function printLines(run: RuleTestRun, mistakes: RuleError[], gaps: string[]): void {
  for (const error of mistakes) printJson(error);
  for (const { file, results } of run.files) {
    for (const { name, failures } of results) {
      printJson({ file, case: name, passed: failures.length === 0, failures: failures.map(({ message }) => message) });
    }
  }
  for (const gap of gaps) printJson({ gap });
}

/** Each failure at the place of its case in the file. */
async function failuresAsErrors({ files }: RuleTestRun): Promise<RuleError[]> {
  const errors: RuleError[] = [];
  for (const { file, results } of files) {
    if (results.every(({ failures }) => failures.length === 0)) continue;
    const { source } = parseSource(file, await readFile(file, 'utf8'));
    results.forEach(({ name, failures }, index) => {
      for (const { message } of failures) {
        errors.push(errorAtPath(source, ['cases', index], { code: 'failed_case', message: `${name}: ${message}` }));
      }
    });
  }
  return errors;
}
