import type { RuleSet } from '../language/rule.ts';
import { commonDivisor } from './common-divisor.ts';

/**
 * Points that are expected to report, whether a rule reads them or not: one is overdue while it has had no good reading for three
 * times its interval, counted from when it came to be expected at the earliest. Bad readings do not count, so a device that says
 * that it is gone is missed, too.
 *
 *   good reading ──3 x interval──▶ overdue ──good reading──▶ reporting
 *
 * It is a function of the tick and of the readings of the last three intervals alone, so that a run-up of those finds it again.
 */
export type WatchedPoint = {
  /** Its place in the memory of points. */
  place: number;
  assetId: string;
  name: string;
  intervalMs: number;
  /** How long it may say nothing. */
  spanMs: number;
  /** Since when it has been expected. */
  sinceMs: number;
  /** At which ticks it is to be looked at, at least: all points of an asset are at the same ones. */
  everyMs: number;
};

export type PointWatch = {
  points: readonly WatchedPoint[];
  /** The step that meets every tick at which a point is looked at, Infinity where none is watched. */
  everyMs: number;
  /** The same for the points of an asset. */
  everyMsOn(assetId: string): number;
  /** Calls `touch` for each asset of which a point has come to be overdue, or to report again, since the last time. */
  sweep(tMs: number, touch: (assetId: string) => void): void;
  /** The points of an asset that are overdue at a tick, by their names. */
  listOverdue(assetId: string, tMs: number): WatchedPoint[];
};

/** Looks at points in a memory whose `goodTimes` tell when each had its last good reading. */
export function createPointWatch(points: readonly WatchedPoint[], goodTimes: Float64Array): PointWatch {
  const wasOverdue = new Uint8Array(points.length);
  const everyMs = stepOf(points);
  const ofAsset = Map.groupBy(points, ({ assetId }) => assetId);
  const steps = new Map([...ofAsset].map(([assetId, own]) => [assetId, stepOf(own)]));
  const stepsOfPoints = Float64Array.from(points, ({ assetId }) => steps.get(assetId) as number);
  const overdueAt = ({ place, sinceMs, spanMs }: WatchedPoint, tMs: number) =>
    tMs - Math.max(goodTimes[place] as number, sinceMs) > spanMs;
  return {
    points,
    everyMs,
    everyMsOn: (assetId) => steps.get(assetId) ?? Number.POSITIVE_INFINITY,
    sweep: (tMs, touch) => {
      if (tMs % everyMs !== 0) return;
      for (let i = 0; i < points.length; i++) {
        if (tMs % (stepsOfPoints[i] as number) !== 0) continue;
        const point = points[i] as WatchedPoint;
        const isOverdue = Number(overdueAt(point, tMs));
        if (isOverdue === wasOverdue[i]) continue;
        wasOverdue[i] = isOverdue;
        touch(point.assetId);
      }
    },
    listOverdue: (assetId, tMs) => (ofAsset.get(assetId) ?? []).filter((point) => overdueAt(point, tMs)),
  };
}

function stepOf(points: readonly WatchedPoint[]): number {
  return points.map((point) => point.everyMs).reduce(commonDivisor, Number.POSITIVE_INFINITY);
}

const intervalsMissed = 3;
/** As far back as windows look: the run-up reads no more. */
const spanMsMax = 31 * 86_400_000;
/** What reports faster than its looking at is looked at more often. */
const [stepMs, shortStepMs] = [60_000, 10_000];

/**
 * How a point that reports every `intervalMs` is watched. Under a time scale its steps are those of the rules: a minute need not
 * have a whole number of milliseconds there.
 */
export function watchingOf(
  intervalMs: number,
  { timeScale, everyMsMin }: Pick<RuleSet, 'timeScale' | 'everyMsMin'>,
): Pick<WatchedPoint, 'spanMs' | 'everyMs'> {
  const ownMs = intervalMs < stepMs ? shortStepMs : stepMs;
  const scaledMs = Number.isFinite(everyMsMin) ? everyMsMin : Math.ceil(stepMs / timeScale);
  return { spanMs: Math.min(intervalsMissed * intervalMs, spanMsMax), everyMs: timeScale === 1 ? ownMs : scaledMs };
}
