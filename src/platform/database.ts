import { Kysely, PostgresDialect, sql } from 'kysely';
import pg from 'pg';
import type { Log } from './log.ts';
import type { DB } from './schema.ts';

/** A connection pool or a transaction: a store takes either. */
export type Db = Kysely<DB>;

/** The database as stages get it: typed queries over one pool, and the pool itself for streams and bulk writes. */
export type Database = {
  readonly db: Db;
  readonly pool: pg.Pool;
  close(): Promise<void>;
};

/**
 * Opens a pool on a PostgreSQL URL. Nothing is connected yet; an idle connection that breaks is logged and replaced, so
 * a database that went away is found again by the next query.
 */
export function openDatabase(url: string, { connectionsMax, log }: { connectionsMax: number; log: Log }): Database {
  const pool = new pg.Pool({ connectionString: url, max: connectionsMax, connectionTimeoutMillis: 10_000 });
  let isClosing = false;
  pool.on('error', (error) => {
    if (!isClosing) log.warn({ err: error }, 'an idle database connection was lost');
  });
  // The pool listens to connections that are idle in it, and to no other: an error between two statements of a
  // transaction would end the process. The statement that follows rejects with it.
  pool.on('connect', (client) => {
    client.on('error', (error) => log.debug({ err: error }, 'a database connection was lost'));
  });
  const db = new Kysely<DB>({ dialect: new PostgresDialect({ pool }) });
  const close = async () => {
    isClosing = true;
    await db.destroy();
  };
  return { db, pool, close };
}

/** What keeps the database from answering, in a few words; undefined when it answers. */
export async function findDatabaseTrouble({ db }: Database): Promise<string | undefined> {
  try {
    await sql`select 1`.execute(db);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
}

/** Whether an error says that the database went away or is not ready, so that the same work may be tried again. */
export function isConnectionLoss(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = (error as { code?: string }).code ?? '';
  // Class 08 is a connection exception, 57P01 to 57P03 a server that stops or starts (PostgreSQL, appendix A).
  if (/^08|^57P0[123]$|^ECONN|^EPIPE$|^ETIMEDOUT$|^53300$/.test(code)) return true;
  return /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error/.test(
    error.message,
  );
}
