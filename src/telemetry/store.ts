import { type SelectQueryBuilder, sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { instant } from '../platform/instant-store.ts';
import type { DB } from '../platform/schema.ts';
import { type Quality, qualities } from './reading.ts';

export type StoredReading = { readonly time: Date; readonly value: number | null; readonly quality: Quality };

/** Which readings: of a tenant's point, from `startMs` on and before `endMs`, at most `limit`, oldest first unless asked. */
export type ReadingQuery = {
  readonly tenantId: string;
  readonly pointId: string;
  readonly startMs?: number | undefined;
  readonly endMs?: number | undefined;
  readonly limit: number;
  readonly order?: 'asc' | 'desc' | undefined;
  /** Only what follows the reading at this `position`, in the order asked for. */
  readonly after?: string | undefined;
};

/** A reading with its time as text to the microsecond: a Date, cut to milliseconds, would skip or repeat its neighbours. */
type ListedReading = StoredReading & { readonly position: string };

/** Readings of one point in the order of their times; none when the tenant has no such point. */
export async function listReadings(db: Db, query: ReadingQuery): Promise<ListedReading[]> {
  const { order = 'asc', after } = query;
  let select = readingsOf(db, query).select(
    sql<string>`to_char(r.time at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`.as('position'),
  );
  if (query.startMs !== undefined) select = select.where('r.time', '>=', instant(query.startMs));
  if (query.endMs !== undefined) select = select.where('r.time', '<', instant(query.endMs));
  if (after !== undefined)
    select = select.where('r.time', order === 'asc' ? '>' : '<', sql<Date>`${after}::timestamptz`);
  const rows = await select.orderBy('r.time', order).limit(query.limit).execute();
  return rows.map((row) => ({ ...toReading(row), position: row.position }));
}

/** The newest reading of a tenant's point. */
export async function findLatestReading(
  db: Db,
  query: { tenantId: string; pointId: string },
): Promise<StoredReading | undefined> {
  const row = await readingsOf(db, query).orderBy('r.time', 'desc').limit(1).executeTakeFirst();
  return row && toReading(row);
}

type Row = { time: Date; value: number | null; quality: number };

function readingsOf(
  db: Db,
  { tenantId, pointId }: { tenantId: string; pointId: string },
): SelectQueryBuilder<DB & { r: DB['reading']; p: DB['point'] }, 'r' | 'p', Row> {
  return db
    .selectFrom('reading as r')
    .innerJoin('point as p', 'p.series_id', 'r.series_id')
    .where('p.tenant_id', '=', tenantId)
    .where('p.id', '=', pointId)
    .select(['r.time', 'r.value', 'r.quality']) as never;
}

function toReading({ time, value, quality }: Row): StoredReading {
  return { time, value, quality: qualities[quality] ?? 'bad' };
}
