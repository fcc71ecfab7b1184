import type { PointColumn } from '../../telemetry/point-column.ts';
import type { Effect } from '../kernel/effect.ts';
import type { EvaluationInput } from '../kernel/evaluation.ts';
import { listFamilies } from '../kernel/families.ts';
import { type Replay, replay } from '../kernel/replay.ts';
import type { RuleSet } from '../language/rule.ts';
import { zoneOffsetMs } from '../language/schedule.ts';
import { type Knowledge, openColumnRun } from './column-run.ts';
import type { LogColumns } from './log-columns.ts';

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

/** What is replayed from columns: the readings of each point by its id, and the ticks from `fromMs` to `toMs` inclusive. */
export type ColumnReplay = Omit<EvaluationInput, 'machines'> & {
  columns: ReadonlyMap<string, PointColumn>;
  fromMs: number;
  toMs: number;
  /** Where the run-up begins in which inputs are remembered and machines stand still; without it there is none. */
  warmFromMs?: number;
  /** Whether each rule has the tick that closes over `toMs`, where there is nothing to come. */
  closes?: boolean;
  knowledge?: Knowledge | undefined;
};

/**
 * The effects of a replay from columns: the very ones of `replay` and of live ticks over the same readings, in the same order. Assets
 * that know nothing of each other are replayed one after the other.
 */
export function backTestColumns(asked: ColumnReplay): Effect[] {
  const { columns, fromMs, toMs, warmFromMs = fromMs, closes, knowledge, ...input } = asked;
  const families = listFamilies(input.ruleSet, input.assets);
  const effects = families.flatMap((assets) =>
    openColumnRun({ ...input, assets }, { warmFromMs, fromMs, knowledge }).advance(columns, toMs, closes),
  );
  return families.length > 1 ? inOrder(effects, input) : effects;
}

/** Effects as one evaluation has them: tick by tick, in the order of the rules, the built-in ones last, in the order of the assets. */
function inOrder(effects: Effect[], { ruleSet, assets }: Omit<EvaluationInput, 'machines'>): Effect[] {
  const ruleRank = new Map(ruleSet.rules.map(({ id }, rank) => [id, rank]));
  const assetRank = new Map(assets.map(({ asset }, rank) => [asset.id, rank]));
  const rankOf = ({ ruleId }: Effect) => ruleRank.get(ruleId) ?? ruleRank.size;
  return effects.sort(
    (one, other) =>
      one.at - other.at ||
      rankOf(one) - rankOf(other) ||
      (assetRank.get(one.assetId) ?? 0) - (assetRank.get(other.assetId) ?? 0),
  );
}

/** The insights of a trend log, day by day with fresh memory when `split` says so, or those of one span. It adds to `knowledge`. */
export function backTestLog(
  { assets, columns, zone }: LogColumns,
  { ruleSet, split, knowledge }: { ruleSet: RuleSet; split: 'none' | 'day'; knowledge?: Knowledge },
): FiredInsight[] {
  const spans = split === 'day' ? daysIn(columns, zone) : [{ ...spanOf(columns), endMs: Number.POSITIVE_INFINITY }];
  return spans.flatMap(({ fromMs, toMs, endMs }) => {
    const own = split === 'day' ? cut(columns, fromMs, endMs) : columns;
    const effects = backTestColumns({ ruleSet, assets, columns: own, fromMs, toMs, closes: true, knowledge });
    return collectInsights(effects, toMs, zone);
  });
}

type Columns = ReadonlyMap<string, PointColumn>;
type Span = { fromMs: number; toMs: number };

/** The instants of the first reading and of the last; 0 and 0 where there is none. */
function spanOf(columns: Columns): Span {
  let [fromMs, toMs] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  for (const { times } of columns.values()) {
    fromMs = Math.min(fromMs, times[0] ?? fromMs);
    toMs = Math.max(toMs, times.at(-1) ?? toMs);
  }
  return fromMs <= toMs ? { fromMs, toMs } : { fromMs: 0, toMs: 0 };
}

/** The local days that hold readings, each from its first reading to its last, and when it ends. */
export function daysIn(columns: Columns, zone: string): (Span & { endMs: number })[] {
  const days: (Span & { endMs: number })[] = [];
  const cursors = [...columns.values()]
    .filter(({ times }) => times.length > 0)
    .map((column) => ({ ...column, next: 0 }));
  for (;;) {
    const left = cursors.filter(({ times, next }) => next < times.length);
    if (left.length === 0) return days;
    const fromMs = Math.min(...left.map(({ times, next }) => times[next] as number));
    const endMs = endOfLocalDay(fromMs, zone);
    let toMs = fromMs;
    for (const cursor of left) {
      cursor.next = countBefore(cursor.times, endMs);
      if (cursor.next > 0) toMs = Math.max(toMs, cursor.times[cursor.next - 1] as number);
    }
    days.push({ fromMs, toMs, endMs });
  }
}

/** The first instant of the next local day; clocks change on quarter hours. */
function endOfLocalDay(atMs: number, zone: string): number {
  const quarterMs = 900_000;
  const day = localDay(atMs, zone);
  const dayMs = 86_400_000;
  const localMs = atMs + zoneOffsetMs(zone, atMs);
  // A day is at most a few hours longer or shorter than this: the way from there is short.
  let endMs = Math.floor((atMs + (Math.floor(localMs / dayMs) + 1) * dayMs - localMs) / quarterMs) * quarterMs;
  while (localDay(endMs, zone) === day) endMs += quarterMs;
  while (localDay(endMs - 1, zone) !== day) endMs -= quarterMs;
  return endMs;
}

function cut(columns: Columns, fromMs: number, endMs: number): Columns {
  return new Map(
    [...columns].map(([point, { times, values }]) => {
      const [start, end] = [countBefore(times, fromMs), countBefore(times, endMs)];
      return [point, { times: times.subarray(start, end), values: values.subarray(start, end) }];
    }),
  );
}

function countBefore(times: Float64Array, ms: number): number {
  let [low, high] = [0, times.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((times[middle] as number) < ms) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The insights of a replay, day by day with fresh memory when `split` says so; `zone` tells where a day begins. */
export function backTest(input: Replay, { split, zone }: { split: 'none' | 'day'; zone: string }): FiredInsight[] {
  if (split === 'none') return collectInsights(replay(input), input.toMs, zone);
  return daysOf(input, zone).flatMap((day) => collectInsights(replay(day), day.toMs, zone));
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

/** The insights that effects tell of; those open at `endMs` have been at fault until then, which a closing tick may lie behind. `zone` tells the day of each. */
export function collectInsights(effects: Effect[], endMs: number, zone: string): FiredInsight[] {
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
  for (const [key, since] of firingSince) (insights.get(key) as FiredInsight).faultMs += Math.max(0, endMs - since);
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
