import type { Rule } from './rule.ts';
import { errorAtPath, type RuleError, type Source } from './rule-error.ts';
import { suggest } from './suggestion.ts';

/** A rule that could be built, with its file for errors; without one when it was loaded before and is trusted. */
export type Candidate = { rule: Rule; source: Source | undefined };

/**
 * Orders rules so that suppressors come before what they suppress; reports doubles, unknown suppressors and circles and leaves
 * their rules out. A suppressor that is switched off or broken is `declared` all the same: its own file says what is wrong with it.
 */
export function linkRules(candidates: Candidate[], declared: Set<string>, errors: RuleError[]): Rule[] {
  const byId = new Map<string, Candidate>();
  for (const candidate of candidates) {
    const { id } = candidate.rule;
    const other = byId.get(id);
    if (!other) byId.set(id, candidate);
    else report(candidate, ['rule'], 'duplicate_rule', `rule '${id}' is also in ${other.rule.file}`);
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
      report(candidate, ['suppressed_by'], 'suppression_cycle', `rules suppress each other in a circle: ${circle}`);
      return false;
    }
    marks.set(id, 'open');
    let isSound = true;
    candidate.rule.suppressedBy.forEach((suppressor, index) => {
      if (byId.has(suppressor)) isSound = visit(suppressor, [...trail, id]) && isSound;
      else if (!declared.has(suppressor)) {
        isSound = false;
        const message = `suppressed_by: no rule '${suppressor}'`;
        report(candidate, ['suppressed_by', index], 'unknown_rule', message, suggest(suppressor, byId.keys()));
      }
    });
    marks.set(id, 'done');
    if (isSound) ordered.push(candidate.rule);
    return true;
  }

  function report(
    { source }: Candidate,
    path: (string | number)[],
    code: string,
    message: string,
    help?: string,
  ): void {
    if (source) errors.push(errorAtPath(source, path, { code, message, help }));
  }
}
