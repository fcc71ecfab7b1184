/**
 * One rule on one asset at one tick: what it reads, whether it runs there, the step of its machine, and what that brings about. A rule
 * that throws is told of once, and again when it can be evaluated; its machine stands still meanwhile.
 *
 *   read ──▶ switched off? ──▶ condition ──▶ suspended? suppressed? ──▶ step ──▶ effects, a changed machine
 *     └─ throws ──▶ rule-error
 */
import type { Rule } from '../language/rule.ts';
import { isTrue, type Truth } from '../language/truth.ts';
import type { RuleAsset } from './bind.ts';
import type { BuiltIns } from './built-in.ts';
import { type Effect, effectOf } from './effect.ts';
import { endOf } from './ending.ts';
import { isAtRest, normalMachine, retire, step } from './machine.ts';
import type { RuleGroup } from './rule-group.ts';

/**
 * Evaluates a row of a rule at a tick, whose inputs `read` puts into the group's scratch arrays. Without `effects` its inputs are
 * remembered and its machine stands still.
 */
export type EvaluateRow = (
  group: RuleGroup,
  row: number,
  tMs: number,
  read: RuleGroup['read'],
  effects?: Effect[],
) => void;

/** Tells `noteChanged` of each row whose machine is another one afterwards, and the built-in insights of what concerns them. */
export function createEvaluateRow(
  builtIns: Pick<BuiltIns, 'touch' | 'noteError'>,
  noteChanged: (group: RuleGroup, row: number) => void,
): EvaluateRow {
  return evaluate;

  function evaluate(group: RuleGroup, row: number, tMs: number, read: RuleGroup['read'], effects?: Effect[]): void {
    try {
      read(row, tMs);
      if (!effects) return;
      stepRow(group, row, tMs, effects);
      if (group.failed[row]) recover(group, row, tMs, effects);
    } catch (error) {
      // A run-up tells of nothing: what throws there throws again at the first tick that counts.
      if (effects) fail(group, row, tMs, error, effects);
    }
  }

  function stepRow(group: RuleGroup, row: number, tMs: number, effects: Effect[]): void {
    const { rule, scratch } = group;
    const variant = group.variantAt(row, tMs);
    if (variant.enabled === false) {
      retireRow(group, row, tMs, effects);
      return;
    }
    const condition = rule.when(scratch.values, scratch.params, scratch.windows);
    const machine = group.machines[row];
    // A rule in error is asked for all that it was asked for when it threw.
    if (machine === undefined && condition !== isTrue && !group.failed[row]) return;
    const isSuspended = group.isSuspended(row, tMs);
    if (machine === undefined && (isSuspended || condition !== isTrue)) return;
    const clearing = clearingOf(rule, condition, scratch);
    const workOrderAfterMs = variant.enabled === 'shadow' ? null : (rule.workOrder?.afterMs ?? null);
    const before = machine ?? normalMachine;
    const seen = { at: tMs, condition, clearing, isSuspended, suppressedBy: findSuppressor(group, row, tMs) };
    const shown = { severity: variant.severity, isShadow: variant.enabled === 'shadow' };
    const { machine: after, events } = step({ timing: rule.timing, workOrderAfterMs, shown }, before, seen);
    if (after === before) return;
    const asset = group.assets[row] as RuleAsset;
    // Words come first: where they throw, nothing has changed.
    const found = events.map((event) => effectOf(event, rule, variant, asset, tMs, after.insight, scratch));
    group.machines[row] = isAtRest(after) ? undefined : after;
    noteChanged(group, row);
    for (const effect of found) effects.push(effect);
    if (before.insight?.dataMissing || after.insight?.dataMissing) builtIns.touch(asset);
  }

  /** A rule that is switched off here at this tick: its machine is put to rest, and what it found open ends. */
  function retireRow(group: RuleGroup, row: number, tMs: number, effects: Effect[]): void {
    const machine = group.machines[row];
    if (machine === undefined) return;
    const retired = retire(machine, tMs, 'rule_disabled', group.rule.timing);
    if (retired === machine) return;
    group.machines[row] = isAtRest(retired) ? undefined : retired;
    noteChanged(group, row);
    const end = endOf(machine, 'rule_disabled', tMs);
    if (end) effects.push({ ...headOf(group, row, tMs), ...end });
    if (machine.insight?.dataMissing) builtIns.touch(group.assets[row] as RuleAsset);
  }

  function fail(group: RuleGroup, row: number, tMs: number, error: unknown, effects: Effect[]): void {
    const { enabled, isPaused } = group.variantAt(row, tMs);
    if (enabled === false) {
      retireRow(group, row, tMs, effects);
      if (group.failed[row]) recover(group, row, tMs, effects);
      return;
    }
    if (group.failed[row] || isPaused) return;
    group.failed[row] = true;
    const message = (error instanceof Error ? error.message : String(error)).slice(0, errorLengthMax);
    builtIns.noteError(group.assets[row] as RuleAsset, group.rule.id, message);
    effects.push({ ...headOf(group, row, tMs), kind: 'rule-error', message });
  }

  function recover(group: RuleGroup, row: number, tMs: number, effects: Effect[]): void {
    group.failed[row] = false;
    builtIns.noteError(group.assets[row] as RuleAsset, group.rule.id, undefined);
    effects.push({ ...headOf(group, row, tMs), kind: 'rule-error-cleared' });
  }
}

const errorLengthMax = 500;

/** Whether the fault has cleared at a tick: where the rule does not say, when its condition is false. */
export function clearingOf(rule: Rule, condition: Truth, { values, params, windows }: RuleGroup['scratch']): Truth {
  return rule.clear ? rule.clear(values, params, windows) : ((2 - condition) as Truth);
}

function headOf(group: RuleGroup, row: number, at: number) {
  return { ruleId: group.rule.id, ruleVersion: group.rule.version, assetId: assetIdOf(group, row), at };
}

/** The asset of a row. */
export function assetIdOf(group: RuleGroup, row: number): string {
  return (group.assets[row] as RuleAsset).id;
}

/** The first rule in `suppressed_by` that fires on the same asset or on one upstream of it. */
function findSuppressor(group: RuleGroup, row: number, tMs: number): string | null {
  for (const suppressor of group.suppressors[row] ?? []) {
    const state = suppressor.group.machines[suppressor.row]?.state;
    if (state !== 'firing' && state !== 'clearing') continue;
    // A rule that is on trial at this tick explains nothing.
    if (suppressor.group.variantAt(suppressor.row, tMs).enabled === true) return suppressor.group.rule.id;
  }
  return null;
}
