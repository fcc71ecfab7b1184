import { setImmediate as turn } from 'node:timers/promises';
import type { Database } from '../../src/platform/database.ts';

/**
 * How many deadlocks there were in a database. They are broken off and tried again, so that nobody outside hears of them, and
 * a connection tells what it has counted a second later, or when it ends: all but the one that asks are ended here.
 */
export async function countDeadlocks({ pool }: Pick<Database, 'pool'>): Promise<number> {
  const client = await pool.connect();
  try {
    await client.query(
      `select pg_terminate_backend(pid, 10000) from pg_stat_activity
       where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend'`,
    );
    // The pools hear of it, and give nobody a connection that has ended.
    await turn();
    await client.query('select pg_stat_force_next_flush()');
    const { rows } = await client.query<{ deadlocks: number }>(
      'select deadlocks::integer from pg_stat_database where datname = current_database()',
    );
    return rows[0]?.deadlocks ?? Number.NaN;
  } finally {
    client.release();
  }
}
