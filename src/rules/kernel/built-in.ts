/**
 * Two insights that no file states, at most one of each an asset, made from the machines of the rules that run there:
 *
 *   data-missing   while a fault is open that has not been judged for its rule's `no_data_after`, for want of data, and while a
 *                  point that is expected to report does not (see point-watch.ts)
 *   rule-error     while a rule cannot be evaluated, because it throws
 *
 *   rules' machines ─┬─touch(asset)─▶ what is concerned ──▶ machine of the kernel: open while there is something
 *   watched points ──┘
 *
 * Their machines are stored, restored and repaired as all others are, under these ids. They know what they are about, so that an error
 * outlives a restart until its rule is next evaluated. They ask for no work orders and suppress nothing.
 */

import { builtInIds, type Timing } from '../language/rule.ts';
import { isFalse, isTrue, type Truth } from '../language/truth.ts';
import type { RuleAsset } from './bind.ts';
import { type BuiltInId, type Concerned, findingOf, pointsConcerned, pointsRemembered } from './built-in-words.ts';
import { commonDivisor } from './common-divisor.ts';
import type { Effect } from './effect.ts';
import type { StoredMachine } from './evaluation.ts';
import { type InsightMemory, isAtRest, type Machine, normalMachine, step } from './machine.ts';
import type { PointWatch } from './point-watch.ts';
import type { RuleGroup } from './rule-group.ts';

export type BuiltIns = {
  /** Takes a stored machine if it is a built-in one of an asset that rules run on or points are watched of. */
  restore(stored: StoredMachine): boolean;
  /** A machine of this asset has come to miss data, or has data again. */
  touch(asset: RuleAsset): void;
  /** A rule could not be evaluated on an asset, or (undefined) could again. */
  noteError(asset: RuleAsset, ruleId: string, message: string | undefined): void;
  /** True when `step` has nothing to do until something is told. */
  isIdle(): boolean;
  /** After all rules of a tick. */
  step(tMs: number, effects: Effect[]): void;
  machines(): StoredMachine[];
  changedMachines(): StoredMachine[];
  findMachine(ruleId: string, assetId: string): Machine | undefined;
};

/** What is built in on one asset: the rows of its rules, if any, the errors of these, and the two machines. */
type Watched = {
  rank: number;
  assetId: string;
  rows: { group: RuleGroup; row: number }[];
  everyMs: number;
  /** At which ticks its points are looked at, Infinity where none is watched. */
  watchMs: number;
  errors: Map<string, string>;
  machines: Map<BuiltInId, Machine>;
};

/**
 * The built-in insights of an evaluation; until an asset is touched they cost a comparison for each watched point at its ticks.
 * `assetIds` are in the order of the evaluation.
 */
export function createBuiltIns(
  { groups, watch: points }: { groups: readonly RuleGroup[]; watch: PointWatch },
  timeScale: number,
  assetIds: () => readonly string[],
): BuiltIns {
  const watched = new Map<string, Watched>();
  const touched = new Set<Watched>();
  const changed = new Map<string, StoredMachine>();
  const findRows = indexRows(groups);
  let ranks: Map<string, number> | undefined;
  return {
    restore,
    touch,
    noteError,
    isIdle: () => touched.size === 0 && points.points.length === 0,
    step: stepAll,
    machines,
    changedMachines,
    findMachine,
  };

  function watch(assetId: string): Watched | undefined {
    const known = watched.get(assetId);
    if (known) return known;
    const rows = findRows(assetId);
    const watchMs = points.everyMsOn(assetId);
    const everyMs = rows.map(({ group }) => group.rule.timing.everyMs).reduce(commonDivisor, watchMs);
    if (!Number.isFinite(everyMs)) return undefined;
    ranks ??= new Map(assetIds().map((id, rank) => [id, rank]));
    const rank = ranks.get(assetId) ?? 0;
    const one: Watched = { rank, assetId, rows, everyMs, watchMs, errors: new Map(), machines: new Map() };
    watched.set(assetId, one);
    return one;
  }

  function restore({ ruleId, assetId, machine }: StoredMachine): boolean {
    const id = builtInIds.find((one) => one === ruleId);
    const one = id && watch(assetId);
    if (!one) return false;
    if (machine === null || isAtRest(machine)) return true;
    one.machines.set(id, machine);
    touched.add(one);
    if (id === 'rule-error' && machine.state === 'firing') restoreErrors(one, machine);
    return true;
  }

  function touch({ id }: Pick<RuleAsset, 'id'>): void {
    const one = watch(id);
    if (one) touched.add(one);
  }

  function noteError(asset: RuleAsset, ruleId: string, message: string | undefined): void {
    const one = watch(asset.id);
    if (message === undefined) one?.errors.delete(ruleId);
    else one?.errors.set(ruleId, message);
    touch(asset);
  }

  function stepAll(tMs: number, effects: Effect[]): void {
    points.sweep(tMs, (id) => touch({ id }));
    // In the order of the assets: in which order they were touched is lost with a restart.
    const inOrder = touched.size > 1 ? [...touched].sort((one, other) => one.rank - other.rank) : touched;
    for (const one of inOrder) {
      if (tMs % one.everyMs !== 0) continue;
      for (const id of builtInIds) {
        const concerned = id === 'data-missing' ? withoutData(one, points, tMs) : inError(one, tMs);
        const stored = stepOne(one, id, { tMs, concerned, timing: timingOf(one.everyMs, timeScale) }, effects);
        if (stored) changed.set(`${id} ${one.assetId}`, stored);
      }
      // A restored one is not at rest before its points have been looked at.
      const isLookedAt = one.watchMs === Number.POSITIVE_INFINITY || tMs % one.watchMs === 0;
      if (isLookedAt && [...one.machines.values()].every(isSteady)) touched.delete(one);
    }
  }

  function machines(): StoredMachine[] {
    return [...watched].flatMap(([assetId, one]) =>
      [...one.machines].map(([ruleId, machine]) => ({ ruleId, assetId, machine })),
    );
  }

  function changedMachines(): StoredMachine[] {
    const stored = [...changed.values()];
    changed.clear();
    return stored;
  }

  function findMachine(ruleId: string, assetId: string): Machine | undefined {
    const id = builtInIds.find((one) => one === ruleId);
    return id && watched.get(assetId)?.machines.get(id);
  }
}

/** Finds the rows of an asset; the index is made when it is first asked for. */
function indexRows(groups: readonly RuleGroup[]): (assetId: string) => Watched['rows'] {
  let index: Map<string, Watched['rows']> | undefined;
  return (assetId) => {
    if (index) return index.get(assetId) ?? [];
    index = new Map();
    for (const group of groups) {
      for (const [row, { id }] of group.assets.entries()) {
        const rows = index.get(id);
        if (rows) rows.push({ group, row });
        else index.set(id, [{ group, row }]);
      }
    }
    return index.get(assetId) ?? [];
  };
}

/** The rules that could not be evaluated when the machine was stored are taken for that until they are evaluated again. */
function restoreErrors({ rows, errors }: Watched, { insight }: Machine): void {
  for (const [rule, told] of Object.entries(insight?.concerned ?? {})) {
    const place = rows.find(({ group }) => group.rule.id === rule);
    if (!place) continue;
    place.group.failed[place.row] = true;
    errors.set(rule, told);
  }
}

type Looked = { tMs: number; concerned: readonly Concerned[]; timing: Timing };

/** Steps one machine of an asset at a tick; gives it as it is to be stored, or undefined where it stays what it was. */
function stepOne(
  { assetId, machines }: Watched,
  id: BuiltInId,
  { tMs, concerned, timing }: Looked,
  effects: Effect[],
): StoredMachine | undefined {
  const before = machines.get(id);
  if (before === undefined && concerned.length === 0) return undefined;
  const condition: Truth = concerned.length > 0 ? isTrue : isFalse;
  const clearing: Truth = concerned.length > 0 ? isFalse : isTrue;
  const seen = { at: tMs, condition, clearing, isSuspended: false, suppressedBy: null };
  const stepped = step({ timing, workOrderAfterMs: null }, before ?? normalMachine, seen);
  const { machine, isOther } = remember(stepped.machine, concerned);
  if (machine === before) return undefined;
  if (isAtRest(machine)) machines.delete(id);
  else machines.set(id, machine);
  const { openedAt = tMs, flapping = false, episodes = 1, stale = false } = machine.insight ?? {};
  const head = { ruleId: id, ruleVersion: 1, assetId, at: tMs, openedAt };
  const startedAt = Math.min(tMs, ...concerned.map(({ sinceMs }) => sinceMs));
  const finding = findingOf(id, concerned);
  const kinds = stepped.events.map(({ kind }) => kind);
  if (kinds.includes('opened')) effects.push({ ...head, kind: 'opened', startedAt, suppressedBy: null, ...finding });
  else if (kinds.includes('reopened'))
    effects.push({ ...head, kind: 'reopened', startedAt, episodes, flapping, ...finding });
  else if (isOther) effects.push({ ...head, kind: 'evidence-changed', ...finding });
  if (kinds.includes('flagged'))
    effects.push({ ...head, kind: 'flagged', stale, suppressedBy: null, flapping, shown: null });
  if (kinds.includes('resolved')) effects.push({ ...head, kind: 'resolved', clearedAt: tMs, because: 'cleared' });
  return { ruleId: id, assetId, machine: isAtRest(machine) ? null : machine };
}

function withoutData({ assetId, rows, watchMs, machines }: Watched, points: PointWatch, tMs: number): Concerned[] {
  const faults = rows.flatMap(({ group, row }) => {
    const insight = group.machines[row]?.insight;
    if (!insight?.dataMissing) return [];
    const sinceMs = insight.unknownSince ?? tMs;
    const told = `not judged since ${new Date(sinceMs).toISOString()}`;
    return [{ what: group.rule.id, told, sinceMs, isShadow: group.variantAt(row, tMs).enabled === 'shadow' }];
  });
  // Between its ticks a point is what it was, whoever asks.
  const silent =
    tMs % watchMs === 0
      ? pointsConcerned(points.listOverdue(assetId, tMs), tMs)
      : pointsRemembered(machines.get('data-missing'), tMs);
  return [...faults, ...silent];
}

function inError({ rows, errors }: Watched, tMs: number): Concerned[] {
  return rows.flatMap(({ group, row }) => {
    const told = errors.get(group.rule.id);
    const isShadow = group.variantAt(row, tMs).enabled === 'shadow';
    return told === undefined ? [] : [{ what: group.rule.id, told, sinceMs: tMs, isShadow }];
  });
}

/** The machine with what its insight is about; `isOther` when an insight that was open already is about something else now. */
function remember(machine: Machine, concerned: readonly Concerned[]): { machine: Machine; isOther: boolean } {
  const { insight } = machine;
  if (insight === null || concerned.length === 0) return { machine, isOther: false };
  const now = Object.fromEntries(concerned.map(({ what, told }) => [what, told]));
  if (JSON.stringify(now) === JSON.stringify(insight.concerned ?? {})) return { machine, isOther: false };
  const kept: InsightMemory = { ...insight, concerned: now };
  return { machine: { ...machine, insight: kept }, isOther: true };
}

/** Whether a machine stays as it is until something is told: in the other states, or while it flaps, time alone changes it. */
function isSteady({ state, insight }: Machine): boolean {
  return state === 'firing' && insight?.flapping === false;
}

/** They open and end at once; a return within a day reopens them, and four of those in a day are flapping, as for any rule. */
function timingOf(everyMs: number, timeScale: number): Timing {
  const [hourMs, dayMs] = [3_600_000 / timeScale, 86_400_000 / timeScale];
  return {
    everyMs,
    forMs: 0,
    clearForMs: 0,
    gapMsMax: 0,
    noDataAfterMs: Number.POSITIVE_INFINITY,
    reopenWithinMs: dayMs,
    flappingWithinMs: dayMs,
    flappingClearForMs: hourMs,
  };
}
