import type { PointColumn } from '../../telemetry/point-column.ts';
import type { Layout } from '../kernel/layout.ts';

/** Tells a layout from columns when its watched points had their last good readings, as its memory would know tick by tick. */
export type WatchColumns = {
  /** Takes the next slice of the readings of all points, by their places in the memory; all before it have been reached. */
  take(series: readonly (PointColumn | undefined)[]): void;
  /** Goes on to a tick; never back. */
  reach(tMs: number): void;
};

type Cursor = { place: number; series: PointColumn | undefined; next: number };

/** Nothing has been reached yet. */
export function createWatchColumns({ watch, points: { goodTimes } }: Pick<Layout, 'watch' | 'points'>): WatchColumns {
  const cursors = watch.points.map(({ place }): Cursor => ({ place, series: undefined, next: 0 }));
  const reach = (tMs: number) => {
    for (const cursor of cursors) {
      if (!cursor.series) continue;
      const { times, values } = cursor.series;
      let { next } = cursor;
      for (; next < times.length && (times[next] as number) <= tMs; next++) {
        if (Number.isFinite(values[next])) goodTimes[cursor.place] = times[next] as number;
      }
      cursor.next = next;
    }
  };
  return {
    take: (series) => {
      reach(Number.POSITIVE_INFINITY);
      for (const cursor of cursors) {
        cursor.series = series[cursor.place];
        cursor.next = 0;
      }
    },
    reach,
  };
}
