import type { MissingInput, RuleAsset, RulePoint } from './bind.ts';
import { type Effect, type EvidenceValue, effectOf, snapshotOf } from './effect.ts';
import { layOut } from './layout.ts';
import { type Machine, normalMachine, step } from './machine.ts';
import type { Rule, RuleSet } from './rule.ts';
import type { RuleGroup } from './rule-group.ts';
import { isTrue, type Truth } from './truth.ts';

/**
 * The fold over ticks that live shards and back-tests share:
 *
 *   insights = fold(kernel, machines, ticks, readings, rules, assets)
 *
 *   observe* ──▶ warm(t)   inputs are remembered, machines stand still: the run-up from history
 *   observe* ──▶ tick(t)   inputs are remembered, machines step, effects come back
 *
 * The memory has two parts. That of the inputs is rebuilt from the readings of the last `warmupMs` and never stored. That of the
 * machines is small JSON: it comes in as `machines` and goes out by `changedMachines`. There is no clock and no chance in here.
 */
export type Evaluation = {
  /** Inputs that rules lack, by asset: those rules do not run there. */
  missing: (MissingInput & { assetId: string })[];
  /** Stored machines whose rule no longer runs on their asset. */
  orphans: StoredMachine[];
  /** How long before the first tick the run-up begins, in milliseconds. */
  warmupMs: number;
  /** The base tick: the greatest step that meets every tick of every rule that runs, Infinity without one. */
  everyMs: number;
  boundCount: number;
  /** The indexes under which `observe` knows a point: one for each asset that has it. */
  pointIndexes(pointId: string): readonly number[];
  /** A reading of a point, in any order; what lies ahead of the next tick waits, so hand readings over tick by tick. */
  observe(pointIndex: number, timeMs: number, value: number, quality: Quality): void;
  warm(tMs: number): void;
  tick(tMs: number): Effect[];
  /** The machines that changed since the last call; `machine` is null when there is nothing left to remember. */
  changedMachines(): StoredMachine[];
  /** Every machine that remembers anything. */
  machines(): StoredMachine[];
  findMachine(ruleId: string, assetId: string): Machine | undefined;
  /** What a rule sees on an asset at the last tick, for tables and charts: conditions and the values behind them. */
  inspect(ruleId: string, assetId: string, tMs: number): Inspection | undefined;
};

export type Inspection = { condition: Truth; clearing: Truth; isSuspended: boolean; values: EvidenceValue[] };

/** 0 good, 1 uncertain, 2 bad; only good readings are usable. */
export type Quality = 0 | 1 | 2;

export type StoredMachine = { ruleId: string; assetId: string; machine: Machine | null };

export type EvaluationInput = {
  ruleSet: RuleSet;
  assets: { asset: RuleAsset; points: RulePoint[] }[];
  machines?: Iterable<StoredMachine>;
};

/** An evaluation of a rule set over some assets, with machines as they were stored. */
export function createEvaluation({ ruleSet, assets, machines = [] }: EvaluationInput): Evaluation {
  const layout = layOut(ruleSet, assets);
  const { groups, points } = layout;
  const orphans = restore(groups, machines);
  const changed = new Map<RuleGroup, Set<number>>();
  return {
    missing: layout.missing,
    orphans,
    warmupMs: layout.warmupMs,
    everyMs: groups.map(({ rule }) => rule.timing.everyMs).reduce(commonDivisor, Number.POSITIVE_INFINITY),
    boundCount: groups.reduce((sum, group) => sum + group.assets.length, 0),
    pointIndexes: (pointId) => layout.indexes.get(pointId) ?? [],
    observe: points.observe,
    warm: (tMs) => advance(tMs, undefined),
    tick: (tMs) => {
      const effects: Effect[] = [];
      advance(tMs, effects);
      return effects;
    },
    changedMachines,
    machines: () =>
      groups.flatMap((group) =>
        group.machines.flatMap((machine, row) =>
          machine ? [{ ruleId: group.rule.id, assetId: assetIdOf(group, row), machine }] : [],
        ),
      ),
    findMachine: (ruleId, assetId) => findRow(groups, ruleId, assetId, (group, row) => group.machines[row]),
    inspect: (ruleId, assetId, tMs) => findRow(groups, ruleId, assetId, (group, row) => inspectRow(group, row, tMs)),
  };

  function advance(tMs: number, effects: Effect[] | undefined): void {
    points.apply(tMs);
    for (const group of groups) {
      if (tMs % group.rule.timing.everyMs !== 0) continue;
      for (let row = 0; row < group.assets.length; row++) {
        try {
          group.read(row, tMs);
          if (effects) stepRow(group, row, tMs, effects);
        } catch (error) {
          if (effects) fail(group, row, tMs, error, effects);
        }
      }
    }
  }

  function stepRow(group: RuleGroup, row: number, tMs: number, effects: Effect[]): void {
    const { rule, scratch } = group;
    const condition = rule.when(scratch.values, scratch.params, scratch.windows);
    const machine = group.machines[row];
    if (group.failed[row]) recover(group, row, tMs, effects);
    if (machine === undefined && condition !== isTrue) return;
    const isSuspended = group.isSuspended(row, tMs);
    if (machine === undefined && isSuspended) return;
    const clearing = clearingOf(rule, condition, scratch);
    const workOrderAfterMs = rule.enabled === 'shadow' ? null : (rule.workOrder?.afterMs ?? null);
    const before = machine ?? normalMachine;
    const seen = { at: tMs, condition, clearing, isSuspended, suppressedBy: findSuppressor(group, row) };
    const { machine: after, events } = step({ timing: rule.timing, workOrderAfterMs }, before, seen);
    if (after === before) return;
    const asset = group.assets[row] as RuleAsset;
    group.machines[row] = after.state === 'normal' && after.insight === null ? undefined : after;
    markChanged(group, row);
    for (const event of events) effects.push(effectOf(event, rule, asset, tMs, after.insight, scratch));
  }

  function fail(group: RuleGroup, row: number, tMs: number, error: unknown, effects: Effect[]): void {
    if (group.failed[row]) return;
    group.failed[row] = true;
    const message = error instanceof Error ? error.message : String(error);
    effects.push({ ...headOf(group, row, tMs), kind: 'rule-error', message });
  }

  function recover(group: RuleGroup, row: number, tMs: number, effects: Effect[]): void {
    group.failed[row] = false;
    effects.push({ ...headOf(group, row, tMs), kind: 'rule-error-cleared' });
  }

  function markChanged(group: RuleGroup, row: number): void {
    const rows = changed.get(group);
    if (rows) rows.add(row);
    else changed.set(group, new Set([row]));
  }

  function changedMachines(): StoredMachine[] {
    const stored = [...changed].flatMap(([group, rows]) =>
      [...rows].map((row) => ({
        ruleId: group.rule.id,
        assetId: assetIdOf(group, row),
        machine: group.machines[row] ?? null,
      })),
    );
    changed.clear();
    return stored;
  }
}

function inspectRow(group: RuleGroup, row: number, tMs: number): Inspection {
  group.read(row, tMs);
  const { rule, scratch } = group;
  const condition = rule.when(scratch.values, scratch.params, scratch.windows);
  const clearing = clearingOf(rule, condition, scratch);
  return { condition, clearing, isSuspended: group.isSuspended(row, tMs), values: snapshotOf(rule, scratch) };
}

function clearingOf(rule: Rule, condition: Truth, { values, params, windows }: RuleGroup['scratch']): Truth {
  return rule.clear ? rule.clear(values, params, windows) : ((2 - condition) as Truth);
}

function headOf(group: RuleGroup, row: number, at: number) {
  return { ruleId: group.rule.id, ruleVersion: group.rule.version, assetId: assetIdOf(group, row), at };
}

function assetIdOf(group: RuleGroup, row: number): string {
  return (group.assets[row] as RuleAsset).id;
}

/** The first rule in `suppressed_by` that fires on the same asset or on one upstream of it. */
function findSuppressor(group: RuleGroup, row: number): string | null {
  for (const suppressor of group.suppressors[row] ?? []) {
    const state = suppressor.group.machines[suppressor.row]?.state;
    if (state === 'firing' || state === 'clearing') return suppressor.group.rule.id;
  }
  return null;
}

function commonDivisor(a: number, b: number): number {
  if (!Number.isFinite(a)) return b;
  return b === 0 ? a : commonDivisor(b, a % b);
}

function restore(groups: RuleGroup[], machines: Iterable<StoredMachine>): StoredMachine[] {
  const orphans: StoredMachine[] = [];
  const rowOf = new Map(
    groups.flatMap((group) => group.assets.map(({ id }, row) => [`${group.rule.id} ${id}`, { group, row }] as const)),
  );
  for (const stored of machines) {
    const place = rowOf.get(`${stored.ruleId} ${stored.assetId}`);
    if (!place) orphans.push(stored);
    else if (stored.machine) place.group.machines[place.row] = stored.machine;
  }
  return orphans;
}

function findRow<Found>(
  groups: RuleGroup[],
  ruleId: string,
  assetId: string,
  read: (group: RuleGroup, row: number) => Found,
): Found | undefined {
  const group = groups.find(({ rule }) => rule.id === ruleId);
  const row = group?.assets.findIndex(({ id }) => id === assetId) ?? -1;
  return group && row >= 0 ? read(group, row) : undefined;
}
