import { formatDuration } from '../language/durations.ts';
import { Situation } from '../language/rule-file.ts';
import { formatTruth } from '../language/truth.ts';
import type { Coverage } from './coverage.ts';
import type { CaseResult } from './rule-test.ts';
import type { TraceTick } from './rule-test-expect.ts';

/** A failed case as people read it: what was wrong, then the table of ticks around each place. */
export function formatCaseFailure(file: string, { name, failures, trace }: CaseResult): string {
  const blocks = failures.map(({ message, at }) =>
    [`  ${message}`, ...(at === null ? [] : formatTicks(trace, at))].join('\n'),
  );
  return [`FAIL ${file}: ${name}`, ...blocks].join('\n');
}

/** What no case of a rule does, for every rule of the coverage: a line each. */
export function formatCoverage(coverage: Map<string, Coverage>): string[] {
  return [...coverage].flatMap(([rule, { fires, clears, starves, situations }]) => {
    const missing = Situation.options.filter((one) => !situations.has(one));
    return [
      ...(fires ? [] : [`${rule}: no case fires it`]),
      ...(clears ? [] : [`${rule}: no case clears it`]),
      ...(starves ? [] : [`${rule}: no case starves it of data`]),
      ...(missing.length === 0 ? [] : [`${rule}: no case has the situation ${missing.join(', ')}`]),
    ];
  });
}

const ticksAround = 4;

function formatTicks(trace: TraceTick[], at: number): string[] {
  const centre = trace.findIndex((tick) => tick.at >= at);
  const shown = trace.slice(Math.max(0, centre - ticksAround), centre + ticksAround + 1);
  const names = trace[0]?.values.map(({ name }) => name) ?? [];
  const head = ['tick', ...names, 'when', 'clear', 'state', 'effect'];
  const rows = shown.map((tick) => [
    `${tick.at === at ? '>' : ' '}${formatDuration(tick.at)}`,
    ...tick.values.map(({ value }) =>
      value === null ? '-' : typeof value === 'number' ? String(Number(value.toPrecision(6))) : String(value),
    ),
    tick.isSuspended ? 'suspended' : formatTruth(tick.condition),
    formatTruth(tick.clearing),
    tick.bySuppressor === null ? tick.state : `${tick.state} (by ${tick.bySuppressor})`,
    tick.effects.join(' '),
  ]);
  return formatTable([head, ...rows]).map((line) => `    ${line}`);
}

/** Rows as aligned columns. */
export function formatTable(rows: string[][]): string[] {
  const widths = (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => (row[column] ?? '').length)));
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
