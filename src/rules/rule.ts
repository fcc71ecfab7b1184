import type { FeedFunction, NumberFunction, TruthFunction } from './compile-expression.ts';
import type { Ring, Window } from './expression.ts';
import type { Schedule } from './schedule.ts';
import type { Template } from './template.ts';
import type { Unit } from './units.ts';

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
  enabled: true | 'shadow';
  tags: string[];
  docs: string | null;
  timing: Timing;
  active: Schedule | null;
  holdOff: { forMs: number; watch: NumberFunction[] } | null;
  minCover: number;
  inputs: RuleInput[];
  params: RuleParam[];
  derived: { name: string; slot: number; compute: NumberFunction }[];
  rings: Ring[];
  windows: Window[];
  feed: FeedFunction;
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
  unit: Unit | null;
  staleAfterMs: number | null;
  valid: [number, number] | null;
  optional: boolean;
  defaultValue: number | null;
  /** The derived value that fills this slot where the asset has no point of the class `derived:<name>`. */
  derived: string | null;
  /** The input whose derived value is the only one to need this point; null for the rule's own inputs. */
  neededBy: string | null;
};

export type RuleParam = {
  name: string;
  default: number | null;
  unit: Unit | null;
  min: number;
  max: number;
  help: string;
};

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

/** All rules of a directory, suppressors before what they suppress. `hash` is that of the files and of the time scale. */
export type RuleSet = {
  hash: string;
  rules: Rule[];
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
  const windowTicks = rule.rings.reduce((most, { ticks }) => Math.max(most, ticks), 0);
  const lookBackMs = staleAfterMsMax + (windowTicks + 1) * rule.timing.everyMs + 2 * (rule.holdOff?.forMs ?? 0);
  return Math.max(lookBackMs, rule.timing.forMs + rule.timing.clearForMs);
}
