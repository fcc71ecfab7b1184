import type { RuleShape } from './plain-conditions.ts';
import { isGated, look, variantOf } from './plain-sight.ts';
import { assetIds, everyMinutes, type Plant, ruleIds } from './random-plant.ts';

/**
 * The semantics of rules read plainly, as the oracle of the kernel: at every tick each value is found anew among all readings,
 * each window and each hold-off among all ticks since the first. Only the states of the machines are carried from tick to tick.
 */
export type Seen = {
  tick: number;
  rule: string;
  asset: string;
  condition: boolean | undefined;
  isSuspended: boolean;
  state: 'normal' | 'pending' | 'firing' | 'clearing';
  clockMs: number;
  insight: Insight | null;
};

export type Insight = {
  startedAt: number;
  openedAt: number;
  endedAt: number | null;
  episodeStarts: number[];
  episodes: number;
  reasserts: number;
  flapping: boolean;
  stale: boolean;
  unknownSince: number | null;
  dataMissing: boolean;
  suppressedBy: string | null;
  suppressedAt: number | null;
  workOrder: 'none' | 'issued';
  endedBecause?: string | undefined;
};

type Memory = Pick<Seen, 'state' | 'clockMs' | 'insight'> & { gapMs: number; since: number };

const suppressors: Record<string, string[]> = { root: [], middle: ['root'], symptom: ['middle', 'root'] };

/** What every machine is after each of its ticks. */
export function readPlainly(plant: Plant): Seen[] {
  const seen: Seen[] = [];
  const minuteMs = 60_000 / plant.ruleSet.timeScale;
  const memories = new Map<string, Memory>();
  const readings = Map.groupBy(plant.readings, ({ point }) => point);
  for (let atMs = plant.fromMs; atMs <= plant.toMs; atMs += minuteMs) {
    for (const rule of ruleIds) {
      const shape = plant.shapes[rule] as RuleShape;
      const everyMs = everyMinutes(shape) * minuteMs;
      if (atMs % everyMs !== 0) continue;
      for (const [index, asset] of assetIds.entries()) {
        const sight = (tMs: number) => look({ readings, plant, rule, asset, shape, everyMs, minuteMs, tMs });
        const key = (ruleId: string, assetId: string) => `${ruleId} ${assetId}`;
        const upstream = assetIds.slice(0, index + 1).reverse();
        const suppressedBy = (suppressors[rule] ?? []).find((one) => {
          const explains = (above: string) =>
            isOpen(memories.get(key(one, above))) && variantOf(plant, one, above, atMs).enabled === true;
          return upstream.some(explains);
        });
        const condition = shape.when.means(sight(atMs));
        const before = memories.get(key(rule, asset)) ?? atRest;
        const { enabled, isPaused } = variantOf(plant, rule, asset, atMs);
        const zone = plant.assets[index]?.asset.siteTimeZone ?? '';
        const isSuspended = isPaused || isGated(shape, { atMs, fromMs: plant.fromMs, everyMs, zone }, sight);
        const clearing = shape.clear === null ? opposite(condition) : shape.clear.means(sight(atMs));
        const timing = timingOf(shape, everyMs, minuteMs);
        const now = { at: atMs, condition, clearing, isSuspended, suppressedBy: suppressedBy ?? null };
        if (enabled === 'shadow') timing.workOrderMs = null;
        const after = enabled === false ? putToRest(before, atMs, timing) : advance(before, now, timing);
        memories.set(key(rule, asset), after);
        const { state, clockMs, insight } = after;
        seen.push({
          tick: (atMs - plant.fromMs) / minuteMs,
          rule,
          asset,
          condition,
          isSuspended,
          state,
          clockMs,
          insight,
        });
      }
    }
  }
  return seen;
}

const atRest: Memory = { state: 'normal', clockMs: 0, gapMs: 0, since: 0, insight: null };
const opposite = (truth: boolean | undefined) => (truth === undefined ? undefined : !truth);
const isOpen = (memory: Memory | undefined) => memory?.state === 'firing' || memory?.state === 'clearing';

type Timing = ReturnType<typeof timingOf>;

function timingOf(shape: RuleShape, everyMs: number, minuteMs: number) {
  const hourMs = 60 * minuteMs;
  return {
    everyMs,
    forMs: shape.forTicks * everyMs,
    clearForMs: shape.clearTicks * everyMs,
    gapMs: shape.gapTicks * everyMs,
    noDataMs: shape.noDataMinutes * everyMs,
    reopenMs: shape.reopenMinutes * minuteMs,
    dayMs: 24 * hourMs,
    flappingClearMs: hourMs,
    workOrderMs: shape.workOrderMinutes === null ? null : shape.workOrderMinutes * minuteMs,
  };
}

type Now = {
  at: number;
  condition: boolean | undefined;
  clearing: boolean | undefined;
  isSuspended: boolean;
  suppressedBy: string | null;
};

function advance(before: Memory, now: Now, timing: Timing): Memory {
  const after = transit(before, now, timing);
  if (isOpen(after)) return { ...after, insight: mark(after, now, timing) };
  const endedAt = after.insight?.endedAt ?? null;
  return endedAt !== null && now.at - endedAt > timing.reopenMs ? { ...after, insight: null } : after;
}

/** What a rule that is switched off leaves: what it found open has ended, and may come back as any other. */
function putToRest({ insight }: Memory, at: number, { reopenMs }: Timing): Memory {
  const isOpenYet = insight !== null && insight.endedAt === null;
  const seenNoMore = { stale: false, unknownSince: null, dataMissing: false };
  const ended = isOpenYet
    ? { ...insight, ...seenNoMore, endedAt: at, endedBecause: 'rule_disabled' as const }
    : insight;
  return { ...atRest, insight: ended?.endedAt != null && at - ended.endedAt > reopenMs ? null : ended };
}

/** The table of states, a row a line. */
function transit(memory: Memory, now: Now, timing: Timing): Memory {
  const { at, condition: c, clearing: k, isSuspended } = now;
  const { state, clockMs, gapMs } = memory;
  const insight = memory.insight as Insight;
  const rest: Memory = { ...memory, state: 'normal', clockMs: 0, gapMs: 0 };
  const ended: Memory = {
    ...rest,
    insight: { ...insight, endedAt: at, stale: false, unknownSince: null, dataMissing: false },
  };
  const waitMs = insight?.flapping ? Math.max(timing.clearForMs, timing.flappingClearMs) : timing.clearForMs;
  const longer = clockMs + timing.everyMs;
  switch (state) {
    case 'normal':
      if (isSuspended || c !== true) return memory;
      return timing.forMs === 0
        ? fire(memory, at, at, timing)
        : { ...memory, state: 'pending', clockMs: 0, gapMs: 0, since: at };
    case 'pending':
      if (isSuspended || c === false) return rest;
      if (c === true)
        return longer >= timing.forMs
          ? fire(memory, memory.since, at, timing)
          : { ...memory, clockMs: longer, gapMs: 0 };
      return gapMs + timing.everyMs >= timing.gapMs ? rest : { ...memory, gapMs: gapMs + timing.everyMs };
    case 'firing':
      if (isSuspended || c === true || k !== true) return memory;
      return waitMs === 0 ? ended : { ...memory, state: 'clearing', clockMs: 0 };
    case 'clearing':
      if (isSuspended) return memory;
      if (c === true)
        return { ...memory, state: 'firing', clockMs: 0, insight: { ...insight, reasserts: insight.reasserts + 1 } };
      if (k === true) return longer >= waitMs ? ended : { ...memory, clockMs: longer };
      return k === false ? { ...memory, state: 'firing', clockMs: 0 } : memory;
  }
}

function fire({ insight }: Memory, startedAt: number, at: number, timing: Timing): Memory {
  const isReturn = insight?.endedAt != null && at - insight.endedAt <= timing.reopenMs;
  const next: Insight = isReturn
    ? {
        ...insight,
        endedAt: null,
        endedBecause: undefined,
        episodes: insight.episodes + 1,
        episodeStarts: [...insight.episodeStarts, at].slice(-4),
      }
    : { ...blank, startedAt, openedAt: at, episodeStarts: [at] };
  return { state: 'firing', clockMs: 0, gapMs: 0, since: 0, insight: { ...next, flapping: flaps(next, at, timing) } };
}

const blank: Insight = {
  startedAt: 0,
  openedAt: 0,
  endedAt: null,
  episodeStarts: [],
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

const flaps = ({ episodeStarts }: Insight, at: number, { dayMs }: Timing) =>
  episodeStarts.length === 4 && at - (episodeStarts[0] as number) <= dayMs;

/** What an open insight is marked with, and whether its work order is due. */
function mark({ state, insight: open }: Memory, now: Now, timing: Timing): Insight {
  const insight = open as Insight;
  const { at, condition: c, clearing: k, isSuspended, suppressedBy } = now;
  const isBlind = c !== true && (c === undefined || k === undefined) && !(state === 'clearing' && k === true);
  // Frozen while suspended, but that a value which comes back ends the span without data.
  const isFrozen = isSuspended && (insight.dataMissing || !insight.stale);
  const unknownSince = isFrozen ? insight.unknownSince : isBlind ? (insight.unknownSince ?? at) : null;
  const isMissing = unknownSince !== null && (insight.dataMissing || at - unknownSince >= timing.noDataMs);
  const wasSuppressed = insight.suppressedBy !== null;
  const suppressedAt = suppressedBy === null && wasSuppressed ? at : insight.suppressedAt;
  const waitsSince = Math.max(insight.openedAt, suppressedAt ?? 0);
  const isDue =
    timing.workOrderMs !== null && !isSuspended && suppressedBy === null && at - waitsSince >= timing.workOrderMs;
  return {
    ...insight,
    stale: isSuspended ? insight.stale : isBlind,
    unknownSince,
    dataMissing: isSuspended ? insight.dataMissing : isMissing,
    flapping: insight.flapping && flaps(insight, at, timing),
    suppressedBy,
    suppressedAt,
    workOrder: isDue ? 'issued' : insight.workOrder,
  };
}
