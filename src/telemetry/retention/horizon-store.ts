/** The horizons that retention leaves behind, for whoever reads what was dropped only in part. */
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { literalIntegers } from '../../platform/instant-store.ts';
import { everySeries, type Horizons } from './horizon.ts';

/** Of one table: every horizon, or those that concern some series. */
export async function listHorizons(db: Db, table: string, seriesIds?: readonly number[]): Promise<Horizons> {
  return horizonsIn(table, await listHorizonRows(db, seriesIds));
}

export type HorizonRow = { readonly time_table: string; readonly series_id: number; readonly before_ms: number };

/** The same of every table, for `horizonsIn`. */
export async function listHorizonRows(db: Db, seriesIds?: readonly number[]): Promise<HorizonRow[]> {
  return (await selectHorizons(seriesIds).execute(db)).rows;
}

/** The statement of `listHorizonRows`, for whoever sends several at once. */
export function selectHorizons(seriesIds?: readonly number[]): RawBuilder<HorizonRow> {
  return sql`
    select time_table, series_id, (extract(epoch from before) * 1000)::float8 as before_ms from retention_horizon
    ${seriesIds ? sql`where series_id = any(${literalIntegers([everySeries, ...seriesIds])})` : sql``}`;
}

/** Those of one table among rows of all. */
export function horizonsIn(table: string, rows: readonly HorizonRow[]): Horizons {
  const own = rows.filter(({ time_table }) => time_table === table);
  return new Map(own.map(({ series_id, before_ms }) => [series_id, before_ms]));
}
