/** Copying the tables of telemetry from one storage engine to the other: a statement each of what move-storage.ts does in order. */
import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { instant } from '../../platform/instant-store.ts';
import type { EngineKind } from './engine-store.ts';
import type { Piece } from './piece-store.ts';
import { layouts, type TimeTable, timeTables } from './time-table.ts';

/** The name of a table while it is filled, and of the old one until it is gone. */
export const newName = (table: TimeTable) => `${table}_moving`;
export const oldName = (table: TimeTable) => `${table}_moved`;

export type Storage = { readonly kind: EngineKind; readonly movingTo: EngineKind | null };

/** What is recorded of this database; undefined before its first start. */
export async function findStorage(db: Db): Promise<Storage | undefined> {
  const { rows } = await sql<Storage>`select kind, moving_to as "movingTo" from storage_engine`.execute(db);
  return rows[0];
}

/** Who else is connected to this database, by the names that they give; our own connection is not among them. */
export async function listOthers(db: Db): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select coalesce(nullif(application_name, ''), 'a program') || ' (' || coalesce(host(client_addr), 'local') || ')' as name
    from pg_stat_activity
    where datname = current_database() and backend_type = 'client backend' and pid <> pg_backend_pid()`.execute(db);
  return rows.map(({ name }) => name);
}

/** Notes that the move has begun, and lets nobody write until it has ended. */
export async function beginMove(trx: Db, to: EngineKind): Promise<void> {
  await sql`update storage_engine set moving_to = ${to}, moving_since = now()`.execute(trx);
  for (const table of timeTables) {
    await sql`
      create trigger refuse_while_moving before insert or update or delete or truncate on ${sql.table(table)}
      for each statement execute function refuse_while_moving()`.execute(trx);
  }
}

/** Lets everybody write again, into the tables as they were. */
export async function endMove(trx: Db): Promise<void> {
  for (const table of timeTables)
    await sql`drop trigger if exists refuse_while_moving on ${sql.table(table)}`.execute(trx);
  await sql`delete from storage_move`.execute(trx);
  await sql`update storage_engine set moving_to = null, moving_since = null`.execute(trx);
}

/** What has been copied of a table: where each piece began, in milliseconds since the epoch, and the rows in all. */
export async function listCopied(db: Db, table: TimeTable): Promise<{ starts: ReadonlySet<number>; rows: number }> {
  const { rows } = await sql<{ start: number; rows: number }>`
    select (extract(epoch from from_time) * 1000)::float8 as start, rows::float8 as rows
    from storage_move where time_table = ${table}`.execute(db);
  return {
    starts: new Set(rows.map(({ start }) => start)),
    rows: rows.reduce((sum, { rows: count }) => sum + count, 0),
  };
}

/** Days of UTC, in days since 1970, on which a piece has rows. */
export async function listDays(db: Db, { table, fromMs, toMs }: Piece): Promise<number[]> {
  const column = sql.ref(layouts[table].timeColumn);
  const { rows } = await sql<{ day: number }>`
    select distinct floor(extract(epoch from ${column}) / 86400)::integer as day from ${sql.table(table)}
    where ${column} >= ${instant(fromMs)} and ${column} < ${instant(toMs)}`.execute(db);
  return rows.map(({ day }) => day);
}

/** Copies a piece, and records it if both sides hold the same rows then. Rejects where they do not. */
export async function copyPiece(trx: Db, piece: Piece): Promise<number> {
  const { table, fromMs, toMs } = piece;
  const column = sql.ref(layouts[table].timeColumn);
  const within = sql`${column} >= ${instant(fromMs)} and ${column} < ${instant(toMs)}`;
  const [source, target] = [sql.table(table), sql.table(newName(table))];
  await sql`insert into ${target} select * from ${source} where ${within} order by series_id, ${column}`.execute(trx);
  const sumOf = async (of: typeof source) => {
    const { rows } = await sql<{ rows: string; checksum: string }>`
      select count(*)::text as rows, coalesce(sum(hashtextextended(t::text, 0)), 0)::text as checksum
      from ${of} t where ${within}`.execute(trx);
    return rows[0] as { rows: string; checksum: string };
  };
  const [before, after] = [await sumOf(source), await sumOf(target)];
  if (before.rows !== after.rows || before.checksum !== after.checksum)
    throw new Error(
      `${piece.name} has ${before.rows} rows and its copy ${after.rows}, or they differ; nothing was changed`,
    );
  await sql`
    insert into storage_move (time_table, from_time, to_time, rows, checksum)
    values (${table}, ${instant(fromMs)}, ${instant(toMs)},
      ${after.rows}::bigint, ${after.checksum}::numeric)`.execute(trx);
  return Number(after.rows);
}

/** Puts the copies in the place of the tables: from this transaction's commit on the database is of the other kind. */
export async function switchTables(trx: Db, to: EngineKind): Promise<void> {
  for (const table of timeTables) {
    await sql`drop trigger if exists refuse_while_moving on ${sql.table(table)}`.execute(trx);
    await renameTable(trx, { table, from: table, to: oldName(table) });
    await renameTable(trx, { table, from: newName(table), to: table });
  }
  await sql`delete from storage_move`.execute(trx);
  await sql`update storage_engine set kind = ${to}, moving_to = null, moving_since = null, chosen_at = now()`.execute(
    trx,
  );
}

type Renaming = { readonly table: TimeTable; readonly from: string; readonly to: string };

async function renameTable(trx: Db, { table, from, to }: Renaming): Promise<void> {
  await sql`alter table ${sql.table(from)} rename to ${sql.ref(to)}`.execute(trx);
  for (const suffix of ['pkey', layouts[table].timeColumn])
    await sql`alter index ${sql.ref(`${from}_${suffix}`)} rename to ${sql.ref(`${to}_${suffix}`)}`.execute(trx);
}

/** Whether a table of this name is there. */
export async function hasTable(db: Db, name: string): Promise<boolean> {
  const { rows } = await sql<{ has: boolean }>`select to_regclass(${name}) is not null as has`.execute(db);
  return rows[0]?.has ?? false;
}

/** Drops a table that has no pieces left. */
export async function dropTable(db: Db, name: string): Promise<void> {
  await sql`drop table ${sql.table(name)}`.execute(db);
}

/** Counts rows again for the planner: copies have been counted by nobody. */
export async function analyzeTables(db: Db): Promise<void> {
  for (const table of timeTables) await sql`analyze ${sql.table(table)}`.execute(db);
}
