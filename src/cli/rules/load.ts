import { readdir, stat } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { isMap } from 'yaml';
import {
  buildRuleSet,
  type LoadedRules,
  type LoadOptions,
  type RuleText,
  readRuleTexts,
} from '../../rules/language/load-rules.ts';
import { formatRuleError, type RuleError } from '../../rules/language/rule-error.ts';
import { parseSource } from '../../rules/language/yaml-source.ts';

/**
 * The rules of a directory, and of files beside it, which bring the directory along for what they refer to. A rule or a derived
 * value of a file beside it takes the place of the directory's own of that name: a copy may be worked on anywhere.
 * `tests` are folders and files of tests, which bring the rules beside them along.
 */
export async function loadWith(
  directory: string,
  paths: readonly string[],
  { tests = [], ...options }: LoadOptions & { tests?: readonly string[] } = {},
): Promise<LoadedRules> {
  const beside = (await Promise.all(tests.map(readBeside))).flat();
  const texts = (await Promise.all(paths.map(readTexts))).flat();
  return loadTexts(directory, [...beside.filter(({ text }) => looksLikeRules.test(text)), ...texts], options);
}

// Tests may lie beside YAML of any kind.
const looksLikeRules = /^["']?(?:rule|derived|overrides)\b/m;

/** The rule files of a folder with tests, or of the folder of a test file. */
async function readBeside(path: string): Promise<RuleText[]> {
  const texts = await readTexts(path);
  if (!(await stat(path)).isFile()) return texts;
  const names = (await readdir(dirname(path))).filter((name) => /(?<!\.test)\.ya?ml$/.test(name));
  return (await Promise.all(names.map((name) => readTexts(join(dirname(path), name))))).flat();
}

async function loadTexts(directory: string, added: readonly RuleText[], options: LoadOptions): Promise<LoadedRules> {
  const own = new Map((await readTexts(directory)).map((one) => [resolve(one.file), one]));
  const given = new Map(added.map((one) => [resolve(one.file), one]));
  const names = [...given].filter(([file]) => !own.has(file)).flatMap(([, one]) => namesOf(one));
  const kept = [...own].filter(([file, one]) => given.has(file) || !isReplaced(one, names));
  return buildRuleSet([...new Map([...kept, ...given]).values()], options);
}

function isReplaced(text: RuleText, names: readonly string[]): boolean {
  // Parsed only where a name occurs at all: most of a library is not being replaced.
  const near = names.filter((name) => text.text.includes(name.slice(name.indexOf(' ') + 1)));
  return near.length > 0 && namesOf(text).some((name) => near.includes(name));
}

/** What a file declares, as `rule g36-fc1` or `derived g36_operating_state`. */
function namesOf({ file, text }: RuleText): string[] {
  const { document } = parseSource(file, text).source;
  if (!isMap(document.contents)) return [];
  return ['rule', 'derived'].flatMap((kind) => (document.has(kind) ? [`${kind} ${document.get(kind)}`] : []));
}

/** The rule files at or below a path; throws a sentence where there is nothing of that name. */
export async function readTexts(path: string): Promise<RuleText[]> {
  try {
    return await readRuleTexts(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ENOENT') throw cause;
    throw new Error(`there is no file or folder ${path}`, { cause });
  }
}

/** Those of the errors that keep a rule from running. */
export function mistakesOf(errors: readonly RuleError[]): RuleError[] {
  return errors.filter(({ severity }) => severity === 'error');
}

/** Tells on the standard error which rules are left out of what the command prints; returns how many mistakes there are. */
export function tellMistakes(errors: readonly RuleError[]): number {
  const mistakes = mistakesOf(errors);
  if (mistakes.length > 0) process.stderr.write(`${mistakes.map(formatRuleError).join('\n\n')}\n`);
  return mistakes.length;
}
