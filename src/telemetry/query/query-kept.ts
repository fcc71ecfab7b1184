import type { Db } from '../../platform/database.ts';
import { horizonsIn, listHorizonRows } from '../retention/horizon-store.ts';
import type { BucketWidth } from '../rollups/bucket.ts';
import { levels } from '../rollups/rollup.ts';
import type { Query } from './query.ts';
import { autoWidthsMs, bucketStart } from './query-grid.ts';

/** A query whose width was found from pixels, with a wider one where retention has dropped what that would be made of. */
export async function widenToKept(db: Db, query: Query): Promise<Query> {
  const { form, series, startMs } = query;
  if (form.kind !== 'buckets' || !form.isAuto || form.bucket.kind !== 'fixed') return query;
  const seriesIds = series.map(({ seriesId }) => seriesId);
  const { ms } = await findKeptWidth(db, { seriesIds, startMs, ms: form.bucket.ms });
  return { ...query, form: { ...form, bucket: { kind: 'fixed', ms } } };
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
