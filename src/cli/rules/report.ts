import type { FiredInsight } from '../../rules/back-test/back-test.ts';
import type { RuleDifference } from '../../rules/back-test/compare-insights.ts';
import { formatTable } from '../../rules/testing/rule-test-report.ts';
import { print, printJson } from './print.ts';

/** What a back-test found; `asset` is the name of the asset. Without a deployed version there is no difference from it. */
export type BackTestReport = {
  readonly insights: readonly FiredInsight[];
  readonly differences: ReadonlyMap<string, RuleDifference> | undefined;
  /** How many days were looked at, and what else there is to say at the end. */
  readonly days: number;
  readonly notes: readonly string[];
};

/** One object a line, for each insight, with these keys and no others. */
export function printInsights(insights: readonly FiredInsight[]): void {
  for (const insight of insights) {
    printJson({
      rule: insight.rule,
      asset: insight.asset,
      state: 'fired',
      since: instantOf(insight.since),
      opened_at: instantOf(insight.openedAt),
      cleared_at: insight.clearedAt === null ? null : instantOf(insight.clearedAt),
      suppressed_by: insight.suppressedBy,
      work_order: insight.workOrder,
    });
  }
}

/** A table with a line for each rule that found anything or finds other than before, then every insight. */
export function printReport({ insights, differences, days, notes }: BackTestReport): void {
  const byRule = Map.groupBy(insights, ({ rule }) => rule);
  const rules = [...new Set([...byRule.keys(), ...(differences?.keys() ?? [])])].sort();
  const head = ['rule', 'insights', 'episodes', 'hours in fault', 'suppressed', 'work orders'];
  const rows = rules.map((rule) => [
    ...cellsOf(rule, byRule.get(rule) ?? []),
    ...(differences ? [formatDifference(differences.get(rule))] : []),
  ]);
  for (const line of formatTable([[...head, ...(differences ? ['against the deployed version'] : [])], ...rows])) {
    print(line);
  }
  print('');
  for (const insight of insights) printInsight(insight);
  const workOrders = insights.filter(({ workOrder }) => workOrder).length;
  print(`${insights.length} insights, ${workOrders} work orders over ${days} ${days === 1 ? 'day' : 'days'}`);
  for (const note of notes) print(note);
}

function cellsOf(rule: string, fired: readonly FiredInsight[]): string[] {
  const sum = (read: (insight: FiredInsight) => number) => fired.reduce((total, insight) => total + read(insight), 0);
  return [
    rule,
    String(fired.length),
    String(sum(({ episodes }) => episodes)),
    (sum(({ faultMs }) => faultMs) / 3_600_000).toFixed(1),
    String(fired.filter(({ suppressedBy }) => suppressedBy !== null).length),
    String(fired.filter(({ workOrder }) => workOrder).length),
  ];
}

function formatDifference(difference: RuleDifference | undefined): string {
  if (!difference) return 'the same';
  const { opened, gone, moved } = difference;
  return [
    ...(opened > 0 ? [`${opened} opened`] : []),
    ...(gone > 0 ? [`${gone} gone`] : []),
    ...(moved > 0 ? [`${moved} moved`] : []),
  ].join(', ');
}

function printInsight(insight: FiredInsight): void {
  const end = insight.clearedAt === null ? 'still firing' : `until ${instantOf(insight.clearedAt)}`;
  const notes = [
    ...(insight.suppressedBy === null ? [] : [`suppressed by ${insight.suppressedBy}`]),
    ...(insight.workOrder ? ['work order'] : []),
  ];
  const line = `${insight.day}  ${insight.asset}  ${insight.rule}  ${instantOf(insight.openedAt)} ${end}  ${notes.join(', ')}`;
  print(line.trimEnd());
  print(`            ${insight.message}`);
}

function instantOf(ms: number): string {
  return new Date(ms).toISOString();
}
