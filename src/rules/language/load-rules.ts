import { createHash } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { type FoundFile, listFiles } from '../../platform/list-files.ts';
import { buildRule, type RuleTime } from './build-rule.ts';
import type { DerivedValues } from './declare-inputs.ts';
import { collectDerived } from './derived-values.ts';
import { checkLinks, linkRules } from './link-rules.ts';
import type { Override } from './override.ts';
import { holdsOverrides, type KnownRules, readOverrides } from './override-file.ts';
import { memorySpanMs, type Rule, type RuleSet, staleAfterMsDefault } from './rule.ts';
import { errorAtPath, type RuleError, type Source } from './rule-error.ts';
import { RuleFile } from './rule-file.ts';
import { parseSource, validateSource } from './yaml-source.ts';
import { losesLine } from './yaml-syntax.ts';

export type LoadOptions = {
  /** Divides every duration; 60 makes a minute of rule time one second. */
  timeScale?: number;
  /** The live base tick in milliseconds: a rule's `every` must be a multiple or a part of it. A back-test has none. */
  tickMs?: number | undefined;
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

/** A rule file that is there and cannot be read, and why, in words without its place. */
export type UnreadableFile = { file: string; reason: string };

/**
 * The rule files under a directory (or the one file given) in the order of their names. `onUnreadable` is told of each that
 * cannot be read; without it such a file is an error.
 */
export async function readRuleTexts(path: string, onUnreadable = refuseFile): Promise<RuleText[]> {
  if ((await stat(path)).isFile()) return [{ file: path, text: await readFile(path, 'utf8') }];
  const files = (await listFiles(path)).filter(({ name }) => isRuleFile(name));
  const texts = await Promise.all(files.map((found) => readText(join(path, found.name), found, onUnreadable)));
  return texts.filter((text) => text !== undefined);
}

function refuseFile({ file, reason }: UnreadableFile): void {
  throw new Error(`${file} ${reason}`);
}

/** Beyond this a file is not even read; one with mistakes is kept with the others of its version. */
const fileBytesMax = 1_048_576;

async function readText(
  file: string,
  { size, trouble }: FoundFile,
  onUnreadable: (unreadable: UnreadableFile) => void,
): Promise<RuleText | undefined> {
  let reason = trouble && `cannot be read: ${trouble}`;
  if (size > fileBytesMax) reason = `has ${size} bytes, and may have ${fileBytesMax}`;
  try {
    if (reason === undefined) return { file, text: await readFile(file, 'utf8') };
  } catch (error) {
    reason = `cannot be read: ${(error as NodeJS.ErrnoException).code}`;
  }
  onUnreadable({ file, reason });
  return undefined;
}

/** A rule set from the texts of its files: the whole of loading but for the reading. */
export function buildRuleSet(texts: RuleText[], { timeScale = 1, tickMs, previous }: LoadOptions = {}): LoadedRules {
  const errors: RuleError[] = [];
  const sources = texts.map(({ file, text }) => {
    const { source, errors: found, isWhole } = parseSource(file, text);
    errors.push(...found);
    return { source, isWhole, isSound: found.length === 0 };
  });
  const whole = sources.filter(({ isWhole }) => isWhole);
  const derivedValues = collectDerived(
    sources.filter(({ source }) => isDerived(source)),
    errors,
  );
  const built = whole
    .filter(({ source }) => !isDerived(source) && !holdsOverrides(source))
    .map((one) => buildOne(one, derivedValues, { timeScale, tickMs }, errors));
  const declared = new Set(sources.map(({ source }) => idOf(source)).filter((id) => id !== ''));
  const candidates = built.flatMap(({ rule, source }) => (rule ? [{ rule, source }] : []));
  const statements = built.map(({ source, suppressedBy }) => ({ source, suppressedBy, id: idOf(source) }));
  checkLinks(statements, declared, errors);
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
  const overrides = collectOverrides(sources, { rules, declared }, previous, errors);
  return { rules: createRuleSet({ rules, overrides, texts, timeScale }), errors: sortErrors(withoutEchoes(errors)) };
}

type Parsed = { source: Source; isSound: boolean };

/** What became of a rule's file: no rule when it has mistakes, `isOff` when it says that it is not to run. */
type Built = { source: Source; rule?: Rule | undefined; isOff?: boolean; suppressedBy: readonly string[] };

function isRuleFile(name: string): boolean {
  return /\.ya?ml$/.test(name) && !/\.test\.ya?ml$/.test(name) && !name.split(sep).some((part) => part.startsWith('.'));
}

function idOf({ document }: Source): string {
  return String(document.get('rule') ?? '');
}

function isDerived(source: Source): boolean {
  return source.document.has('derived') && !source.document.has('rule');
}

/** The overrides of all files; where a file has gone bad, those that it gave before. */
function collectOverrides(
  sources: (Parsed & { isWhole: boolean })[],
  known: KnownRules,
  previous: RuleSet | undefined,
  errors: RuleError[],
): Override[] {
  return sources.flatMap(({ source, isSound, isWhole }) => {
    const before = (previous?.overrides ?? []).filter(({ id }) => id.startsWith(`${source.file}#`));
    if (!isWhole) return before;
    if (!holdsOverrides(source)) return [];
    const { overrides, errors: found } = readOverrides(source, known);
    errors.push(...found);
    return isSound && !found.some(({ severity }) => severity === 'error') ? overrides : before;
  });
}

function buildOne(
  { source, isSound }: Parsed,
  derivedValues: DerivedValues,
  time: RuleTime,
  errors: RuleError[],
): Built {
  if (isColumnMap(source)) {
    errors.push(errorAtPath(source, ['time'], columnMapProblem, 'key'));
    return { source, suppressedBy: [] };
  }
  const { value, rest, errors: found } = validateSource(source, RuleFile, ruleDefaults);
  errors.push(...found);
  if (!rest) return { source, suppressedBy: [] };
  const { rule, errors: inside } = buildRule(rest, source, derivedValues, time);
  errors.push(...inside);
  const isOff = value?.enabled === false;
  const { suppressed_by: suppressedBy = [] } = rest;
  return { source, isOff, suppressedBy, rule: value && isSound ? rule : undefined };
}

function isColumnMap({ document }: Source): boolean {
  return !document.has('rule') && document.has('time') && document.has('points');
}

const columnMapProblem = {
  code: 'no_rule',
  message: 'this is the column map of a trend log, and no rule',
  help: 'keep it outside the folder of rules',
};

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

/** A mistake of syntax garbles its line: what else seems wrong there follows from it. */
function withoutEchoes(errors: RuleError[]): RuleError[] {
  const lineOf = ({ file, line }: RuleError) => `${file}:${line}`;
  const lost = new Set(errors.filter(({ code }) => losesLine.has(code)).map(lineOf));
  return errors.filter((error) => losesLine.has(error.code) || !lost.has(lineOf(error)));
}

type Parts = { rules: Rule[]; overrides: Override[]; texts: RuleText[]; timeScale: number };

function createRuleSet({ rules, overrides, texts, timeScale }: Parts): RuleSet {
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
    overrides,
    everyMsMin: rules
      .filter(({ enabled }) => enabled !== false)
      .reduce((least, { timing }) => Math.min(least, timing.everyMs), Number.POSITIVE_INFINITY),
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
