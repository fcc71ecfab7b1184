import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import type { RuleSet } from './rule.ts';
import type { RuleError } from './rule-error.ts';
import { RuleTestFile } from './rule-file.ts';
import { type CaseResult, type Coverage, runRuleTest } from './rule-test.ts';
import { addCoverage } from './rule-test-report.ts';
import { parseSource, validateSource } from './yaml-source.ts';

/** The outcome of all test files under some paths. */
export type RuleTestRun = {
  files: { file: string; results: CaseResult[] }[];
  errors: RuleError[];
  coverage: Map<string, Coverage>;
};

/** Runs every `*.test.yaml` at or below the paths against a rule set. Files that cannot be read as tests come back as errors. */
export async function testRules(paths: string[], ruleSet: RuleSet): Promise<RuleTestRun> {
  const run: RuleTestRun = { files: [], errors: [], coverage: new Map() };
  const uncovered: Coverage = { fires: false, clears: false, starves: false };
  for (const { id } of ruleSet.rules) run.coverage.set(id, uncovered);
  for (const file of (await Promise.all(paths.map(listTestFiles))).flat()) {
    const { source, errors } = parseSource(file, await readFile(file, 'utf8'));
    const { value, errors: found } =
      errors.length > 0 ? { value: undefined, errors: [] } : validateSource(source, RuleTestFile);
    run.errors.push(...errors, ...found);
    if (!value) continue;
    const results = runRuleTest(value, ruleSet);
    run.files.push({ file, results });
    for (const { covered } of results) run.coverage.set(value.rule, addCoverage(run.coverage.get(value.rule), covered));
  }
  return run;
}

async function listTestFiles(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [path.replace(/(?<!\.test)\.(ya?ml)$/, '.test.$1')];
  const names = await readdir(path, { recursive: true });
  return names
    .filter((name) => /\.test\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(path, name));
}
