/**
 * Readings that a snapshot did not see: what has been committed since, whenever it is of and however long its commit took.
 *
 *   written in time ──▶ the rows of the last minutes, by the transaction that wrote each
 *   written late    ──▶ what rollup_touched says was touched, by the same
 *
 * The transaction of a row is its xmin, whose 32 bits are compared as a distance from another one's (`age`). A row that was
 * written in a subtransaction has a number of its own, which no snapshot lists: readings are never written after a savepoint.
 */
import { type RawBuilder, sql } from 'kysely';
import { type Quality, qualityOf } from '../assets/quality.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { instant } from '../platform/instant-store.ts';
import { readNumbers, readTimes } from './binary-arrays.ts';
import { lagMsDefault, minuteMs } from './rollups/rollup.ts';

export type FreshQuery = {
  /** Points that one of these names. */
  readonly scope: {
    readonly tenantIds: readonly string[];
    readonly siteIds: readonly string[];
    readonly assetIds: readonly string[];
    readonly pointIds: readonly string[];
  };
  /** What was seen: transactions below xmin, and those below xmax that are not among xips. */
  readonly since: { readonly xmin: number; readonly xmax: number; readonly xips: readonly number[] };
  /** No transaction from xmin on had a number before this instant, in ms since 1970. */
  readonly begunMs: number;
  /** At most so many readings are looked at. */
  readonly rowsMax: number;
};

/** A reading with the point that it is of, and where that belongs. */
export type FreshReading = {
  readonly tenantId: string;
  readonly siteId: string;
  /** Its slug. */
  readonly site: string;
  readonly assetId: string;
  readonly pointId: string;
  /** The points that were merged into that one, and the assets that were merged into its asset. */
  readonly mergedIds: readonly string[];
  readonly time: string;
  readonly value: number | null;
  readonly quality: Quality;
};

/** What was found: the transaction of each reading, and those of the lower ones with their points, in the order of time. */
export type Fresh = {
  readonly xids: readonly number[];
  /** False where there are more than `rowsMax`, and nothing can be said of them. */
  readonly isAll: boolean;
  readonly take: (belowXid: number) => Promise<FreshReading[]>;
};

const runsMax = 20_000;

/** The readings of some points that a snapshot did not see; run it in a transaction that sees one snapshot throughout. */
export async function findFreshReadings(trx: Db, query: FreshQuery): Promise<Fresh> {
  const { rowsMax } = query;
  // A reading that comes later than the lag after its time is noted as touched.
  const fromMs = query.begunMs - lagMsDefault;
  const live = await listLive(trx, query, fromMs);
  const late = live.length > rowsMax ? undefined : await listLate(trx, query, fromMs);
  const rows = [...live, ...(late ?? [])];
  return {
    xids: rows.map(({ xid }) => xid),
    isAll: late !== undefined && rows.length <= rowsMax,
    take: (belowXid) =>
      withPoints(
        trx,
        rows.filter(({ xid }) => xid < belowXid).sort((a, b) => a.timeMs - b.timeMs),
      ),
  };
}

type Row = {
  readonly seriesId: number;
  readonly timeMs: number;
  readonly value: number;
  readonly quality: number;
  readonly xid: number;
};

function listLive(trx: Db, { scope, since, rowsMax }: FreshQuery, fromMs: number): Promise<Row[]> {
  return readRows(
    trx,
    sql`select r.series_id, r.time, r.value, r.quality, ${xidOf(since)} as xid from reading r
      where r.series_id = any(${seriesOf(scope)}) and r.time > ${instant(fromMs)} and ${isUnseen(since)}
      limit ${rowsMax + 1}`,
  );
}

type Run = { readonly series_id: number; readonly from_minute: number; through_minute: number; xid: number };

/** Late readings; undefined where too much was touched to say. */
async function listLate(trx: Db, query: FreshQuery, beforeMs: number): Promise<Row[] | undefined> {
  const { scope, since, rowsMax } = query;
  const { rows: runs } = await sql<Run>`
    select run.*, touched.xid::text::float8 as xid from rollup_touched touched,
      unnest(series_ids, from_minutes, through_minutes) as run (series_id, from_minute, through_minute)
    where touched.xid >= ${String(since.xmin)}::xid8
      and not pg_visible_in_snapshot(touched.xid, ${snapshotText(since)}::pg_snapshot)
      and pg_visible_in_snapshot(touched.xid, pg_current_snapshot())
      and run.from_minute * ${minuteMs}::float8 <= ${beforeMs} and run.series_id = any(${seriesOf(scope)})
    limit ${runsMax + 1}`.execute(trx);
  if (runs.length === 0) return [];
  if (runs.length > runsMax) return undefined;
  const merged = withoutOverlaps(runs);
  const read = (isTold: RawBuilder<unknown>, xid: RawBuilder<unknown>) =>
    readRows(trx, lateText(merged, { beforeMs, isTold, xid, rowsMax }));
  await sql`savepoint late`.execute(trx);
  try {
    return await read(isUnseen(since), xidOf(since));
  } catch (error) {
    if ((error as { code?: string }).code !== columnUnreadable) throw error;
    // Compressed rows have lost the number of their transaction: all of the touched minutes are told, some perhaps again.
    await sql`rollback to savepoint late`.execute(trx);
    return await read(sql`true`, sql`run.xid`);
  }
}

/** invalid_column_reference (PostgreSQL, appendix A): what TimescaleDB says of system columns of compressed chunks. */
const columnUnreadable = '42P10';

type LateReading = {
  readonly beforeMs: number;
  readonly isTold: RawBuilder<unknown>;
  readonly xid: RawBuilder<unknown>;
  readonly rowsMax: number;
};

function lateText(runs: readonly Run[], { beforeMs, isTold, xid, rowsMax }: LateReading): RawBuilder<unknown> {
  const least = runs.reduce((minute, run) => Math.min(minute, run.from_minute), Number.POSITIVE_INFINITY);
  const greatest = runs.reduce((minute, run) => Math.max(minute, run.through_minute), Number.NEGATIVE_INFINITY);
  // The outer bounds as constants, so that only their partitions are planned for.
  return sql`
    select r.series_id, r.time, r.value, r.quality, r.xid
    from unnest(${runs.map(({ series_id }) => series_id)}::int4[], ${runs.map(({ from_minute }) => from_minute)}::int4[],
      ${runs.map(({ through_minute }) => through_minute)}::int4[], ${runs.map((run) => run.xid)}::float8[])
      as run (series_id, from_minute, through_minute, xid)
    join lateral (
      select r.*, ${xid} as xid from reading r
      where r.series_id = run.series_id and ${isTold}
        and r.time >= to_timestamp(run.from_minute * 60::float8) and r.time < to_timestamp((run.through_minute + 1) * 60::float8)
        and r.time >= ${instant(least * minuteMs)} and r.time < ${instant((greatest + 1) * minuteMs)}
        and r.time <= ${instant(beforeMs)}
    ) r on true
    limit ${rowsMax + 1}`;
}

/** Runs without those minutes that another one of the same series has too: each reading is told once. */
function withoutOverlaps(runs: readonly Run[]): Run[] {
  const merged: Run[] = [];
  for (const run of runs.toSorted((a, b) => a.series_id - b.series_id || a.from_minute - b.from_minute)) {
    const last = merged.at(-1);
    if (last?.series_id !== run.series_id || last.through_minute < run.from_minute) merged.push({ ...run });
    else {
      last.through_minute = Math.max(last.through_minute, run.through_minute);
      last.xid = Math.min(last.xid, run.xid);
    }
  }
  return merged;
}

/** How far the transaction of a row `r` is from xmin: a scalar subquery is evaluated once, before the scan. */
function distanceOf({ xmin }: FreshQuery['since']): RawBuilder<number> {
  return sql`((select age(${String(xmin)}::xid8::xid))::bigint - age(r.xmin))`;
}

function xidOf(since: FreshQuery['since']): RawBuilder<number> {
  return sql`(${distanceOf(since)} + ${since.xmin}::bigint)::float8`;
}

/** The condition that a snapshot did not see a row `r`. */
function isUnseen(since: FreshQuery['since']): RawBuilder<boolean> {
  const { xmin, xmax, xips } = since;
  const distance = distanceOf(since);
  const underWay = xips.map((xip) => xip - xmin);
  if (underWay.length === 0) return sql`${distance} >= ${xmax - xmin}`;
  return sql`(${distance} >= ${xmax - xmin} or ${distance} = any(${underWay}::bigint[]))`;
}

function snapshotText({ xmin, xmax, xips }: FreshQuery['since']): string {
  return `${xmin}:${xmax}:${xips.join(',')}`;
}

function seriesOf({ tenantIds, siteIds, assetIds, pointIds }: FreshQuery['scope']): RawBuilder<number[]> {
  const parts: RawBuilder<unknown>[] = [];
  const named = (ids: readonly string[], text: RawBuilder<unknown>) => ids.length > 0 && parts.push(text);
  named(tenantIds, sql`select series_id from point where tenant_id = any(${[...tenantIds]}::uuid[])`);
  named(
    siteIds,
    sql`select series_id from asset join point on point.asset_id = asset.id where asset.site_id = any(${[...siteIds]}::uuid[])`,
  );
  named(
    assetIds,
    sql`select series_id from asset join point on point.asset_id = coalesce(asset.merged_into, asset.id)
      where asset.id = any(${[...assetIds]}::uuid[])`,
  );
  named(
    pointIds,
    sql`select its.series_id from point join point its on its.id = coalesce(point.merged_into, point.id)
      where point.id = any(${[...pointIds]}::uuid[])`,
  );
  return sql`array(${parts.length === 0 ? sql`select 0 where false` : sql.join(parts, sql` union `)})`;
}

async function readRows(trx: Db, text: RawBuilder<unknown>): Promise<Row[]> {
  const { rows } = await sql<{ ids: Buffer | null; times: Buffer; values: Buffer; qualities: Buffer; xids: Buffer }>`
    select array_send(array_agg(series_id)) as ids, array_send(array_agg(time)) as times,
      array_send(array_agg(value)) as values, array_send(array_agg(quality)) as qualities,
      array_send(array_agg(xid)) as xids
    from (${text}) found`.execute(trx);
  const [found] = rows;
  if (!found?.ids) return [];
  const timesMs = readTimes(found.times);
  const values = readNumbers(found.values);
  const codes = readNumbers(found.qualities);
  const xids = readNumbers(found.xids);
  return readNumbers(found.ids).map((seriesId, i) => ({
    seriesId,
    timeMs: timesMs[i] as number,
    value: values[i] as number,
    quality: codes[i] as number,
    xid: xids[i] as number,
  }));
}

type PointRow = Omit<FreshReading, 'time' | 'value' | 'quality'> & {
  readonly seriesId: number;
};

async function withPoints(trx: Db, rows: readonly Row[]): Promise<FreshReading[]> {
  if (rows.length === 0) return [];
  const ids = [...new Set(rows.map(({ seriesId }) => seriesId))];
  const { rows: points } = await sql<PointRow>`
    select its.series_id as "seriesId", its.tenant_id as "tenantId", asset.site_id as "siteId", site.slug as site,
      its.asset_id as "assetId", its.id as "pointId", array(
        select id from point where merged_into = its.id union all select id from asset where merged_into = its.asset_id
      ) as "mergedIds"
    from point its join asset on asset.id = its.asset_id join site on site.id = asset.site_id
    where its.series_id = any(${ids}::int4[])`.execute(trx);
  const known = new Map(points.map(({ seriesId, ...point }) => [seriesId, point]));
  return rows.flatMap(({ seriesId, timeMs, value, quality }) => {
    const point = known.get(seriesId);
    if (!point) return [];
    const time = formatInstant(new Date(timeMs));
    return [{ ...point, time, value: Number.isNaN(value) ? null : value, quality: qualityOf(quality) }];
  });
}
