import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { buildRule } from './build-rule.ts';
import { linkRules } from './link-rules.ts';
import { memorySpanMs, type Rule, type RuleSet, staleAfterMsDefault } from './rule.ts';
import type { RuleError, Source } from './rule-error.ts';
import { DerivedFile, RuleFile } from './rule-file.ts';
import type { Derived } from './rule-scope.ts';
import { parseSource, validateSource } from './yaml-source.ts';

export type LoadOptions = {
  /** Divides every duration; 60 makes a minute of rule time one second. */
  timeScale?: number;
  /** The rules in use until now: where a file has gone bad, its rule of this set runs on. */
  previous?: RuleSet;
};

export type LoadedRules = { rules: RuleSet; errors: RuleError[] };

/** A file by its name relative to the rules' directory, with its text. */
export type RuleText = { file: string; text: string };

/**
 * Loads all `*.yaml` of a directory and below it, tests excepted. All errors of all files are returned; the rule set holds what is
 * good. Throws only when the directory cannot be read.
 */
export async function loadRules(directory: string, options: LoadOptions = {}): Promise<LoadedRules> {
  return buildRuleSet(await readRuleTexts(directory), options);
}

/** The rule files under a directory (or the one file given) in the order of their names. */
export async function readRuleTexts(path: string): Promise<RuleText[]> {
  if ((await stat(path)).isFile()) return [{ file: path, text: await readFile(path, 'utf8') }];
  const names = (await readdir(path, { recursive: true })).filter((name) => isRuleFile(name)).sort();
  return Promise.all(
    names.map(async (name) => ({
      file: join(path, name),
      text: await readFile(join(path, name), 'utf8'),
    })),
  );
}

/** A rule set from the texts of its files: the whole of loading but for the reading. */
export function buildRuleSet(texts: RuleText[], { timeScale = 1, previous }: LoadOptions = {}): LoadedRules {
  const errors: RuleError[] = [];
  const sources = texts.map(({ file, text }) => {
    const { source, errors: found, isWhole } = parseSource(file, text);
    errors.push(...found);
    return { source, isWhole, isSound: found.length === 0 };
  });
  const whole = sources.filter(({ isWhole }) => isWhole);
  const derivedValues = collectDerived(whole, errors);
  const built = whole
    .filter(({ source }) => !isDerived(source))
    .map((one) => buildOne(one, derivedValues, timeScale, errors));
  const declared = new Set(sources.map(({ source }) => String(source.document.get('rule') ?? '')));
  const candidates = built.flatMap(({ rule, source }) => (rule ? [{ rule, source }] : []));
  const linked = linkRules(candidates, declared, errors);
  const kept = findKept(linked, built, texts, previous);
  const rules =
    kept.length === 0
      ? linked
      : linkRules(
          [...linked, ...kept].map((rule) => ({ rule, source: undefined })),
          declared,
          [],
        );
  return { rules: createRuleSet(rules, texts, timeScale), errors: sortErrors(withoutEchoes(errors)) };
}

type Parsed = { source: Source; isSound: boolean };

/** What became of a rule's file: no rule when it has mistakes, `isOff` when it says that it is not to run. */
type Built = { source: Source; rule?: Rule | undefined; isOff?: boolean };

function isRuleFile(name: string): boolean {
  return /\.ya?ml$/.test(name) && !/\.test\.ya?ml$/.test(name) && !name.split(sep).some((part) => part.startsWith('.'));
}

function isDerived(source: Source): boolean {
  return source.document.has('derived') && !source.document.has('rule');
}

function collectDerived(sources: Parsed[], errors: RuleError[]): Map<string, Derived | 'broken'> {
  const derivedValues = new Map<string, Derived | 'broken'>();
  for (const { source, isSound } of sources.filter((one) => isDerived(one.source))) {
    const { value, errors: found } = validateSource(source, DerivedFile);
    errors.push(...found);
    const name = String(source.document.get('derived'));
    derivedValues.set(name, value && isSound ? { file: value, source } : 'broken');
  }
  return derivedValues;
}

function buildOne(
  { source, isSound }: Parsed,
  derivedValues: Map<string, Derived | 'broken'>,
  timeScale: number,
  errors: RuleError[],
): Built {
  const { value, rest, errors: found } = validateSource(source, RuleFile, ruleDefaults);
  errors.push(...found);
  if (!rest) return { source };
  const { rule, errors: inside } = buildRule(rest, source, derivedValues, timeScale);
  errors.push(...inside);
  const isOff = value?.enabled === false;
  return { source, isOff, rule: value && isSound && !isOff ? rule : undefined };
}

// What stands in for missing keys while the rest of a rule with mistakes is searched for more of them.
const ruleDefaults = {
  rule: 'unnamed',
  version: 1,
  title: 'untitled',
  applies_to: { class: 'brick:Equipment' },
  inputs: {},
  when: 'true',
  severity: 'warning',
  category: 'fault',
};

/** Rules of the previous set whose file is still there but has gone bad: a bad file never replaces a good rule. */
function findKept(linked: Rule[], built: Built[], texts: RuleText[], previous: RuleSet | undefined): Rule[] {
  const files = new Set(texts.map(({ file }) => file));
  for (const { file } of linked) files.delete(file);
  for (const { isOff, source } of built) if (isOff) files.delete(source.file);
  const ids = new Set(linked.map(({ id }) => id));
  return (previous?.rules ?? []).filter(({ id, file }) => files.has(file) && !ids.has(id));
}

/** A tag garbles its whole line, and a class that was taken out is missed afterwards: the mistake itself is enough. */
function withoutEchoes(errors: RuleError[]): RuleError[] {
  const lineOf = ({ file, line }: RuleError) => `${file}:${line}`;
  const tagged = new Set(errors.filter(({ code }) => code === 'yaml_tag').map(lineOf));
  const misshapen = new Set(errors.filter(({ code }) => code === 'invalid_value').map(lineOf));
  return errors.filter((error) => {
    if (tagged.has(lineOf(error))) return error.code === 'yaml_tag';
    return error.code !== 'missing_class' || !misshapen.has(lineOf(error));
  });
}

function createRuleSet(rules: Rule[], texts: RuleText[], timeScale: number): RuleSet {
  const hash = createHash('sha256');
  hash.update(`time scale ${timeScale}\n`);
  const running = new Set(rules.map(({ file }) => file));
  for (const { file, text } of texts)
    hash.update(`${running.has(file) ? 'rule' : 'other'} ${file.split(sep).at(-1)} ${text.length}\n${text}`);
  for (const { id, version } of rules) hash.update(`${id} ${version}\n`);
  const staleMs = Math.max(
    staleAfterMsDefault / timeScale,
    ...rules.flatMap(({ inputs }) => inputs.map(({ staleAfterMs }) => staleAfterMs ?? 0)),
  );
  return {
    hash: hash.digest('hex'),
    rules,
    everyMsMin: rules.reduce((least, { timing }) => Math.min(least, timing.everyMs), Number.POSITIVE_INFINITY),
    warmupMs: rules.reduce((most, rule) => Math.max(most, memorySpanMs(rule, staleMs)), 0),
    timeScale,
  };
}

function sortErrors(errors: RuleError[]): RuleError[] {
  const key = ({ file, line, column, message }: RuleError) =>
    `${file}:${String(line).padStart(6)}:${String(column).padStart(5)}:${message}`;
  const unique = new Map(errors.map((error) => [key(error), error]));
  return [...unique.values()].sort((a, b) => (key(a) < key(b) ? -1 : 1));
}
