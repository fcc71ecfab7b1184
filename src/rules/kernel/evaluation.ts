import type { Override } from '../language/override.ts';
import type { RuleSet } from '../language/rule.ts';
import { isTrue, type Truth } from '../language/truth.ts';
import type { MissingInput, RuleAsset, RulePoint } from './bind.ts';
import { type BuiltIns, createBuiltIns } from './built-in.ts';
import { commonDivisor } from './common-divisor.ts';
import { type Effect, type EvidenceValue, snapshotOf } from './effect.ts';
import { endingOf } from './ending.ts';
import { assetIdOf, clearingOf, createEvaluateRow, type EvaluateRow } from './evaluate-row.ts';
import { type Layout, layOut } from './layout.ts';
import type { Machine, Retirement } from './machine.ts';
import type { RuleGroup } from './rule-group.ts';

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
  /** Stored machines whose rule no longer runs on their asset, and why. */
  orphans: (StoredMachine & { because: Retirement })[];
  /** How long before the first tick the run-up begins, in milliseconds. */
  warmupMs: number;
  /** The base tick: the greatest step that meets every tick of every rule that runs, Infinity without one. */
  everyMs: number;
  boundCount: number;
  /** The indexes under which `observe` knows a point: one for each asset that has it, none for one that no rule reads. */
  pointIndexes(pointId: string): readonly number[];
  /** A reading of a point, in any order; what lies ahead of the next tick waits, so hand readings over tick by tick. */
  observe(pointIndex: number, timeMs: number, value: number, quality: Quality): void;
  /** With `throughMs`, where the run-up ends, rules are passed over while their memory does not reach back that far. */
  warm(tMs: number, throughMs?: number): void;
  tick(tMs: number): Effect[];
  /** The machines that changed since the last call; `machine` is null when there is nothing left to remember. */
  changedMachines(): StoredMachine[];
  /** Every machine that remembers anything. */
  machines(): StoredMachine[];
  findMachine(ruleId: string, assetId: string): Machine | undefined;
  /** Where all of it lies, for an evaluation that goes on from this one's memory: see adopt-memory.ts. */
  layout: Layout;
  /** The rules on their assets and one of these at a tick, for whoever reads the inputs in another way: see column-run.ts. */
  groups: readonly RuleGroup[];
  evaluate: EvaluateRow;
  builtIns: Pick<BuiltIns, 'isIdle' | 'step'>;
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
  /** Those of the database, beside those of the rule set's own files. */
  overrides?: readonly Override[];
  /** The assets on which rules run, where not on all; their inputs are found among all. */
  only?: ReadonlySet<string>;
  /** Whether points that are expected to report are missed when they do not; what is asked of one rule alone is not. */
  isWatching?: boolean;
};

/** An evaluation of a rule set over some assets, with machines as they were stored. */
export function createEvaluation(input: EvaluationInput): Evaluation {
  const { ruleSet, assets, machines = [], overrides = [], only, isWatching } = input;
  const layout = layOut(ruleSet, assets, overrides, only, isWatching);
  const { groups, points } = layout;
  const builtIns = createBuiltIns(layout, ruleSet.timeScale, () => assets.map(({ asset }) => asset.id));
  const orphans = restore(groups, machines, builtIns).map((stored) => ({
    ...stored,
    because: endingOf(stored, input),
  }));
  const changes = createChanges();
  const evaluate = createEvaluateRow(builtIns, changes.note);
  return {
    missing: layout.missing,
    orphans,
    warmupMs: layout.warmupMs,
    everyMs: groups.map(({ rule }) => rule.timing.everyMs).reduce(commonDivisor, layout.watch.everyMs),
    boundCount: groups.reduce((sum, group) => sum + group.assets.length, 0),
    pointIndexes: (pointId) => layout.indexes.get(pointId) ?? [],
    observe: points.observe,
    warm,
    tick: (tMs) => {
      const effects: Effect[] = [];
      advance(tMs, effects);
      return effects;
    },
    changedMachines: () => [...changes.take(), ...builtIns.changedMachines()],
    machines: () => [
      ...groups.flatMap((group) =>
        group.machines.flatMap((machine, row) =>
          machine ? [{ ruleId: group.rule.id, assetId: assetIdOf(group, row), machine }] : [],
        ),
      ),
      ...builtIns.machines(),
    ],
    findMachine: (ruleId, assetId) =>
      findRow(groups, ruleId, assetId, (group, row) => group.machines[row]) ?? builtIns.findMachine(ruleId, assetId),
    layout,
    groups,
    evaluate,
    builtIns,
    inspect: (ruleId, assetId, tMs) => findRow(groups, ruleId, assetId, (group, row) => inspectRow(group, row, tMs)),
  };

  function warm(tMs: number, throughMs = Number.NEGATIVE_INFINITY): void {
    points.apply(tMs);
    for (const group of groups) {
      if (tMs % group.rule.timing.everyMs !== 0 || tMs < throughMs - group.spanMs) continue;
      for (let row = 0; row < group.assets.length; row++) {
        if (!group.adopted[row]) evaluate(group, row, tMs, group.read);
      }
    }
  }

  function advance(tMs: number, effects: Effect[]): void {
    points.apply(tMs);
    for (const group of groups) {
      if (tMs % group.rule.timing.everyMs !== 0) continue;
      // A machine at rest whose condition is not true stays at rest.
      const conditions = group.judge(tMs);
      for (let row = 0; row < conditions.length; row++) {
        if ((conditions[row] as number) >= isTrue || group.machines[row] !== undefined || group.failed[row])
          evaluate(group, row, tMs, group.read, effects);
      }
    }
    builtIns.step(tMs, effects);
  }
}

/** The rows whose machines have changed since they were taken last. */
function createChanges() {
  const changed = new Map<RuleGroup, Set<number>>();
  return {
    note: (group: RuleGroup, row: number): void => {
      const rows = changed.get(group);
      if (rows) rows.add(row);
      else changed.set(group, new Set([row]));
    },
    take: (): StoredMachine[] => {
      const stored = [...changed].flatMap(([group, rows]) =>
        [...rows].map((row) => ({
          ruleId: group.rule.id,
          assetId: assetIdOf(group, row),
          machine: group.machines[row] ?? null,
        })),
      );
      changed.clear();
      return stored;
    },
  };
}

function inspectRow(group: RuleGroup, row: number, tMs: number): Inspection {
  group.read(row, tMs);
  const { rule, scratch } = group;
  const condition = rule.when(scratch.values, scratch.params, scratch.windows);
  const clearing = clearingOf(rule, condition, scratch);
  return { condition, clearing, isSuspended: group.isSuspended(row, tMs), values: snapshotOf(rule, scratch) };
}

function restore(
  groups: RuleGroup[],
  machines: Iterable<StoredMachine>,
  builtIns: ReturnType<typeof createBuiltIns>,
): StoredMachine[] {
  const orphans: StoredMachine[] = [];
  const rowOf = new Map(
    groups.flatMap((group) => group.assets.map(({ id }, row) => [`${group.rule.id} ${id}`, { group, row }] as const)),
  );
  for (const stored of machines) {
    const place = rowOf.get(`${stored.ruleId} ${stored.assetId}`);
    if (place) {
      if (stored.machine) place.group.machines[place.row] = stored.machine;
      if (stored.machine?.insight?.dataMissing) builtIns.touch(place.group.assets[place.row] as RuleAsset);
    } else if (!builtIns.restore(stored)) orphans.push(stored);
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
