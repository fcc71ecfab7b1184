import { findOverrideProblems, type Override } from './override.ts';
import type { Rule } from './rule.ts';
import { errorAtPath, type RuleError, type Source } from './rule-error.ts';
import { OverrideEntry, OverridesFile } from './rule-file.ts';
import { validateSource } from './yaml-source.ts';

/** The rules that overrides may name: those that could be built, and the ids of all that have a file. */
export type KnownRules = { rules: readonly Rule[]; declared: ReadonlySet<string> };

/** True for a file that holds overrides, by its top key. */
export function holdsOverrides({ document }: Source): boolean {
  return document.has('overrides') && !document.has('rule') && !document.has('derived');
}

/**
 * The overrides of a file, and every mistake in it at its place; with any mistake the file gives no overrides at all. Their ids are
 * the file's name and the place in its list.
 */
export function readOverrides(
  source: Source,
  { rules, declared }: KnownRules,
): { overrides: Override[]; errors: RuleError[] } {
  const { value, errors } = validateSource(source, OverridesFile);
  const entries: unknown = source.document.toJS()?.overrides;
  for (const [index, entry] of (Array.isArray(entries) ? entries : []).entries()) {
    for (const problem of findOverrideProblems(whatIsSound(entry), rules, declared)) {
      const { path, part, message, ...rest } = problem;
      const where = ['overrides', index, ...path.map(String)].join('.');
      errors.push(
        errorAtPath(source, ['overrides', index, ...path], { ...rest, message: `${where}: ${message}` }, part),
      );
    }
  }
  if (!value || errors.some(({ severity }) => severity === 'error')) return { overrides: [], errors };
  return { overrides: value.overrides.map((entry, index) => toOverride(entry, `${source.file}#${index + 1}`)), errors };
}

function toOverride(entry: OverrideEntry, id: string): Override {
  return {
    id,
    rule: entry.rule,
    site: entry.site ?? null,
    asset: entry.asset ?? null,
    tag: entry.tag ?? null,
    params: entry.params ?? {},
    severity: entry.severity ?? null,
    enabled: entry.enabled ?? null,
    sinceMs: entry.since === undefined ? Number.NEGATIVE_INFINITY : Date.parse(entry.since),
    untilMs: entry.until === undefined ? null : Date.parse(entry.until),
    reason: entry.reason,
    author: entry.author,
  };
}

/** An entry without the parts that its schema refuses, so that the rest of it is looked at all the same. */
function whatIsSound(entry: unknown): Override {
  const sound: Record<string, unknown> = { rule: '*', reason: '-', author: '-' };
  if (typeof entry !== 'object' || entry === null)
    return toOverride({ ...(sound as OverrideEntry), enabled: true }, '');
  for (const [key, value] of Object.entries(entry)) {
    const schema = OverrideEntry.shape[key as keyof typeof OverrideEntry.shape];
    if (key === 'params' && typeof value === 'object' && value !== null)
      sound.params = Object.fromEntries(Object.entries(value).filter(([, number]) => typeof number === 'number'));
    else if (schema?.safeParse(value).success) sound[key] = value;
    // A key that is there but wrong is reported as that, and not as a change that is missing too.
    else if (key !== 'rule') sound.enabled ??= true;
  }
  return toOverride(sound as OverrideEntry, '');
}
