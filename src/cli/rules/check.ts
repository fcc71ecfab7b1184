import { resolve } from 'node:path';
import { settings } from '../../platform/config.ts';
import { findDurationMs } from '../../rules/language/durations.ts';
import type { RuleSet } from '../../rules/language/rule.ts';
import { errorAtPath, formatRuleError, type RuleError } from '../../rules/language/rule-error.ts';
import { RuleTestFile } from '../../rules/language/rule-file.ts';
import { toSarif } from '../../rules/language/sarif.ts';
import { suggest } from '../../rules/language/suggestion.ts';
import { parseSource, validateSource } from '../../rules/language/yaml-source.ts';
import { loadWith, mistakesOf, readTexts } from './load.ts';
import { readOptions, rulesOption, UsageError } from './options.ts';
import { print, printJson } from './print.ts';

export const checkUsage = `rules check [paths] [--rules DIR] [--tick DURATION] [--json | --sarif]
  Looks for mistakes in the files at or below the paths, or in all of the rules; in test files where they are named.
  --tick   the base tick of the program that is to run them, which each 'every' must fit; TICK, or 10s, when absent
  --json   one mistake a line, as an object        --sarif   SARIF 2.1.0, for code hosts and editors`;

const tickDefault = process.env.TICK || settings.TICK.default;

/** `rules check`: 1 when there is any error; warnings alone are fine. */
export async function runCheck(argv: string[]): Promise<number> {
  const options = readOptions(
    { argv, takesPaths: true },
    {
      ...rulesOption,
      json: { type: 'boolean' },
      sarif: { type: 'boolean' },
      tick: { type: 'string', default: tickDefault },
    },
  );
  const tickMs = findDurationMs(options.tick);
  if (!tickMs) throw new UsageError(`--tick: '${options.tick}' is not a duration such as 10s`);
  const paths = options.paths.length > 0 ? options.paths : [options.rules];
  const [tests, others] = [paths.filter(isTestFile), paths.filter((path) => !isTestFile(path))];
  const checked = new Set((await Promise.all(others.map(readTexts))).flat().map(({ file }) => resolve(file)));
  const { errors: all, rules } = await loadWith(options.rules, others, { tests, tickMs });
  const errors = all.filter(({ file }) => checked.has(resolve(file)));
  for (const { file, text } of (await Promise.all(tests.map(readTexts))).flat()) {
    checked.add(resolve(file));
    errors.push(...checkTestFile(file, text, rules));
  }
  const mistakes = mistakesOf(errors);
  if (options.sarif) print(JSON.stringify(toSarif(errors), null, 2));
  else if (options.json) for (const error of errors) printJson(error);
  else {
    for (const error of errors) print(`${formatRuleError(error)}\n`);
    const warnings = errors.length - mistakes.length;
    const good = rules.rules.filter(({ file }) => checked.has(resolve(file)));
    if (tests.length > 0) print('the form of test files is checked here; rules test runs their cases\n');
    print(`${checked.size} files, ${good.length} rules, ${mistakes.length} errors, ${warnings} warnings`);
  }
  return mistakes.length > 0 ? 1 : 0;
}

function isTestFile(path: string): boolean {
  return /\.test\.ya?ml$/.test(path);
}

/** What is wrong with the form of a test file, and with the rules that it names. */
function checkTestFile(file: string, text: string, { rules }: RuleSet): RuleError[] {
  const { source, errors } = parseSource(file, text);
  if (errors.length > 0) return errors;
  const { errors: found } = validateSource(source, RuleTestFile);
  const rule = source.document.get('rule');
  const ids = rules.map(({ id }) => id);
  if (typeof rule !== 'string' || ids.includes(rule)) return found;
  const message = `there is no rule '${rule}'`;
  return [errorAtPath(source, ['rule'], { code: 'unknown_rule', message, help: suggest(rule, ids) }), ...found];
}
