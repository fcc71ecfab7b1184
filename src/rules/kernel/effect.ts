import type { Variant } from '../language/override.ts';
import type { Rule } from '../language/rule.ts';
import { renderTemplate } from '../language/template.ts';
import type { InsightMemory, MachineEvent, Retirement, Shown } from './machine.ts';

/**
 * What a tick brings about, in the order in which it happened. All instants are epoch milliseconds; `at` is the tick. An insight is
 * identified by (rule, asset, openedAt) for good, through every reopening.
 */
export type Effect = { ruleId: string; ruleVersion: number; assetId: string; at: number } & (
  | { kind: 'pending' }
  | { kind: 'pending-cleared' }
  | ({ kind: 'opened'; startedAt: number; openedAt: number; suppressedBy: string | null } & Finding)
  | ({ kind: 'reopened'; startedAt: number; openedAt: number; episodes: number; flapping: boolean } & Finding)
  | { kind: 'resolved'; openedAt: number; clearedAt: number; because: Ending }
  | ({ kind: 'flagged'; openedAt: number; shown: Shown | null } & Pick<
      InsightMemory,
      'stale' | 'suppressedBy' | 'flapping'
    >)
  | ({ kind: 'evidence-changed'; openedAt: number } & Finding)
  | { kind: 'data-missing'; openedAt: number; since: number }
  | { kind: 'data-returned'; openedAt: number }
  | { kind: 'work-order-due'; openedAt: number; workOrder: WorkOrderRequest }
  | { kind: 'rule-error'; message: string }
  | { kind: 'rule-error-cleared' }
);

/** Why an insight ends: its rule cleared it, or does not run there any more. */
export type Ending = 'cleared' | Retirement;

/** What an insight shows: words, values at that tick, and what to do about it. `costPerHour` is null where the rule states none. */
export type Finding = {
  severity: Rule['severity'];
  category: Rule['category'];
  title: string;
  message: string;
  evidence: EvidenceValue[];
  causes: string[];
  actions: string[];
  costPerHour: number | null;
  isShadow: boolean;
};

/** A value as the rule saw it, null when it was unknown; built-in insights tell of a rule by its name, in words. */
export type EvidenceValue = { name: string; value: number | boolean | string | null; unit: string | null };

/** The work order that a rule asks for; `dueAt` counts from the tick at which it is asked for. */
export type WorkOrderRequest = {
  type: string;
  priority: 'low' | 'medium' | 'high' | 'critical';
  category: string;
  dueAt: number | null;
  assign: string | null;
  title: string;
  description: string;
};

/** The values of one rule on one asset at one tick. */
export type Snapshot = { values: Float64Array; params: Float64Array; windows: Float64Array };

/** How a rule runs at a tick, as overrides leave it. */
type Manner = Pick<Variant, 'severity' | 'enabled'>;

/** The effect of a machine's event, with the words and values of that tick; the asset's name goes into the work order's title. */
export function effectOf(
  event: MachineEvent,
  rule: Rule,
  manner: Manner,
  asset: { id: string; name: string },
  at: number,
  insight: InsightMemory | null,
  snapshot: Snapshot,
): Effect {
  const head = { ruleId: rule.id, ruleVersion: rule.version, assetId: asset.id, at };
  const {
    openedAt = at,
    suppressedBy = null,
    stale = false,
    flapping = false,
    episodes = 1,
    unknownSince = null,
    shown = null,
  } = insight ?? {};
  switch (event.kind) {
    case 'pending':
    case 'pending-cleared':
      return { ...head, kind: event.kind };
    case 'opened':
      return {
        ...head,
        kind: event.kind,
        startedAt: event.startedAt,
        openedAt,
        suppressedBy,
        ...findingOf(rule, manner, snapshot),
      };
    case 'reopened':
      return {
        ...head,
        kind: event.kind,
        startedAt: event.startedAt,
        openedAt,
        episodes,
        flapping,
        ...findingOf(rule, manner, snapshot),
      };
    case 'resolved':
      return { ...head, kind: event.kind, openedAt, clearedAt: at, because: 'cleared' };
    case 'flagged':
      return { ...head, kind: event.kind, openedAt, stale, suppressedBy, flapping, shown };
    case 'data-missing':
      return { ...head, kind: event.kind, openedAt, since: unknownSince ?? at };
    case 'data-returned':
      return { ...head, kind: event.kind, openedAt };
    case 'work-order-due':
      return {
        ...head,
        kind: event.kind,
        openedAt,
        workOrder: workOrderOf(rule, asset, at, findingOf(rule, manner, snapshot)),
      };
  }
}

/** The values that a rule shows as evidence, as it sees them now. */
export function snapshotOf(rule: Rule, { values, params, windows }: Snapshot): EvidenceValue[] {
  return rule.evidence.shown.map(({ name, unit, type, read }) => {
    const value = read(values, params, windows);
    return { name, value: Number.isNaN(value) ? null : type === 'truth' ? value !== 0 : value, unit: unit?.id ?? null };
  });
}

function findingOf(rule: Rule, { severity, enabled }: Manner, { values, params, windows }: Snapshot): Finding {
  const cost = rule.cost?.(values, params, windows) ?? Number.NaN;
  return {
    severity,
    category: rule.category,
    title: rule.title,
    message: renderTemplate(rule.message, values, params, windows),
    evidence: snapshotOf(rule, { values, params, windows }),
    causes: rule.causes,
    actions: rule.actions,
    costPerHour: Number.isFinite(cost) ? cost : null,
    isShadow: enabled === 'shadow',
  };
}

function workOrderOf(rule: Rule, asset: { name: string }, at: number, finding: Finding): WorkOrderRequest {
  const order = rule.workOrder;
  return {
    type: order?.type ?? 'corrective',
    priority: order?.priority ?? 'medium',
    category: order?.category ?? rule.category,
    dueAt: order?.dueMs == null ? null : at + order.dueMs,
    assign: order?.assign ?? null,
    title: `${order?.title ?? rule.title}: ${asset.name}`,
    description: describe(rule, finding),
  };
}

function describe(rule: Rule, { message, evidence, causes, actions }: Finding): string {
  const values = evidence.map(
    ({ name, value, unit }) => `${name} ${formatValue(value)}${unit && value !== null ? ` ${unit}` : ''}`,
  );
  return [
    message,
    `Rule: ${rule.id} version ${rule.version} (${rule.title})`,
    ...(values.length > 0 ? [`Evidence: ${values.join(', ')}`] : []),
    ...list('Likely causes', causes),
    ...list('Suggested actions', actions),
    ...(rule.docs === null ? [] : [`Source: ${rule.docs}`]),
  ].join('\n');
}

function list(title: string, lines: string[]): string[] {
  return lines.length === 0 ? [] : [`${title}:`, ...lines.map((line) => `- ${line}`)];
}

function formatValue(value: EvidenceValue['value']): string {
  if (value === null) return 'unknown';
  if (typeof value === 'string') return value;
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return String(Number(value.toPrecision(6)));
}
