/**
 * Two insights that no file states, at most one of each an asset, made from the machines of the rules that run there:
 *
 *   data-missing   while a fault is open that has not been judged for its rule's `no_data_after`, for want of data
 *   rule-error     while a rule cannot be evaluated, because it throws
 *
 *   rules' machines ──touch(asset)──▶ which rules are concerned ──▶ machine of the kernel: open while there is one
 *
 * Their machines are stored, restored and repaired as all others are, under these ids. They know which rules they are about,
 * so that an error outlives a restart until its rule is next evaluated. They ask for no work orders and suppress nothing.
 */

import { builtInIds, type Timing } from '../language/rule.ts';
import { isFalse, isTrue, type Truth } from '../language/truth.ts';
import type { RuleAsset } from './bind.ts';
import { commonDivisor } from './common-divisor.ts';
import type { Effect, Finding } from './effect.ts';
import type { StoredMachine } from './evaluation.ts';
import { type InsightMemory, isAtRest, type Machine, normalMachine, step } from './machine.ts';
import type { RuleGroup } from './rule-group.ts';

export type BuiltInId = (typeof builtInIds)[number];

export type BuiltIns = {
  /** Takes a stored machine if it is a built-in one of an asset that rules run on. */
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

/** What is built in on one asset: the rows of its rules, the errors of these, and the two machines. */
type Watched = {
  rank: number;
  asset: RuleAsset;
  rows: { group: RuleGroup; row: number }[];
  everyMs: number;
  errors: Map<string, string>;
  machines: Map<BuiltInId, Machine>;
};

type Concerned = { ruleId: string; told: string; sinceMs: number; isShadow: boolean };

/** The built-in insights of an evaluation; costs nothing until an asset is touched. `assetIds` are in the order of the evaluation. */
export function createBuiltIns(
  groups: readonly RuleGroup[],
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
    isIdle: () => touched.size === 0,
    step: stepAll,
    machines,
    changedMachines,
    findMachine,
  };

  function watch(assetId: string): Watched | undefined {
    const known = watched.get(assetId);
    if (known) return known;
    const rows = findRows(assetId);
    const [first] = rows;
    if (!first) return undefined;
    ranks ??= new Map(assetIds().map((id, rank) => [id, rank]));
    const one: Watched = {
      rank: ranks.get(assetId) ?? 0,
      asset: first.group.assets[first.row] as RuleAsset,
      rows,
      everyMs: rows.map(({ group }) => group.rule.timing.everyMs).reduce(commonDivisor),
      errors: new Map(),
      machines: new Map(),
    };
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
    if (id !== 'rule-error' || machine.state !== 'firing') return true;
    for (const [rule, told] of Object.entries(machine.insight?.concerned ?? {})) {
      const place = one.rows.find(({ group }) => group.rule.id === rule);
      if (!place) continue;
      place.group.failed[place.row] = true;
      one.errors.set(rule, told);
    }
    return true;
  }

  function touch({ id }: RuleAsset): void {
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
    // In the order of the assets: in which order they were touched is lost with a restart.
    const inOrder = touched.size > 1 ? [...touched].sort((one, other) => one.rank - other.rank) : touched;
    for (const one of inOrder) {
      if (tMs % one.everyMs !== 0) continue;
      for (const id of builtInIds) stepOne(one, id, tMs, effects);
      if (one.machines.size === 0 && one.errors.size === 0) touched.delete(one);
    }
  }

  function stepOne(one: Watched, id: BuiltInId, tMs: number, effects: Effect[]): void {
    const concerned = id === 'data-missing' ? withoutData(one, tMs) : inError(one, tMs);
    const before = one.machines.get(id);
    if (before === undefined && concerned.length === 0) return;
    const condition: Truth = concerned.length > 0 ? isTrue : isFalse;
    const clearing: Truth = concerned.length > 0 ? isFalse : isTrue;
    const seen = { at: tMs, condition, clearing, isSuspended: false, suppressedBy: null };
    const timing = timingOf(one.everyMs, timeScale);
    const stepped = step({ timing, workOrderAfterMs: null }, before ?? normalMachine, seen);
    const { machine, isOther } = remember(stepped.machine, concerned);
    if (machine === before) return;
    if (isAtRest(machine)) one.machines.delete(id);
    else one.machines.set(id, machine);
    const assetId = one.asset.id;
    changed.set(`${id} ${assetId}`, { ruleId: id, assetId, machine: isAtRest(machine) ? null : machine });
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

function withoutData({ rows }: Watched, tMs: number): Concerned[] {
  return rows.flatMap(({ group, row }) => {
    const insight = group.machines[row]?.insight;
    if (!insight?.dataMissing) return [];
    const sinceMs = insight.unknownSince ?? tMs;
    const told = `not judged since ${new Date(sinceMs).toISOString()}`;
    return [{ ruleId: group.rule.id, told, sinceMs, isShadow: group.variantAt(row, tMs).enabled === 'shadow' }];
  });
}

function inError({ rows, errors }: Watched, tMs: number): Concerned[] {
  return rows.flatMap(({ group, row }) => {
    const told = errors.get(group.rule.id);
    const isShadow = group.variantAt(row, tMs).enabled === 'shadow';
    return told === undefined ? [] : [{ ruleId: group.rule.id, told, sinceMs: tMs, isShadow }];
  });
}

/** The machine with what its insight is about; `isOther` when an insight that was open already is about something else now. */
function remember(machine: Machine, concerned: readonly Concerned[]): { machine: Machine; isOther: boolean } {
  const { insight } = machine;
  if (insight === null || concerned.length === 0) return { machine, isOther: false };
  const now = Object.fromEntries(concerned.map(({ ruleId, told }) => [ruleId, told]));
  if (JSON.stringify(now) === JSON.stringify(insight.concerned ?? {})) return { machine, isOther: false };
  const kept: InsightMemory = { ...insight, concerned: now };
  return { machine: { ...machine, insight: kept }, isOther: true };
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

/** What a built-in insight showed when its machine was as it is remembered; undefined for insights of rules. */
export function shownBuiltIn(ruleId: string, { concerned }: InsightMemory): Omit<Finding, 'isShadow'> | undefined {
  const id = builtInIds.find((one) => one === ruleId);
  return (
    id &&
    findingOf(
      id,
      Object.entries(concerned ?? {}).map(([rule, told]) => ({ ruleId: rule, told, ...unknown })),
    )
  );
}

const unknown = { sinceMs: 0, isShadow: false };

function findingOf(id: BuiltInId, concerned: readonly Concerned[]): Finding {
  const count = `${concerned.length} ${concerned.length === 1 ? 'rule' : 'rules'}`;
  const told = concerned.map((one) => `${one.ruleId}: ${one.told}`).join('; ');
  return {
    ...words[id],
    message: id === 'data-missing' ? `Open faults of ${count} lack data: ${told}` : `${count} cannot run: ${told}`,
    evidence: concerned.map((one) => ({ name: one.ruleId, value: one.told, unit: null })),
    costPerHour: null,
    isShadow: concerned.every(({ isShadow }) => isShadow),
  };
}

const words: Record<BuiltInId, Pick<Finding, 'severity' | 'category' | 'title' | 'causes' | 'actions'>> = {
  'data-missing': {
    severity: 'warning',
    category: 'maintenance',
    title: 'Data missing while a fault is open',
    causes: [
      'A sensor, its controller or the gateway is without power or out of the network',
      'A point was renamed, or its device no longer sends it',
      'Readings come marked as bad, or lie outside what the rule takes as valid',
    ],
    actions: [
      'Look at when the points of the rules named as evidence reported last',
      'Look through the quarantine for messages of this equipment',
      'Inspect the device; the fault may still be there',
    ],
  },
  'rule-error': {
    severity: 'warning',
    category: 'maintenance',
    title: 'A rule cannot be evaluated',
    causes: ['A setting of the equipment or of its site that the rule cannot work with', 'A mistake in the rule'],
    actions: [
      'Read the error in the evidence and correct the setting or the rule',
      'Switch the rule off here meanwhile',
    ],
  },
};
