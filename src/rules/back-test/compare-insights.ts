import type { FiredInsight } from './back-test.ts';

/** What one rule finds other than before: insights that are new, that are not found any more, and that begin or end at another time. */
export type RuleDifference = { opened: number; gone: number; moved: number };

/**
 * How two back-tests over the same readings differ, by rule; rules without a difference are absent. Insights of a rule and
 * asset are the same by their opening, and else paired in the order of their openings.
 */
export function compareInsights(
  before: readonly FiredInsight[],
  after: readonly FiredInsight[],
): Map<string, RuleDifference> {
  const keyOf = ({ rule, asset }: FiredInsight) => `${rule}\0${asset}`;
  const [old, now] = [Map.groupBy(before, keyOf), Map.groupBy(after, keyOf)];
  const differences = new Map<string, RuleDifference>();
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const { opened, gone, moved } = compareRuns(old.get(key) ?? [], now.get(key) ?? []);
    if (opened + gone + moved === 0) continue;
    const rule = key.slice(0, key.indexOf('\0'));
    const sum = differences.get(rule) ?? { opened: 0, gone: 0, moved: 0 };
    differences.set(rule, { opened: sum.opened + opened, gone: sum.gone + gone, moved: sum.moved + moved });
  }
  return differences;
}

function compareRuns(before: readonly FiredInsight[], after: readonly FiredInsight[]): RuleDifference {
  const openings = new Map(before.map((insight) => [insight.openedAt, insight]));
  const same = after.filter(({ openedAt }) => openings.has(openedAt));
  const changed = same.filter(({ openedAt, clearedAt }) => openings.get(openedAt)?.clearedAt !== clearedAt).length;
  const left = before.length - same.length;
  const fresh = after.length - same.length;
  const paired = Math.min(left, fresh);
  return { opened: fresh - paired, gone: left - paired, moved: changed + paired };
}
