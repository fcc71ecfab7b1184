/**
 * Closed days of native partitions in the order of their points: who reads a year of one asset finds each day's rows together, and is
 * twice as fast. TimescaleDB's compression does the same. The copy has the partition's name, and counts as made when that was.
 *
 *   lock out writers of the day ─▶ copy it in order ─▶ swap the copy in ─▶ commit       (readers wait for the swap alone)
 */
import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { dateOf, dayOf } from './partition.ts';
import type { Piece } from './piece-store.ts';
import { cancellable } from './upkeep-store.ts';

const lockWaitMsMax = 2_000;
/**
 * A late reading that waits for the day holds the table, for which we wait then: one of the two gives way, and it is us. PostgreSQL ends
 * whoever has waited for a second (deadlock_timeout); who comes while we wait, waits behind us.
 */
const swapWaitMsMax = 900;

/**
 * Puts the rows of a partition of readings into the order of its key, in one transaction, and marks it as clustered on that.
 * Rejects where somebody holds it, and where it is aborted; nothing has changed then.
 */
export async function sortPiece(db: Db, { table, name, fromMs, toMs }: Piece, signal: AbortSignal): Promise<void> {
  const copy = `${name}_sorted`;
  const [from, to] = [`${dateOf(dayOf(fromMs))}T00:00Z`, `${dateOf(dayOf(toMs))}T00:00Z`];
  const statements = [
    `set local lock_timeout = ${lockWaitMsMax}`,
    `set local work_mem = '64MB'`,
    `lock table ${name} in share mode`,
    // With the constraint, attaching reads no row.
    `create table ${copy} (like ${table} including all, constraint span check (time >= '${from}' and time < '${to}'))`,
    `insert into ${copy} select * from ${name} order by series_id, time`,
    `do $$ begin
      if exists (select from pg_locks where relation = '${name}'::regclass and not granted) then
        raise lock_not_available using message = 'a reading waits for ${name}';
      end if;
    end $$`,
    `set local lock_timeout = ${swapWaitMsMax}`,
    `alter table ${table} detach partition ${name}`,
    `drop table ${name}`,
    `alter table ${table} attach partition ${copy} for values from ('${from}') to ('${to}')`,
    `alter table ${copy} drop constraint span`,
    `alter table ${copy} rename to ${name}`,
    `alter index ${copy}_pkey rename to ${name}_pkey`,
    `alter index ${copy}_time_idx rename to ${name}_time_idx`,
    `alter table ${name} cluster on ${name}_pkey`,
  ];
  await db.transaction().execute(async (trx) => {
    await cancellable(db, trx, signal, async () => {
      for (const statement of statements) {
        signal.throwIfAborted();
        await sql.raw(statement).execute(trx);
      }
    });
  });
  await sql`analyze ${sql.table(name)}`.execute(db);
}

/** Forgets that a partition was put in order, so that it is rewritten, which gives back the room of rows that were deleted. */
export async function unmarkSorted(db: Db, { name }: Piece): Promise<void> {
  await sql`alter table ${sql.table(name)} set without cluster`.execute(db);
}
