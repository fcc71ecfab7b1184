import { createRandom, type RuleReading } from '../kernel/replay.ts';
import { findDurationMs } from '../language/durations.ts';
import type { RuleTestFile } from '../language/rule-file.ts';
import { parseSeries } from './series.ts';

/**
 * The readings of a test case in the order in which they arrive, which need not be that of their times:
 *
 *   series     one value per interval, or, where `sampling` says so, only at irregular instants
 *   again      a second series: the same instants as the first, or a little before them, and arriving after it
 *   readings   single ones, in the order of the list
 */
export type Arrivals = RuleReading[];

/** Where a case lies in time: epoch milliseconds of its first value, milliseconds between two, and the scale of rule time. */
export type TestClock = { fromMs: number; intervalMs: number; timeScale: number };

type TestCase = RuleTestFile['cases'][number];

/** All readings of a case; throws a plain sentence for a series that is none. */
export function listArrivals(testCase: TestCase, clock: TestClock): { arrivals: Arrivals; toMs: number } {
  const { series, again, sampling = {}, readings = [] } = testCase;
  const earlierMs = again?.before === undefined ? 0 : offsetMs(again.before, clock);
  const first = Object.entries(series).map(([point, text]) => listSeries(point, text, 0, clock));
  const second = Object.entries(again?.series ?? {}).map(([point, text]) => listSeries(point, text, earlierMs, clock));
  const single = readings.map(({ at, input, value, bad }): RuleReading => {
    return { point: input, at: clock.fromMs + offsetMs(at, clock), value: Number(value), quality: bad ? 2 : 0 };
  });
  const sampled = first.map((one) => {
    const distances = sampling[one.point];
    return distances ? sample(one, distances, clock) : one;
  });
  const arrivals = [...[...sampled, ...second].flatMap((one) => one.readings), ...single];
  const ticks = Math.max(1, ...first.map(({ count }) => count));
  return { arrivals, toMs: Math.max(clock.fromMs + (ticks - 1) * clock.intervalMs, ...single.map(({ at }) => at)) };
}

type Listed = { point: string; count: number; readings: RuleReading[] };

function listSeries(point: string, text: string | number | boolean, earlierMs: number, clock: TestClock): Listed {
  const values = parseSeries(text);
  const readings = values.flatMap((value, index) =>
    value ? [{ point, at: clock.fromMs + index * clock.intervalMs - earlierMs, ...value }] : [],
  );
  return { point, count: values.length, readings };
}

/** The first reading, and then the one in force at instants between the least and the greatest distance apart, the same in every run. */
function sample(listed: Listed, [least, greatest]: [string | 0, string | 0], clock: TestClock): Listed {
  const leastMs = offsetMs(least, clock);
  const spreadMs = offsetMs(greatest, clock) - leastMs;
  if (leastMs <= 0 || spreadMs < 0)
    throw new Error(`sampling: ${listed.point}: write the least distance, above 0, and then the greatest: [1m, 9m]`);
  const random = createRandom(1);
  const readings: RuleReading[] = [];
  const endMs = clock.fromMs + listed.count * clock.intervalMs;
  for (let at = clock.fromMs; at < endMs; at += leastMs + Math.ceil(random() * spreadMs)) {
    const current = listed.readings.findLast((one) => one.at <= at);
    if (current && at - current.at < clock.intervalMs) readings.push({ ...current, at });
  }
  return { ...listed, readings };
}

function offsetMs(duration: string | 0, { timeScale }: TestClock): number {
  return (findDurationMs(String(duration)) as number) / timeScale;
}

/** The readings tick by tick; within a tick they keep the order of arrival. */
export function byTick(arrivals: Arrivals, everyMs: number): RuleReading[] {
  return arrivals.toSorted((a, b) => Math.ceil(a.at / everyMs) - Math.ceil(b.at / everyMs));
}

/** What a reader would see who took the last reading to arrive for the newest. */
export function asArrived(arrivals: Arrivals, singles: number, everyMs: number): RuleReading[] {
  const listed = arrivals.slice(arrivals.length - singles);
  const inListedOrder = [...arrivals.slice(0, arrivals.length - singles), ...retime(listed, () => 0)];
  return retime(byTick(inListedOrder, everyMs), ({ at }) => Math.ceil(at / everyMs));
}

/** The readings of each point and group with their times put in order, so that the order of the list is that of time. */
function retime(readings: RuleReading[], groupOf: (reading: RuleReading) => number): RuleReading[] {
  const timesOf = Map.groupBy(readings, (one) => `${one.point} ${groupOf(one)}`);
  const next = new Map([...timesOf].map(([key, ones]) => [key, ones.map(({ at }) => at).sort((a, b) => b - a)]));
  return readings.map((one) => ({ ...one, at: next.get(`${one.point} ${groupOf(one)}`)?.pop() as number }));
}

/** The readings with the other one of every two of a point at the same instant: bad ones count first, then the greatest. */
export function withTheOtherDouble(readings: RuleReading[]): RuleReading[] {
  const rank = ({ value, quality }: RuleReading) => (quality === 0 ? value : Number.POSITIVE_INFINITY);
  return [...Map.groupBy(readings, ({ point, at }) => `${point} ${at}`).values()].map(
    (same) => same.toSorted((a, b) => rank(a) - rank(b))[0] as RuleReading,
  );
}

/** The readings as if each point that reports at irregular instants had reported once every interval. */
export function evenly(readings: RuleReading[], { fromMs, intervalMs }: TestClock): RuleReading[] {
  const inTime = readings.toSorted((a, b) => a.at - b.at);
  return [...Map.groupBy(inTime, ({ point }) => point).values()].flatMap((own) => {
    const isIrregular = own.some(({ at }) => (at - fromMs) % intervalMs !== 0);
    return isIrregular ? own.map((one, index) => ({ ...one, at: fromMs + index * intervalMs })) : own;
  });
}
