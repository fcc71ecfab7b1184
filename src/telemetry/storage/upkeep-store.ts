import { sql } from 'kysely';
import { advisoryLocks } from '../../platform/advisory-locks.ts';
import type { Db } from '../../platform/database.ts';

/**
 * Does work while no other process on this database does; undefined, and not done, where another is at it. The lock lasts as
 * long as its connection, which is another one than those of the work.
 */
export async function aloneInUpkeep<T>(db: Db, work: () => Promise<T>): Promise<T | undefined> {
  return db.connection().execute(async (holder) => {
    const { rows } = await sql<{
      isOurs: boolean;
    }>`select pg_try_advisory_lock(${advisoryLocks.upkeep}) as "isOurs"`.execute(holder);
    if (!rows[0]?.isOurs) return undefined;
    try {
      return await work();
    } finally {
      await sql`select pg_advisory_unlock(${advisoryLocks.upkeep})`.execute(holder);
    }
  });
}

/** What time it is for the database, in milliseconds since the epoch: what is dropped is not for a process's clock to say. */
export async function askNow(db: Db): Promise<number> {
  const { rows } = await sql<{
    ms: number;
  }>`select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`.execute(db);
  return rows[0]?.ms ?? Number.NaN;
}

/** Does work in a transaction of `db` whose running statement an abort ends; rejects then. */
export async function cancellable(db: Db, trx: Db, signal: AbortSignal, work: () => Promise<void>): Promise<void> {
  const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(trx);
  // It fails only where the database is away, and then the statement fails as well.
  const cancel = () => void sql`select pg_cancel_backend(${rows[0]?.pid}::integer)`.execute(db).catch(() => undefined);
  signal.addEventListener('abort', cancel);
  try {
    signal.throwIfAborted();
    await work();
  } finally {
    signal.removeEventListener('abort', cancel);
  }
}
