import type { Db } from '../../platform/database.ts';
import { refusals } from '../../platform/refusals.ts';
import { horizonsIn, listHorizonRows, listHorizons } from '../retention/horizon-store.ts';
import type { BucketWidth } from '../rollups/bucket.ts';
import { levels } from '../rollups/rollup.ts';
import { allTime, type Query } from './query.ts';
import { autoWidthsMs, bucketStart } from './query-grid.ts';

/** Whatever the policies say, readings are kept for a week: nothing of it has to be looked up. */
const keptMsMin = 7 * 86_400_000;

/**
 * A query whose width was found from pixels, with a wider one where retention has dropped what that would be made of. Throws
 * resolution_dropped for readings from an instant on before which they are not kept; who names none gets those that there are.
 */
export async function widenToKept(db: Db, query: Query): Promise<Query> {
  const { form, series, startMs, nowMs } = query;
  if (form.kind === 'raw' && startMs > allTime.startMs && startMs < nowMs - keptMsMin) await refuseDropped(db, query);
  if (form.kind !== 'buckets' || !form.isAuto || form.bucket.kind !== 'fixed') return query;
  const seriesIds = series.map(({ seriesId }) => seriesId);
  const { ms } = await findKeptWidth(db, { seriesIds, startMs, ms: form.bucket.ms });
  return { ...query, form: { ...form, bucket: { kind: 'fixed', ms } } };
}

async function refuseDropped(db: Db, { series, startMs }: Query): Promise<void> {
  const seriesIds = series.map(({ seriesId }) => seriesId);
  const keptFromMs = Math.max(...(await listHorizons(db, 'reading', seriesIds)).values());
  if (startMs < keptFromMs) throw refusals.resolutionDropped(new Date(keptFromMs));
}

/** The narrowest of the widths of `auto`, from `ms` on, whose buckets are there from `startMs` on; `ms` where none are. */
export async function findKeptWidth(
  db: Db,
  { seriesIds, startMs, ms }: { seriesIds: readonly number[]; startMs: number; ms: number },
): Promise<Extract<BucketWidth, { unit: 'fixed' }>> {
  const rows = await listHorizonRows(db, seriesIds);
  for (const widthMs of autoWidthsMs) {
    if (widthMs < ms) continue;
    const width = { unit: 'fixed', ms: widthMs } as const;
    const table = levels.findLast((level) => widthMs % level.widthMs === 0)?.table ?? 'reading';
    if (bucketStart(width, startMs) >= Math.max(...horizonsIn(table, rows).values(), Number.NEGATIVE_INFINITY))
      return width;
  }
  return { unit: 'fixed', ms };
}
