/** How often points report, learned from their last readings; shown beside what people expect, and adopted when they say so. */
import type { Db } from '../platform/database.ts';
import { listNewestTimes, listUnlearned, saveLearned } from './interval-store.ts';

/** Points in one run; a hundred thousand have their turn within some hours. */
const pointsAtOnce = 500;
/** Of each so many readings are looked at, of the last two days at most. */
const timesMax = 61;
const gapsMin = 20;
/** Nine of ten gaps lie within half of the usual one. */
const evenShare = 0.9;

/**
 * The usual gap between readings at these instants (epoch milliseconds, in order), to the tenth of a second, below one second
 * to the hundredth and from ten seconds on to the second; null where they come too unevenly, undefined where they are too few to
 * tell.
 */
export function learnInterval(timesMs: readonly number[]): number | null | undefined {
  const gaps = timesMs.slice(1).map((ms, i) => Math.abs(ms - (timesMs[i] as number)));
  if (gaps.length < gapsMin) return undefined;
  const usual = gaps.toSorted((one, other) => one - other)[Math.floor(gaps.length / 2)] as number;
  const even = gaps.filter((gap) => Math.abs(gap - usual) <= usual / 2).length;
  if (usual <= 0 || even < evenShare * gaps.length) return null;
  const step = usual < 1_000 ? 10 : usual < 10_000 ? 100 : 1_000;
  return Math.max(step, Math.round(usual / step) * step);
}

/** Looks at the points that have waited longest for it; does nothing for those that were looked at within the hour. */
export async function learnIntervals(db: Db): Promise<void> {
  const points = await listUnlearned(db, pointsAtOnce);
  if (points.length === 0) return;
  const times = await listNewestTimes(db, { seriesIds: points.map(({ seriesId }) => seriesId), limit: timesMax });
  await saveLearned(
    db,
    points.map(({ pointId, seriesId }) => ({ pointId, learnedMs: learnInterval(times.get(seriesId) ?? []) })),
  );
}
