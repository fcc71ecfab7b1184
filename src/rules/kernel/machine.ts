import type { Timing } from '../language/rule.ts';
import { isFalse, isTrue, isUnknown, type Truth } from '../language/truth.ts';

/**
 * The state machine of one rule on one asset (the table of the rules' README, clause by clause):
 *
 *             c=T                 clock >= for                 c!=T, k=T             clock >= clear_for
 *   NORMAL ---------> PENDING ------------------> FIRING ------------------> CLEARING ------------------> NORMAL
 *      ^  <----------------'  c=F, gap too long      ^  <-------------------------'  c=T, k=F
 *      for = 0: NORMAL -> FIRING at once             clear_for = 0: FIRING -> NORMAL at once
 *
 * c is the condition, k the clearing (`not c` without one). Unknown is never false: it pauses clocks and ends nothing.
 * Clocks count evaluated ticks, not wall time. The memory is plain JSON.
 */
export type Machine = {
  state: 'normal' | 'pending' | 'firing' | 'clearing';
  clockMs: number;
  gapMs: number;
  /** When the condition became true, in `pending` only. */
  since: number | null;
  insight: InsightMemory | null;
};

/** What a machine remembers of its insight, also for a while after its end, so that a return reopens it. */
export type InsightMemory = {
  startedAt: number;
  openedAt: number;
  endedAt: number | null;
  /** When each of the last four episodes began to fire, oldest first. */
  episodeStarts: number[];
  episodes: number;
  reasserts: number;
  flapping: boolean;
  stale: boolean;
  unknownSince: number | null;
  dataMissing: boolean;
  suppressedBy: string | null;
  /** The last instant at which it was suppressed: the wait for a work order begins again there. */
  suppressedAt: number | null;
  workOrder: 'none' | 'issued';
  /** As what people see it; that of a built-in insight lies in its finding. */
  shown?: Shown;
  /** Why it ended, where its rule did not see the fault clear. */
  endedBecause?: Retirement;
  /** The rules that a built-in insight is about, each with what is told of it; the insights of rules have none. */
  concerned?: Record<string, string>;
};

/** What overrides and new versions of a rule change on an insight that is open. */
export type Shown = { severity: 'critical' | 'warning' | 'info'; isShadow: boolean };

/** Why a rule does not run on an asset any more: it was taken out, switched off, or no longer fits the asset. */
export type Retirement = 'rule_removed' | 'rule_disabled' | 'rule_unbound';

/** What a machine sees at a tick. */
export type Observation = {
  at: number;
  condition: Truth;
  clearing: Truth;
  isSuspended: boolean;
  suppressedBy: string | null;
};

export type MachineEvent =
  | { kind: 'pending' }
  | { kind: 'pending-cleared' }
  | { kind: 'opened'; startedAt: number }
  | { kind: 'reopened'; startedAt: number }
  | { kind: 'resolved' }
  | { kind: 'flagged' }
  | { kind: 'data-missing' }
  | { kind: 'data-returned' }
  | { kind: 'work-order-due' };

/** How the machine's rule asks for work orders (the wait in milliseconds, or null when it never does) and shows its insight. */
export type MachineSpec = { timing: Timing; workOrderAfterMs: number | null; shown?: Shown };

export const normalMachine: Machine = { state: 'normal', clockMs: 0, gapMs: 0, since: null, insight: null };

/** The next memory and what happened. Pure; the same memory is returned when nothing changed. */
export function step(
  spec: MachineSpec,
  before: Machine,
  seen: Observation,
): { machine: Machine; events: MachineEvent[] } {
  const events: MachineEvent[] = [];
  const moved = move(spec.timing, before, seen, events);
  const isOpen = moved.state === 'firing' || moved.state === 'clearing';
  const flagged = isOpen ? flag(spec.timing, moved, seen, events) : forget(spec.timing, moved, seen.at);
  const machine = isOpen ? askForWorkOrder(spec, show(spec, flagged, events), seen, events) : flagged;
  return { machine, events };
}

/** True when there is nothing to remember. */
export function isAtRest({ state, insight }: Machine): boolean {
  return state === 'normal' && insight === null;
}

/**
 * The machine of a rule that does not run here any more: at rest, its open insight ended. That is remembered as any other end is,
 * so that a fault which is found again within `reopenWithinMs` is the same one; without a timing, for as long as the rule is gone.
 */
export function retire(machine: Machine, at: number, because: Retirement, timing?: Timing): Machine {
  const insight =
    machine.insight?.endedAt === null
      ? { ...machine.insight, ...seenNoMore, endedAt: at, endedBecause: because }
      : machine.insight;
  const atRest = machine.state === 'normal' ? machine : { ...normalMachine, insight };
  return timing ? forget(timing, atRest, at) : atRest;
}

function move(timing: Timing, machine: Machine, seen: Observation, events: MachineEvent[]): Machine {
  switch (machine.state) {
    case 'normal':
      return fromNormal(timing, machine, seen, events);
    case 'pending':
      return fromPending(timing, machine, seen, events);
    case 'firing':
      return fromFiring(timing, machine, seen, events);
    case 'clearing':
      return fromClearing(timing, machine, seen, events);
  }
}

function fromNormal(timing: Timing, machine: Machine, seen: Observation, events: MachineEvent[]): Machine {
  if (seen.isSuspended || seen.condition !== isTrue) return machine;
  if (timing.forMs === 0) return fire(timing, machine, seen.at, seen.at, events);
  events.push({ kind: 'pending' });
  return { ...machine, state: 'pending', clockMs: 0, gapMs: 0, since: seen.at };
}

function fromPending(timing: Timing, machine: Machine, seen: Observation, events: MachineEvent[]): Machine {
  if (seen.isSuspended || seen.condition === isFalse) return backToNormal(machine, events);
  if (seen.condition === isUnknown) {
    const gapMs = machine.gapMs + timing.everyMs;
    return gapMs >= timing.gapMsMax ? backToNormal(machine, events) : { ...machine, gapMs };
  }
  const clockMs = machine.clockMs + timing.everyMs;
  if (clockMs >= timing.forMs) return fire(timing, machine, machine.since ?? seen.at, seen.at, events);
  return { ...machine, clockMs, gapMs: 0 };
}

function backToNormal(machine: Machine, events: MachineEvent[]): Machine {
  events.push({ kind: 'pending-cleared' });
  return { ...machine, state: 'normal', clockMs: 0, gapMs: 0, since: null };
}

function fromFiring(timing: Timing, machine: Machine, seen: Observation, events: MachineEvent[]): Machine {
  if (seen.isSuspended || seen.condition === isTrue || seen.clearing !== isTrue) return machine;
  if (clearForMs(timing, machine) === 0) return resolve(machine, seen.at, events);
  return { ...machine, state: 'clearing', clockMs: 0 };
}

function fromClearing(timing: Timing, machine: Machine, seen: Observation, events: MachineEvent[]): Machine {
  if (seen.isSuspended) return machine;
  if (seen.condition === isTrue)
    return { ...withInsight(machine, ({ reasserts }) => ({ reasserts: reasserts + 1 })), state: 'firing', clockMs: 0 };
  if (seen.clearing === isFalse) return { ...machine, state: 'firing', clockMs: 0 };
  if (seen.clearing === isUnknown) return machine;
  const clockMs = machine.clockMs + timing.everyMs;
  return clockMs >= clearForMs(timing, machine) ? resolve(machine, seen.at, events) : { ...machine, clockMs };
}

function clearForMs(timing: Timing, machine: Machine): number {
  return machine.insight?.flapping ? Math.max(timing.clearForMs, timing.flappingClearForMs) : timing.clearForMs;
}

function fire(timing: Timing, machine: Machine, startedAt: number, at: number, events: MachineEvent[]): Machine {
  const last = machine.insight;
  const isReturn = last !== null && last.endedAt !== null && at - last.endedAt <= timing.reopenWithinMs;
  events.push({ kind: isReturn ? 'reopened' : 'opened', startedAt });
  const insight: InsightMemory = isReturn
    ? returned(last, at)
    : { ...freshInsight, startedAt, openedAt: at, episodeStarts: [at] };
  return {
    state: 'firing',
    clockMs: 0,
    gapMs: 0,
    since: null,
    insight: { ...insight, flapping: isFlapping(timing, insight, at) },
  };
}

function returned({ endedBecause: _, ...last }: InsightMemory, at: number): InsightMemory {
  const episodeStarts = [...last.episodeStarts, at].slice(-4);
  return { ...last, endedAt: null, episodes: last.episodes + 1, episodeStarts };
}

/** An insight that has just been opened; what else there is to know of it is when. */
export const freshInsight: Omit<InsightMemory, 'startedAt' | 'openedAt' | 'episodeStarts'> = {
  endedAt: null,
  episodes: 1,
  reasserts: 0,
  flapping: false,
  stale: false,
  unknownSince: null,
  dataMissing: false,
  suppressedBy: null,
  suppressedAt: null,
  workOrder: 'none',
};

function isFlapping(timing: Timing, { episodeStarts }: InsightMemory, at: number): boolean {
  return episodeStarts.length >= 4 && at - (episodeStarts[0] as number) <= timing.flappingWithinMs;
}

function resolve(machine: Machine, at: number, events: MachineEvent[]): Machine {
  events.push({ kind: 'resolved' });
  const ended = withInsight(machine, () => ({ ...seenNoMore, endedAt: at }));
  return { ...ended, state: 'normal', clockMs: 0, gapMs: 0 };
}

const seenNoMore = { stale: false, unknownSince: null, dataMissing: false };

/**
 * The flags of an open insight: stale data, missing data, suppression, flapping. What is told of its data is frozen while the
 * machine is suspended; data that come back meanwhile are noted, so that they end the span that makes data missing.
 */
function flag(timing: Timing, machine: Machine, seen: Observation, events: MachineEvent[]): Machine {
  const insight = machine.insight as InsightMemory;
  const { stale, unknownSince, dataMissing } = judgeData(timing, machine, seen);
  const flapping = insight.flapping && isFlapping(timing, insight, seen.at);
  const suppressedBy = seen.suppressedBy;
  const suppressedAt =
    suppressedBy === null ? (insight.suppressedBy === null ? insight.suppressedAt : seen.at) : insight.suppressedAt;
  const isNew = events.some(({ kind }) => kind === 'opened');
  const isFlagged = stale !== insight.stale || suppressedBy !== insight.suppressedBy || flapping !== insight.flapping;
  if (isFlagged && !isNew) events.push({ kind: 'flagged' });
  if (dataMissing !== insight.dataMissing) events.push({ kind: dataMissing ? 'data-missing' : 'data-returned' });
  const isSame =
    !isFlagged &&
    dataMissing === insight.dataMissing &&
    unknownSince === insight.unknownSince &&
    suppressedAt === insight.suppressedAt;
  return isSame
    ? machine
    : withInsight(machine, () => ({ stale, unknownSince, dataMissing, flapping, suppressedBy, suppressedAt }));
}

function judgeData(
  timing: Timing,
  { state, insight: open }: Machine,
  { at, condition, clearing, isSuspended }: Observation,
) {
  const insight = open as InsightMemory;
  const isBlind =
    condition !== isTrue &&
    (condition === isUnknown || clearing === isUnknown) &&
    !(state === 'clearing' && clearing === isTrue);
  const { stale, dataMissing } = insight;
  if (isSuspended && (dataMissing || !stale)) return insight;
  const unknownSince = isBlind ? (insight.unknownSince ?? at) : null;
  if (isSuspended) return { stale, unknownSince, dataMissing };
  const isMissing = unknownSince !== null && (dataMissing || at - unknownSince >= timing.noDataAfterMs);
  return { stale: isBlind, unknownSince, dataMissing: isMissing };
}

/** An open insight follows its rule's severity and trial. */
function show({ shown }: MachineSpec, machine: Machine, events: MachineEvent[]): Machine {
  const before = machine.insight?.shown;
  if (!shown || (before?.severity === shown.severity && before.isShadow === shown.isShadow)) return machine;
  if (!events.some(({ kind }) => kind === 'opened' || kind === 'reopened' || kind === 'flagged'))
    events.push({ kind: 'flagged' });
  return withInsight(machine, () => ({ shown }));
}

/** An ended insight is forgotten when a return could no longer reopen it. */
function forget(timing: Timing, machine: Machine, at: number): Machine {
  const endedAt = machine.insight?.endedAt ?? null;
  return endedAt !== null && at - endedAt > timing.reopenWithinMs ? { ...machine, insight: null } : machine;
}

/**
 * Decides about the work order when it is due, not when the insight opens: a root cause recognised meanwhile holds it back, and
 * when that suppression ends the wait begins again, so that symptoms which fade with their cause never ask for one.
 */
function askForWorkOrder(spec: MachineSpec, machine: Machine, seen: Observation, events: MachineEvent[]): Machine {
  const insight = machine.insight as InsightMemory;
  if (spec.workOrderAfterMs === null || insight.workOrder === 'issued') return machine;
  if (seen.isSuspended || insight.suppressedBy !== null) return machine;
  const waitsSince = Math.max(insight.openedAt, insight.suppressedAt ?? 0);
  if (seen.at - waitsSince < spec.workOrderAfterMs) return machine;
  events.push({ kind: 'work-order-due' });
  return withInsight(machine, () => ({ workOrder: 'issued' }));
}

function withInsight(machine: Machine, change: (insight: InsightMemory) => Partial<InsightMemory>): Machine {
  const insight = machine.insight as InsightMemory;
  return { ...machine, insight: { ...insight, ...change(insight) } };
}
