import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { buildRule } from './build-rule.ts';
import { memorySpanMs, type Rule, type RuleSet, staleAfterMsDefault } from './rule.ts';
import { errorAtPath, type RuleError, type Source } from './rule-error.ts';
import { DerivedFile, RuleFile } from './rule-file.ts';
import type { Derived } from './rule-scope.ts';
import { suggest } from './suggestion.ts';
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
      file: relative('.', join(path, name)),
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
  const whole = sources.filter(({ isWhole }) => isWhole).map(({ source }) => source);
  const derivedValues = collectDerived(whole, errors);
  const built = whole
    .filter((source) => !isDerived(source))
    .flatMap((source) => buildOne(source, derivedValues, timeScale, errors));
  const kept = keepPrevious(built, texts, previous);
  const declared = new Set(sources.map(({ source }) => String(source.document.get('rule') ?? '')));
  const linked = linkRules([...built, ...kept.map((rule) => ({ rule, source: undefined }))], declared, errors);
  return { rules: createRuleSet(linked, texts, timeScale), errors: sortErrors(errors) };
}

type Built = { rule: Rule; source: Source | undefined };

function isRuleFile(name: string): boolean {
  return /\.ya?ml$/.test(name) && !/\.test\.ya?ml$/.test(name) && !name.split(sep).some((part) => part.startsWith('.'));
}

function isDerived(source: Source): boolean {
  return source.document.has('derived') && !source.document.has('rule');
}

function collectDerived(sources: Source[], errors: RuleError[]): Map<string, Derived> {
  const derivedValues = new Map<string, Derived>();
  for (const source of sources.filter(isDerived)) {
    const { value, errors: found } = validateSource(source, DerivedFile);
    errors.push(...found);
    if (value) derivedValues.set(value.derived, { file: value, source });
  }
  return derivedValues;
}

function buildOne(
  source: Source,
  derivedValues: Map<string, Derived>,
  timeScale: number,
  errors: RuleError[],
): Built[] {
  const { value, errors: found } = validateSource(source, RuleFile);
  errors.push(...found);
  if (!value) return [];
  const { rule, errors: inside } = buildRule(value, source, derivedValues, timeScale);
  errors.push(...inside);
  return rule && value.enabled !== false ? [{ rule, source }] : [];
}

function keepPrevious(built: Built[], texts: RuleText[], previous: RuleSet | undefined): Rule[] {
  const files = new Set(texts.map(({ file }) => file));
  const ids = new Set(built.map(({ rule }) => rule.id));
  const goodFiles = new Set(built.map(({ rule }) => rule.file));
  return (previous?.rules ?? []).filter(({ id, file }) => files.has(file) && !goodFiles.has(file) && !ids.has(id));
}

/**
 * Orders rules so that suppressors come first; reports doubles, unknown suppressors and cycles, and leaves their rules out. A
 * suppressor that is switched off or broken is declared all the same: its own file says what is wrong with it.
 */
function linkRules(built: Built[], declared: Set<string>, errors: RuleError[]): Rule[] {
  const byId = new Map<string, Built>();
  for (const one of built) {
    const other = byId.get(one.rule.id);
    if (!other) byId.set(one.rule.id, one);
    else
      report(one, ['rule'], { code: 'duplicate_rule', message: `rule '${one.rule.id}' is also in ${other.rule.file}` });
  }
  const ordered: Rule[] = [];
  const marks = new Map<string, 'open' | 'done'>();
  for (const id of [...byId.keys()].sort()) visit(id, []);
  return ordered;

  /** False when the rule is on the trail that led to it: a circle. */
  function visit(id: string, trail: string[]): boolean {
    const one = byId.get(id) as Built;
    if (marks.get(id) === 'done') return true;
    if (marks.get(id) === 'open') {
      const cycle = [...trail.slice(trail.indexOf(id)), id].join(' -> ');
      report(one, ['suppressed_by'], {
        code: 'suppression_cycle',
        message: `rules suppress each other in a circle: ${cycle}`,
      });
      return false;
    }
    marks.set(id, 'open');
    let isSound = true;
    one.rule.suppressedBy.forEach((suppressor, index) => {
      if (byId.has(suppressor)) isSound = visit(suppressor, [...trail, id]) && isSound;
      else if (!declared.has(suppressor)) {
        isSound = false;
        const help = suggest(suppressor, byId.keys());
        report(one, ['suppressed_by', index], {
          code: 'unknown_rule',
          message: `suppressed_by: no rule '${suppressor}'`,
          help,
        });
      }
    });
    marks.set(id, 'done');
    if (isSound) ordered.push(one.rule);
    return true;
  }

  function report(
    { source }: Built,
    path: (string | number)[],
    problem: { code: string; message: string; help?: string | undefined },
  ): void {
    if (source) errors.push(errorAtPath(source, path, problem));
  }
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
