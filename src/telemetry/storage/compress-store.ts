/**
 * Compression of closed chunks, which TimescaleDB has and native partitions do not. Whoever inserts into a chunk waits while
 * it is compressed (1.5 M rows a second, measured), so none that takes live rows ever is.
 */
import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { limitLockWait, type Piece } from './piece-store.ts';
import { cancellable } from './upkeep-store.ts';

/**
 * Lets the transaction change any number of compressed rows. TimescaleDB stops a transaction at 100,000 that it unpacks for `update`
 * and `on conflict do update`, which are the rows of a hundred series, and for a `delete` that takes a part of the thousand rows
 * that are packed together; what we change is bounded by our own steps. It changes nothing where readings are in native partitions.
 */
export async function liftDecompressionLimit(trx: Db): Promise<void> {
  await sql`select set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)`.execute(trx);
}

/**
 * Compresses a chunk, or what was added to a compressed one, in a transaction of its own, which an abort rolls back. Rejects
 * where it is aborted, and where the chunk stays locked.
 */
export async function compressPiece(db: Db, { name }: Piece, signal: AbortSignal): Promise<void> {
  await db.transaction().execute(async (trx) => {
    await limitLockWait(trx);
    await cancellable(db, trx, signal, async () => {
      await sql`select compress_chunk(${name}::regclass, if_not_compressed => true)`.execute(trx);
    });
  });
}
