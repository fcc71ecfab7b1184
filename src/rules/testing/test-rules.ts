import { readdir, readFile, stat } from 'node:fs/promises';
import { join, resolve, sep } from 'node:path';
import type { RuleSet } from '../language/rule.ts';
import type { RuleError } from '../language/rule-error.ts';
import { RuleTestFile } from '../language/rule-file.ts';
import { parseSource, validateSource } from '../language/yaml-source.ts';
import { addCoverage, type Coverage, uncovered } from './coverage.ts';
import { type CaseResult, runRuleTest } from './rule-test.ts';

/** The outcome of all test files under some paths. */
export type RuleTestRun = {
  files: { file: string; results: CaseResult[] }[];
  errors: RuleError[];
  coverage: Map<string, Coverage>;
};

/**
 * Runs every `*.test.yaml` at or below the paths against a rule set. Files that cannot be read as tests come back as errors; the
 * coverage is that of the rules which lie there or which a test there is of.
 */
export async function testRules(paths: string[], ruleSet: RuleSet): Promise<RuleTestRun> {
  const run: RuleTestRun = { files: [], errors: [], coverage: new Map() };
  for (const { id, file, enabled } of ruleSet.rules)
    if (enabled !== false && paths.some((path) => covers(path, file))) run.coverage.set(id, uncovered);
  for (const file of (await Promise.all(paths.map(listTestFiles))).flat()) {
    const { source, errors } = parseSource(file, await readFile(file, 'utf8'));
    const { value, errors: found } =
      errors.length > 0 ? { value: undefined, errors: [] } : validateSource(source, RuleTestFile);
    run.errors.push(...errors, ...found);
    if (!value) continue;
    const results = runRuleTest(value, ruleSet);
    run.files.push({ file, results });
    run.coverage.set(value.rule, addCoverage(run.coverage.get(value.rule) ?? uncovered, value, results));
  }
  return run;
}

/** Whether a rule's file lies at or below a path, or beside it as the file of its test. */
function covers(path: string, file: string): boolean {
  const [place, own] = [resolve(path), resolve(file)];
  return own === place.replace(/\.test(\.ya?ml)$/, '$1') || own.startsWith(`${place}${sep}`);
}

async function listTestFiles(path: string): Promise<string[]> {
  if ((await stat(path)).isFile()) return [path.replace(/(?<!\.test)\.(ya?ml)$/, '.test.$1')];
  const names = await readdir(path, { recursive: true });
  return names
    .filter((name) => /\.test\.ya?ml$/.test(name))
    .sort()
    .map((name) => join(path, name));
}
