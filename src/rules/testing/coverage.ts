import type { RuleTestFile, Situation } from '../language/rule-file.ts';
import type { CaseResult } from './rule-test.ts';

/** What the cases of a rule make it do, and the situations that they cover or that the file says cannot be, with a reason. */
export type Coverage = { fires: boolean; clears: boolean; starves: boolean; situations: ReadonlySet<Situation> };

/** The coverage of a rule that no case tests. */
export const uncovered: Coverage = { fires: false, clears: false, starves: false, situations: new Set() };

/** The coverage of a rule with one more test file. Situations of failed cases do not count. */
export function addCoverage(before: Coverage, file: RuleTestFile, results: CaseResult[]): Coverage {
  const impossible = Object.keys(file.not_applicable ?? {}) as Situation[];
  const passed = results.filter(({ failures }) => failures.length === 0).flatMap((one) => one.situations);
  return {
    fires: before.fires || results.some(({ covered }) => covered.fires),
    clears: before.clears || results.some(({ covered }) => covered.clears),
    // A rule that asks whether values are known is starved without ever being unknown itself.
    starves: before.starves || results.some(({ covered }) => covered.starves) || passed.includes('missing data'),
    situations: new Set([...before.situations, ...impossible, ...passed]),
  };
}
