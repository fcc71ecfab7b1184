import { sql } from 'kysely';
import type { Database } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { prepareStorage } from '../../src/telemetry/storage/engine-store.ts';

/** A reading of a test; its time is ISO 8601, to the microsecond. */
type Given = { readonly time: string; readonly value: number | null; readonly quality?: number };

/** Puts readings into the table as they are, without what an append does beside. What is no number is of bad quality. */
export async function storeReadings(database: Database, seriesId: number, given: readonly Given[]): Promise<void> {
  const engine = await prepareStorage(database.pool, createLog('silent'));
  await engine.ensureDays(given.map(({ time }) => Math.floor(Date.parse(time) / 86_400_000)));
  for (const { time, value, quality = value === null ? 2 : 0 } of given) {
    await sql`insert into reading (series_id, time, value, quality)
      values (${seriesId}, ${time}::timestamptz, ${value}, ${quality})`.execute(database.db);
  }
}

/** The readings of a series in the order of time. */
export async function readingsOf(
  database: Database,
  seriesId: number,
): Promise<{ ms: number; value: number | null; quality: number }[]> {
  const { rows } = await sql<{ ms: number; value: number | null; quality: number }>`
    select (extract(epoch from time) * 1000)::float8 as ms, value, quality from reading
    where series_id = ${seriesId} order by time`.execute(database.db);
  return rows;
}

/** What readings leave for roll-ups and rules, forgotten. */
export async function dropEverything({ db }: Database): Promise<void> {
  await sql`delete from rollup_touched`.execute(db);
  await sql`delete from ingest_batch`.execute(db);
}

export async function countOf({ db }: Database, table: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*)::integer as n from ${sql.table(table)}`.execute(db);
  return rows[0]?.n ?? 0;
}
