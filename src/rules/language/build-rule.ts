import { findUnit } from '../../assets/units.ts';
import { buildFits } from './build-fits.ts';
import { buildMessage } from './build-message.ts';
import { compileNumber, compileTruth } from './compile-expression.ts';
import { checkClass, type DerivedValues, declareInputs } from './declare-inputs.ts';
import { findDurationMs, formatDuration } from './durations.ts';
import type { Expression } from './expression.ts';
import { notMultiple } from './lowering.ts';
import { lookBackTicksOf, planPasses } from './passes.ts';
import { builtInIds, type Evidence, type Rule, type Timing, type WorkOrderSpec } from './rule.ts';
import type { Path, RuleError, Source } from './rule-error.ts';
import type { RuleFile } from './rule-file.ts';
import { checkAt, createRuleScope, declareLets, declareParams, fail, type RuleScope } from './rule-scope.ts';
import { findPeriodProblems, parseSchedule, type Schedule } from './schedule.ts';
import { suggest } from './suggestion.ts';

/**
 * A rule from its validated file: names resolved, expressions checked and compiled, durations divided by the time scale. The rule
 * is undefined when there is any error; warnings alone do not keep it.
 */
export function buildRule(
  file: RuleFile,
  source: Source,
  derivedValues: DerivedValues,
  { timeScale, tickMs }: RuleTime,
): { rule: Rule | undefined; errors: RuleError[] } {
  const statedMs = durationMs(file.every ?? '1m');
  // The rest of a rule without ticks of its own is looked at as if it had those of a minute.
  const everyMs = Number.isInteger(statedMs) && statedMs > 0 ? statedMs : durationMs('1m');
  const scope = createRuleScope(source, file, everyMs);
  checkEvery(scope, statedMs, { timeScale, tickMs });
  checkId(scope, file.rule);
  checkClass(scope, ['applies_to', 'class'], file.applies_to.class);
  declareParams(scope, file.params ?? {});
  declareInputs(scope, file.inputs, derivedValues);
  declareLets(scope, file.let ?? {});
  const when = conditionAt(scope, ['when'], file.when);
  const clear = file.clear === undefined ? null : conditionAt(scope, ['clear'], file.clear);
  const cost = file.cost === undefined ? null : numberAt(scope, ['cost'], file.cost);
  const message = file.message === undefined ? [file.title] : buildMessage(scope, file.message);
  const evidence = buildEvidence(scope, file, timeScale);
  const holdOff = buildHoldOff(scope, file, timeScale);
  const timing = buildTiming(scope, file, everyMs, timeScale);
  const active = buildSchedule(scope, file);
  const workOrder = buildWorkOrder(scope, file, timeScale);
  const fits = buildFits(scope, file.params ?? {});
  const { errors, inputs, params, derived, table } = scope;
  if (!when || scope.isUnusable || errors.some(({ severity }) => severity === 'error'))
    return { rule: undefined, errors };
  const rule: Rule = {
    id: file.rule,
    version: file.version,
    title: file.title,
    file: source.file,
    assetClass: file.applies_to.class,
    enabled: file.enabled ?? true,
    tags: file.tags ?? [],
    docs: file.docs ?? null,
    timing,
    active,
    holdOff,
    minCover: file.min_cover ?? 0.8,
    inputs: inputs.map((input) => ({
      ...input,
      staleAfterMs: input.staleAfterMs === null ? null : input.staleAfterMs / timeScale,
    })),
    params,
    ...fits,
    ...table,
    passes: planPasses(derived, table),
    lookBackTicks: lookBackTicksOf(derived, table),
    when: compileTruth(when),
    clear: clear ? compileTruth(clear) : null,
    cost: cost ? compileNumber(cost) : null,
    message,
    evidence,
    severity: file.severity,
    category: file.category,
    causes: file.causes ?? [],
    actions: file.actions ?? [],
    workOrder,
    suppressedBy: file.suppressed_by ?? [],
  };
  return { rule, errors };
}

/** The time in which rules run: what divides their durations, and the base tick of the program that runs them, where there is one. */
export type RuleTime = { timeScale: number; tickMs: number | undefined };

function checkId(scope: RuleScope, id: string): void {
  if (!builtInIds.some((one) => one === id)) return;
  const message = `rule: '${id}' is the id of a built-in insight; give the rule another one`;
  fail(scope, ['rule'], { code: 'reserved_rule', message });
}

function checkEvery(scope: RuleScope, everyMs: number, { timeScale, tickMs }: RuleTime): void {
  if (!Number.isInteger(everyMs) || everyMs <= 0) {
    const message = 'every: must be a whole number of milliseconds, and not none';
    fail(scope, ['every'], { code: 'invalid_value', message });
  } else if (tickMs !== undefined && !meets(everyMs, tickMs * timeScale)) {
    const message = `every: ${formatDuration(everyMs)} is neither a multiple nor a part of the base tick TICK: ${formatDuration(tickMs * timeScale)}`;
    fail(scope, ['every'], { code: 'not_a_multiple', message, help: 'make the one a multiple of the other' });
  }
}

/** A rule may tick more often than shards are looked at: its ticks since the last look are then evaluated one after the other. */
function meets(everyMs: number, baseMs: number): boolean {
  return Number.isInteger(everyMs / baseMs) || Number.isInteger(baseMs / everyMs);
}

function conditionAt(scope: RuleScope, path: string[], text: string | boolean): Expression | undefined {
  const expression = checkAt(scope, path, text);
  if (expression?.type !== 'number') return expression;
  fail(scope, path, {
    code: 'not_a_condition',
    message: `${path.join('.')}: a condition is true or false, this is a number`,
  });
  return undefined;
}

function numberAt(scope: RuleScope, path: string[], text: string | number): Expression | undefined {
  const expression = checkAt(scope, path, text);
  if (expression?.type !== 'truth') return expression;
  fail(scope, path, { code: 'not_a_number', message: `${path.join('.')}: a number is needed, this is true or false` });
  return undefined;
}

function buildEvidence(scope: RuleScope, file: RuleFile, timeScale: number): Evidence {
  const stated = file.evidence?.show ?? [];
  stated.forEach((name, index) => {
    if (!scope.scope.names.has(name)) failName(scope, ['evidence', 'show', index], name);
  });
  const names = [...(file.evidence?.show ?? Object.keys(file.inputs)), ...Object.keys(file.let ?? {})];
  const shown = [...new Set(names)].flatMap((name) => {
    const expression = scope.scope.names.get(name);
    if (!expression) return [];
    const unit = expression.type === 'number' && expression.unit !== null ? (findUnit(expression.unit) ?? null) : null;
    return [{ name, unit, type: expression.type, read: compileNumber(expression) }];
  });
  const { before = '1h', after = '30m' } = file.evidence ?? {};
  return { shown, beforeMs: durationMs(before) / timeScale, afterMs: durationMs(after) / timeScale };
}

/** Adds an error for a name in a list that stands for nothing, unless its own mistakes are told already. */
function failName(scope: RuleScope, path: (string | number)[], name: string): void {
  if (scope.broken.has(name)) return;
  const message = `${path.slice(0, -1).join('.')}: Unknown variable: ${name}`;
  fail(scope, path, { code: 'unknown_variable', message, help: suggest(name, scope.scope.names.keys()) });
}

function buildHoldOff(scope: RuleScope, file: RuleFile, timeScale: number): Rule['holdOff'] {
  if (!file.hold_off) return null;
  const watch = file.hold_off.after_change_of.flatMap((name, index) => {
    const expression = scope.scope.names.get(name);
    if (expression) return [compileNumber(expression)];
    failName(scope, ['hold_off', 'after_change_of', index], name);
    return [];
  });
  return { forMs: inTicks(scope, ['hold_off', 'for'], file.hold_off.for, timeScale), watch };
}

function buildTiming(scope: RuleScope, file: RuleFile, everyMs: number, timeScale: number): Timing {
  const dayMs = durationMs('24h');
  const orDefault = (path: Path, stated: string | 0 | undefined, fallback: string) =>
    stated === undefined ? durationMs(fallback) / timeScale : inTicks(scope, path, stated, timeScale);
  return {
    everyMs: scaledEveryMs(everyMs, timeScale),
    forMs: inTicks(scope, ['for'], file.for ?? 0, timeScale),
    clearForMs: inTicks(scope, ['clear_for'], file.clear_for ?? 0, timeScale),
    gapMsMax: orDefault(['max_gap'], file.max_gap, '15m'),
    noDataAfterMs: orDefault(['no_data_after'], file.no_data_after, '24h'),
    reopenWithinMs: orDefault(['reopen_within'], file.reopen_within, '24h'),
    flappingWithinMs: dayMs / timeScale,
    flappingClearForMs: durationMs('1h') / timeScale,
  };
}

/** Durations that count ticks are scaled as ticks, so that they stay whole multiples of the scaled `every`. */
function inTicks(scope: RuleScope, path: Path, duration: string | 0, timeScale: number): number {
  const { everyMs } = scope.scope;
  const ticks = durationMs(duration) / everyMs;
  if (!Number.isInteger(ticks))
    fail(scope, path, {
      code: 'not_a_multiple',
      message: `${path.map(String).join('.')}: ${notMultiple(durationMs(duration), everyMs)}`,
    });
  return ticks * scaledEveryMs(everyMs, timeScale);
}

function scaledEveryMs(everyMs: number, timeScale: number): number {
  return Math.max(1, Math.round(everyMs / timeScale));
}

function buildSchedule(scope: RuleScope, { active }: RuleFile): Schedule | null {
  if (!active) return null;
  const problems = [active].flat().flatMap((period, index) =>
    findPeriodProblems(period).map(({ key, message }) => ({
      path: Array.isArray(active) ? ['active', index, key] : ['active', key],
      message,
    })),
  );
  for (const { path, message } of problems)
    fail(scope, path, { code: 'invalid_schedule', message: `${path.join('.')}: ${message}` });
  return problems.length > 0 ? null : parseSchedule(active);
}

function buildWorkOrder(scope: RuleScope, file: RuleFile, timeScale: number): WorkOrderSpec | null {
  const order = file.work_order;
  if (!order) return null;
  return {
    afterMs: inTicks(scope, ['work_order', 'after'], order.after ?? 0, timeScale),
    dueMs: order.due === undefined ? null : durationMs(order.due),
    type: order.type ?? 'corrective',
    priority: order.priority ?? 'medium',
    category: order.category ?? file.category,
    assign: order.assign ?? null,
    title: order.title ?? null,
  };
}

function durationMs(duration: string | 0): number {
  return findDurationMs(String(duration)) ?? 0;
}
