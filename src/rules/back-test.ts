import type { Effect } from './effect.ts';
import { type Replay, replay } from './replay.ts';
import { zoneOffsetMs } from './schedule.ts';

/** One insight that a back-test would have opened. Instants are epoch milliseconds; `clearedAt` is null when it never ended. */
export type FiredInsight = {
  rule: string;
  asset: string;
  day: string;
  since: number;
  openedAt: number;
  clearedAt: number | null;
  suppressedBy: string | null;
  workOrder: boolean;
  episodes: number;
  faultMs: number;
  message: string;
};

/** The insights of a replay, day by day with fresh memory when `split` says so; `zone` tells where a day begins. */
export function backTest(input: Replay, { split, zone }: { split: 'none' | 'day'; zone: string }): FiredInsight[] {
  if (split === 'none') return collect(replay(input), input.toMs, zone);
  return daysOf(input, zone).flatMap((day) => collect(replay(day), day.toMs, zone));
}

function daysOf(input: Replay, zone: string): Replay[] {
  const byDay = new Map<string, Replay['readings']>();
  for (const reading of input.readings) {
    const day = localDay(reading.at, zone);
    const readings = byDay.get(day);
    if (readings) readings.push(reading);
    else byDay.set(day, [reading]);
  }
  return [...byDay.values()].map((readings) => {
    const [first, last] = [readings[0], readings.at(-1)] as const;
    return { ...input, readings, fromMs: first?.at ?? 0, toMs: last?.at ?? 0 };
  });
}

/** The local day of an instant, as 2007-08-31. */
export function localDay(atMs: number, zone: string): string {
  return new Date(atMs + zoneOffsetMs(zone, atMs)).toISOString().slice(0, 10);
}

function collect(effects: Effect[], endMs: number, zone: string): FiredInsight[] {
  const insights = new Map<string, FiredInsight>();
  const firingSince = new Map<string, number>();
  for (const effect of effects) {
    if (!('openedAt' in effect)) continue;
    const key = `${effect.ruleId} ${effect.assetId} ${effect.openedAt}`;
    const insight = insights.get(key) ?? firedInsight(effect, zone);
    insights.set(key, insight);
    if (effect.kind === 'opened' || effect.kind === 'reopened') firingSince.set(key, effect.at);
    note(insight, effect, firingSince.get(key) ?? effect.at);
    if (effect.kind === 'resolved') firingSince.delete(key);
  }
  for (const [key, since] of firingSince) (insights.get(key) as FiredInsight).faultMs += endMs - since;
  return [...insights.values()];
}

/** Writes down what an effect says about its insight, which has been firing since `firingSince`. */
function note(insight: FiredInsight, effect: Effect, firingSince: number): void {
  if (effect.kind === 'opened') {
    insight.since = effect.startedAt;
    insight.suppressedBy = effect.suppressedBy;
    insight.message = effect.message;
  } else if (effect.kind === 'reopened') {
    insight.clearedAt = null;
    insight.episodes = effect.episodes;
  } else if (effect.kind === 'resolved') {
    insight.clearedAt = effect.clearedAt;
    insight.faultMs += effect.at - firingSince;
  } else if (effect.kind === 'flagged') insight.suppressedBy = effect.suppressedBy ?? insight.suppressedBy;
  else if (effect.kind === 'work-order-due') insight.workOrder = true;
}

function firedInsight({ ruleId, assetId, openedAt }: Effect & { openedAt: number }, zone: string): FiredInsight {
  return {
    rule: ruleId,
    asset: assetId,
    day: localDay(openedAt, zone),
    since: openedAt,
    openedAt,
    clearedAt: null,
    suppressedBy: null,
    workOrder: false,
    episodes: 1,
    faultMs: 0,
    message: '',
  };
}
