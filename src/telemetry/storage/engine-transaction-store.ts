import type pg from 'pg';
import { advisoryLocks } from '../../platform/advisory-locks.ts';
import { withClient } from '../../platform/database.ts';

/** Waits until no other process changes what tables and partitions of telemetry there are; held to the transaction's end. */
export async function lockEngine(client: pg.ClientBase): Promise<void> {
  await client.query('select pg_advisory_xact_lock($1)', [advisoryLocks.storageEngine]);
}

/** Does work in one transaction on a connection of the pool. Rejects with the work's or the database's error. */
export function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  return withClient(pool, async (client) => {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    return result;
  });
}
