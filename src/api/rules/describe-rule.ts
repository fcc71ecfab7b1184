import type { Rule } from '../../rules/language/rule.ts';
import { type PeriodFile, RuleFile } from '../../rules/language/rule-file.ts';
import { parseSource, validateSource } from '../../rules/language/yaml-source.ts';
import type { RuleContent } from './rule.ts';

/** What a rule's file says, with the defaults of what it leaves out. The text is that of a rule that has been loaded. */
export function describeRule(rule: Rule, text: string, rules: readonly Rule[]): RuleContent {
  const { value: file } = validateSource(parseSource(rule.file, text).source, RuleFile);
  if (!file) throw new Error(`the file of the loaded rule ${rule.id} cannot be read`);
  return {
    id: rule.id,
    title: file.title,
    version: file.version,
    file: rule.file,
    class: file.applies_to.class,
    severity: file.severity,
    category: file.category,
    tags: file.tags ?? [],
    docs: file.docs ?? null,
    enabled: file.enabled ?? true,
    every: file.every === undefined ? '1m' : String(file.every),
    inputs: Object.entries(file.inputs).map(([name, input]) => describeInput(name, input)),
    params: describeParams(rule),
    let: Object.entries(file.let ?? {}).map(([name, expression]) => ({ name, expression: String(expression) })),
    when: String(file.when),
    for: String(file.for ?? '0'),
    clear: file.clear === undefined ? null : String(file.clear),
    clear_for: String(file.clear_for ?? '0'),
    hold_off: file.hold_off ? { ...file.hold_off, for: String(file.hold_off.for) } : null,
    active: file.active === undefined ? null : [file.active].flat().map(describePeriod),
    min_cover: rule.minCover,
    max_gap: String(file.max_gap ?? '15m'),
    no_data_after: String(file.no_data_after ?? '24h'),
    reopen_within: String(file.reopen_within ?? '24h'),
    cost: file.cost === undefined ? null : String(file.cost),
    message: file.message ?? null,
    evidence: {
      show: file.evidence?.show ?? null,
      before: String(file.evidence?.before ?? '1h'),
      after: String(file.evidence?.after ?? '30m'),
    },
    causes: file.causes ?? [],
    actions: file.actions ?? [],
    work_order: describeWorkOrder(file.work_order),
    suppressed_by: rule.suppressedBy,
    suppresses: rules.filter(({ suppressedBy }) => suppressedBy.includes(rule.id)).map(({ id }) => id),
  };
}

function describeInput(name: string, input: RuleFile['inputs'][string]): RuleContent['inputs'][number] {
  return {
    name,
    class: input.class ?? null,
    of: input.of ?? null,
    prefer: input.prefer ?? [],
    derived: input.derived ?? null,
    unit: input.unit ?? null,
    from: [input.from ?? 'self'].flat(),
    stale_after: input.stale_after === undefined ? null : String(input.stale_after),
    valid: input.valid ?? null,
    optional: input.optional ?? false,
    default: input.default ?? null,
  };
}

/** The rule's own parameters and those that its derived values bring along. */
function describeParams({ params }: Rule): RuleContent['params'] {
  return params.map(({ name, default: fallback, unit, min, max, help }) => ({
    name,
    default: fallback,
    unit: unit?.id ?? null,
    min: Number.isFinite(min) ? min : null,
    max: Number.isFinite(max) ? max : null,
    help,
  }));
}

function describePeriod({ days, from, to, zone }: PeriodFile) {
  return { days: days ?? null, from: from ?? null, to: to ?? null, zone: zone ?? null };
}

function describeWorkOrder(order: RuleFile['work_order']): RuleContent['work_order'] {
  if (!order) return null;
  return {
    after: order.after === undefined ? null : String(order.after),
    type: order.type ?? null,
    priority: order.priority ?? null,
    category: order.category ?? null,
    due: order.due === undefined ? null : String(order.due),
    assign: order.assign ?? null,
    title: order.title ?? null,
  };
}
