import type pg from 'pg';

/** Any constant will do, as long as all processes that share the database take the same lock. */
const engineLock = 7_241_656;

/** Waits until no other process changes what tables and partitions of telemetry there are; held to the transaction's end. */
export async function lockEngine(client: pg.ClientBase): Promise<void> {
  await client.query('select pg_advisory_xact_lock($1)', [engineLock]);
}

/** Does work in one transaction on a connection of the pool. Rejects with the work's or the database's error. */
export async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    client.release();
    return result;
  } catch (error) {
    // The connection is thrown away: that rolls back, and it may be broken anyway.
    client.release(true);
    throw error;
  }
}
