import { compileFeed, compileNumber, compileTruth } from './compile-expression.ts';
import { findDurationMs } from './durations.ts';
import type { Expression } from './expression.ts';
import { notMultiple } from './lowering.ts';
import type { Evidence, Rule, Timing, WorkOrderSpec } from './rule.ts';
import type { RuleError, Source } from './rule-error.ts';
import type { RuleFile } from './rule-file.ts';
import {
  checkAt,
  createRuleScope,
  type Derived,
  declareInputs,
  declareLets,
  declareParams,
  fail,
  failAt,
  type RuleScope,
} from './rule-scope.ts';
import { parseSchedule, type Schedule } from './schedule.ts';
import { suggest } from './suggestion.ts';
import { cutTemplate, type Template, type TemplateValue } from './template.ts';
import { findConversion, findUnit } from './units.ts';

/**
 * A rule from its validated file: names resolved, expressions checked and compiled, durations divided by the time scale. The rule
 * is undefined when there is any error; warnings alone do not keep it.
 */
export function buildRule(
  file: RuleFile,
  source: Source,
  derivedValues: Map<string, Derived | 'broken'>,
  timeScale: number,
): { rule: Rule | undefined; errors: RuleError[] } {
  const everyMs = durationMs(file.every ?? '1m');
  const scope = createRuleScope(source, everyMs);
  if (everyMs <= 0) fail(scope, ['every'], { code: 'invalid_value', message: 'every: must be longer than nothing' });
  declareParams(scope, file.params ?? {});
  declareInputs(scope, file.inputs, derivedValues);
  declareLets(scope, file.let ?? {});
  const when = conditionAt(scope, ['when'], file.when);
  const clear = file.clear === undefined ? null : conditionAt(scope, ['clear'], file.clear);
  const cost = file.cost === undefined ? null : numberAt(scope, ['cost'], file.cost);
  const message = buildTemplate(scope, file.message ?? file.title, file.message === undefined);
  const evidence = buildEvidence(scope, file, timeScale);
  const holdOff = buildHoldOff(scope, file, timeScale);
  const timing = buildTiming(scope, file, everyMs, timeScale);
  const active = buildSchedule(scope, file);
  const { errors, inputs, params, derived, table } = scope;
  if (!when || errors.some(({ severity }) => severity === 'error')) return { rule: undefined, errors };
  const rule: Rule = {
    id: file.rule,
    version: file.version,
    title: file.title,
    file: source.file,
    assetClass: file.applies_to.class,
    enabled: file.enabled === 'shadow' ? 'shadow' : true,
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
    derived,
    ...table,
    feed: compileFeed(table.rings),
    when: compileTruth(when),
    clear: clear ? compileTruth(clear) : null,
    cost: cost ? compileNumber(cost) : null,
    message,
    evidence,
    severity: file.severity,
    category: file.category,
    causes: file.causes ?? [],
    actions: file.actions ?? [],
    workOrder: buildWorkOrder(file, timeScale),
    suppressedBy: file.suppressed_by ?? [],
  };
  return { rule, errors };
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

function buildTemplate(scope: RuleScope, text: string, isLiteral: boolean): Template {
  const pieces = isLiteral ? [{ text }] : cutTemplate(text);
  if ('unclosed' in pieces) {
    fail(scope, ['message'], { code: 'invalid_template', message: "message: '{{' is not closed by '}}'" });
    return [];
  }
  return pieces.flatMap((piece): Template => ('text' in piece ? [piece.text] : templateValue(scope, piece)));
}

function templateValue(
  scope: RuleScope,
  piece: { expression: string; format: string; start: number },
): TemplateValue[] {
  const expression = checkAt(scope, ['message'], piece.expression, piece.start);
  const format = /^(\d*)\s*(\S*)$/.exec(piece.format);
  if (!format)
    fail(scope, ['message'], {
      code: 'invalid_template',
      message: `message: '${piece.format}' is not digits and a unit, as in '1 degC'`,
    });
  if (!expression || !format) return [];
  const [, digits, unitName] = format as unknown as [string, string, string];
  const own = expression.type === 'number' && expression.unit !== null ? findUnit(expression.unit) : undefined;
  const unit = unitName === '' ? own : findUnit(unitName);
  const conversion = own && unit ? findConversion(own, unit) : { scale: 1, offset: 0 };
  if (own && unit && !conversion) {
    const problem = { code: 'unit_mismatch', message: `message: ${own.id} cannot be shown in ${unit.id}` };
    failAt(scope, ['message'], { ...problem, start: piece.start, end: piece.start + piece.expression.length });
  }
  const symbol = unit?.symbol ?? unitName;
  const { scale, offset } = conversion ?? { scale: 1, offset: 0 };
  return [
    { read: compileNumber(expression), type: expression.type, digits: Number(digits || 1), symbol, scale, offset },
  ];
}

function buildEvidence(scope: RuleScope, file: RuleFile, timeScale: number): Evidence {
  const names = [...(file.evidence?.show ?? Object.keys(file.inputs)), ...Object.keys(file.let ?? {})];
  const shown = [...new Set(names)].flatMap((name) => {
    const expression = scope.scope.names.get(name);
    if (!expression) {
      const help = suggest(name, scope.scope.names.keys());
      const isDeclared = Object.hasOwn(file.inputs, name) || Object.hasOwn(file.let ?? {}, name);
      if (!isDeclared && !scope.broken.has(name))
        fail(scope, ['evidence', 'show'], {
          code: 'unknown_variable',
          message: `evidence.show: Unknown variable: ${name}`,
          help,
        });
      return [];
    }
    const unit = expression.type === 'number' && expression.unit !== null ? (findUnit(expression.unit) ?? null) : null;
    return [{ name, unit, type: expression.type, read: compileNumber(expression) }];
  });
  const { before = '1h', after = '30m' } = file.evidence ?? {};
  return { shown, beforeMs: durationMs(before) / timeScale, afterMs: durationMs(after) / timeScale };
}

function buildHoldOff(scope: RuleScope, file: RuleFile, timeScale: number): Rule['holdOff'] {
  if (!file.hold_off) return null;
  const watch = file.hold_off.after_change_of.flatMap((name, index) => {
    const expression = scope.scope.names.get(name);
    if (expression) return [compileNumber(expression)];
    if (scope.broken.has(name)) return [];
    const help = suggest(name, scope.scope.names.keys());
    fail(scope, ['hold_off', 'after_change_of', index], {
      code: 'unknown_variable',
      message: `hold_off: Unknown variable: ${name}`,
      help,
    });
    return [];
  });
  return { forMs: inTicks(scope, ['hold_off', 'for'], file.hold_off.for, timeScale), watch };
}

function buildTiming(scope: RuleScope, file: RuleFile, everyMs: number, timeScale: number): Timing {
  const dayMs = durationMs('24h');
  return {
    everyMs: scaledEveryMs(everyMs, timeScale),
    forMs: inTicks(scope, ['for'], file.for ?? 0, timeScale),
    clearForMs: inTicks(scope, ['clear_for'], file.clear_for ?? 0, timeScale),
    gapMsMax:
      file.max_gap === undefined ? durationMs('15m') / timeScale : inTicks(scope, ['max_gap'], file.max_gap, timeScale),
    noDataAfterMs: durationMs(file.no_data_after ?? '24h') / timeScale,
    reopenWithinMs: durationMs(file.reopen_within ?? '24h') / timeScale,
    flappingWithinMs: dayMs / timeScale,
    flappingClearForMs: durationMs('1h') / timeScale,
  };
}

/** Durations that count ticks are scaled as ticks, so that they stay whole multiples of the scaled `every`. */
function inTicks(scope: RuleScope, path: string[], duration: string | 0, timeScale: number): number {
  const { everyMs } = scope.scope;
  const ticks = durationMs(duration) / everyMs;
  if (!Number.isInteger(ticks))
    fail(scope, path, {
      code: 'not_a_multiple',
      message: `${path.join('.')}: ${notMultiple(durationMs(duration), everyMs)}`,
    });
  return ticks * scaledEveryMs(everyMs, timeScale);
}

function scaledEveryMs(everyMs: number, timeScale: number): number {
  return Math.max(1, Math.round(everyMs / timeScale));
}

function buildSchedule(scope: RuleScope, file: RuleFile): Schedule | null {
  if (!file.active) return null;
  try {
    return parseSchedule(file.active);
  } catch (error) {
    fail(scope, ['active'], { code: 'invalid_schedule', message: `active: ${(error as Error).message}` });
    return null;
  }
}

function buildWorkOrder(file: RuleFile, timeScale: number): WorkOrderSpec | null {
  const order = file.work_order;
  if (!order) return null;
  return {
    afterMs: durationMs(order.after ?? 0) / timeScale,
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
