import type { Unit } from '../../assets/units.ts';
import type { FeedFunction, NumberFunction, TruthFunction } from './compile-expression.ts';
import type { Expression, Ring, Window } from './expression.ts';
import type { Override } from './override.ts';
import type { Schedule } from './schedule.ts';
import type { Template } from './template.ts';

/**
 * A rule as it runs: names are slots, expressions functions, durations milliseconds of the time scale it was loaded with.
 * Immutable; everything that changes lies in the evaluation (memory of inputs) and in the machines (memory of each asset).
 */
export type Rule = {
  id: string;
  version: number;
  title: string;
  file: string;
  assetClass: string;
  enabled: boolean | 'shadow';
  tags: string[];
  docs: string | null;
  timing: Timing;
  active: Schedule | null;
  holdOff: { forMs: number; watch: NumberFunction[] } | null;
  minCover: number;
  inputs: RuleInput[];
  params: RuleParam[];
  fits: RuleFit[];
  /** What the fits look at: the rule's windows and their own. */
  fitWindows: FitWindows;
  rings: Ring[];
  windows: Window[];
  passes: Pass[];
  /** Ticks on which the longest chain of windows depends: one around a derived value looks back beyond the windows in it. */
  lookBackTicks: number;
  when: TruthFunction;
  clear: TruthFunction | null;
  cost: NumberFunction | null;
  message: Template;
  evidence: Evidence;
  severity: 'critical' | 'warning' | 'info';
  category: 'fault' | 'comfort' | 'energy' | 'maintenance';
  causes: string[];
  actions: string[];
  workOrder: WorkOrderSpec | null;
  suppressedBy: string[];
};

/**
 * What is computed at a tick before the conditions, in this order: derived values, then windows, which may look at them. Windows
 * inside a derived value take a pass before it.
 *
 *   inputs ─▶ pass: derived ─▶ rings fed ─▶ windows read ─▶ pass: derived ─▶ ... ─▶ conditions
 *
 * Each pass feeds the rings and reads the windows from its start up to its end.
 */
export type Pass = {
  derived: { name: string; slot: number; expression: Expression; compute: NumberFunction }[];
  feed: FeedFunction;
  ringStart: number;
  ringEnd: number;
  windowStart: number;
  windowEnd: number;
};

/** The durations of the state machine, in milliseconds. `flapping…`: four episodes in that span keep it open for at least that. */
export type Timing = {
  everyMs: number;
  forMs: number;
  clearForMs: number;
  gapMsMax: number;
  noDataAfterMs: number;
  reopenWithinMs: number;
  flappingWithinMs: number;
  flappingClearForMs: number;
};

/** One named value of a rule and how it is found: the first class that a point of the asset belongs to. */
export type RuleInput = {
  name: string;
  type: 'number' | 'truth';
  classes: string[];
  of: string | null;
  /** Where to look for it, in this order: the first that has such a point counts. */
  from: InputFrom[];
  /** A pattern of the point's name, with * for anything. */
  named: string | null;
  /** Which of several such points, in the order of their names, counted from 1. */
  index: number | null;
  unit: Unit | null;
  staleAfterMs: number | null;
  valid: [number, number] | null;
  optional: boolean;
  defaultValue: number | null;
  /** The derived value that fills this slot where the asset has no point of the class `derived:<name>`. */
  derived: string | null;
  /** The derived input that this one serves, and that alone; null for the rule's own inputs. */
  neededBy: string | null;
};

/** Whose point an input is: the asset's own, the site's, or that of the nearest asset upstream, if need be of a class. */
export type InputFrom = { kind: 'self' } | { kind: 'site' } | { kind: 'upstream'; class: string | null };

/** True for an input whose value may come from any asset of the site. */
export function readsFromSite({ from }: RuleInput): boolean {
  return from.some(({ kind }) => kind === 'site');
}

export type RuleParam = {
  name: string;
  default: number | null;
  unit: Unit | null;
  min: number;
  max: number;
  help: string;
};

/**
 * How a parameter is found from healthy days: the quantile of `of` over the ticks at which `where` is true and no hold-off holds,
 * times and plus a constant.
 */
export type RuleFit = {
  param: string;
  of: NumberFunction;
  where: TruthFunction | null;
  quantile: number;
  times: number;
  plus: number;
};

/** What takes the place of the rule's own while its parameters are fitted; live nothing of it is fed. */
export type FitWindows = Pick<Rule, 'rings' | 'windows' | 'passes' | 'lookBackTicks'>;

export type Evidence = {
  shown: { name: string; unit: Unit | null; type: 'number' | 'truth'; read: NumberFunction }[];
  beforeMs: number;
  afterMs: number;
};

/** The work order that a rule asks for. `afterMs` is rule time from the opening of the insight; `dueMs` is calendar time, never scaled. */
export type WorkOrderSpec = {
  afterMs: number;
  dueMs: number | null;
  type: string;
  priority: 'low' | 'medium' | 'high' | 'critical';
  category: string;
  assign: string | null;
  title: string | null;
};

/**
 * All rules of a directory, suppressors before what they suppress, those that are switched off included: an override may switch
 * them on. `hash` is that of the files and of the time scale; `overrides` are those of files.
 */
export type RuleSet = {
  hash: string;
  rules: Rule[];
  overrides: Override[];
  everyMsMin: number;
  /** The span of history from which the memory of inputs is rebuilt exactly, for points that report at least every 5 minutes. */
  warmupMs: number;
  timeScale: number;
};

/** How long a reading stays usable where neither the input nor the point says: in rule time. */
export const staleAfterMsDefault = 900_000;

/**
 * The span of readings on which a rule's memory of inputs can depend: the reading carried into the oldest tick of its longest
 * window, or the hold-off, which looks back twice its own span (a value unknown for that long counts as a start).
 */
export function memorySpanMs(rule: Rule, staleAfterMsMax: number): number {
  const lookBackMs = staleAfterMsMax + rule.lookBackTicks * rule.timing.everyMs + 2 * (rule.holdOff?.forMs ?? 0);
  return Math.max(lookBackMs, rule.timing.forMs + rule.timing.clearForMs);
}

/** The ids of the built-in insights; no rule may have one of them. */
export const builtInIds = ['data-missing', 'rule-error'] as const;
