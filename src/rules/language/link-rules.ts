import type { Rule } from './rule.ts';
import { errorAtPath, type RuleError, type Source } from './rule-error.ts';
import { suggest } from './suggestion.ts';

/** A rule that could be built, with its file for errors; without one when it was loaded before and is trusted. */
export type Candidate = { rule: Rule; source: Source | undefined };

/** What a rule's file says of other rules, whether or not the rest of it is sound. */
export type Statement = { source: Source; id: string; suppressedBy: readonly string[] };

/** Reports ids that two files have, and suppressors that no file has. A suppressor with mistakes of its own is `declared` all the same. */
export function checkLinks(statements: readonly Statement[], declared: ReadonlySet<string>, errors: RuleError[]): void {
  const owners = new Map<string, Source>();
  for (const { source, id, suppressedBy } of statements) {
    const other = owners.get(id);
    if (id !== '' && other) {
      const message = `rule '${id}' is also in ${other.file}`;
      errors.push(errorAtPath(source, ['rule'], { code: 'duplicate_rule', message }));
    } else owners.set(id, source);
    suppressedBy.forEach((suppressor, index) => {
      if (declared.has(suppressor)) return;
      const problem = { code: 'unknown_rule', message: `suppressed_by: no rule '${suppressor}'` };
      const help = suggest(suppressor, declared);
      errors.push(errorAtPath(source, ['suppressed_by', index], { ...problem, help }));
    });
  }
}

/**
 * Orders rules so that suppressors come before what they suppress; reports circles, and leaves out their rules, doubles and those
 * with suppressors that are not `declared`.
 */
export function linkRules(candidates: Candidate[], declared: ReadonlySet<string>, errors: RuleError[]): Rule[] {
  const byId = new Map<string, Candidate>();
  for (const candidate of candidates) {
    if (!byId.has(candidate.rule.id)) byId.set(candidate.rule.id, candidate);
  }
  const ordered: Rule[] = [];
  const marks = new Map<string, 'open' | 'done'>();
  for (const id of [...byId.keys()].sort()) visit(id, []);
  return ordered;

  /** False when the rule is on the trail that led to it: a circle. */
  function visit(id: string, trail: string[]): boolean {
    const candidate = byId.get(id) as Candidate;
    if (marks.get(id) === 'done') return true;
    if (marks.get(id) === 'open') {
      const circle = [...trail.slice(trail.indexOf(id)), id].join(' -> ');
      const message = `rules suppress each other in a circle: ${circle}`;
      if (candidate.source)
        errors.push(errorAtPath(candidate.source, ['suppressed_by'], { code: 'suppression_cycle', message }));
      return false;
    }
    marks.set(id, 'open');
    let isSound = true;
    for (const suppressor of candidate.rule.suppressedBy) {
      if (byId.has(suppressor)) isSound = visit(suppressor, [...trail, id]) && isSound;
      else if (!declared.has(suppressor)) isSound = false;
    }
    marks.set(id, 'done');
    if (isSound) ordered.push(candidate.rule);
    return true;
  }
}
