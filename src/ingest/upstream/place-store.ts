/**
 * Which of its names a process uses at the broker. The names are numbered, and each number is a place that one process
 * holds: a lock in the database, which ends with the process however it ends. Who starts takes the lowest place that is
 * free, and with it the session at the broker of whoever held it before, so that what waits there is never left behind.
 *
 *   free ──takePlace──▶ held ──release, or the process is gone──▶ free
 *                         └── the connection to the database is lost ──▶ not held, and to be taken again
 */
import type { Pool } from 'pg';

export type Place = {
  readonly number: number;
  /** False once the database connection is lost: somebody else may have taken it. */
  isHeld(): boolean;
  release(): void;
};

/** Takes the first of `numbers` that is free; undefined when none is. Rejects when the database cannot be asked. */
export async function takePlace(
  pool: Pool,
  { name, numbers }: { name: string; numbers: Iterable<number> },
): Promise<Place | undefined> {
  const client = await pool.connect();
  let isHeld = true;
  // The pool has its own listener, and looks away while a connection is lent.
  client.once('error', () => (isHeld = false)).once('end', () => (isHeld = false));
  try {
    // Where a machine vanishes without a word, its places are free again within half a minute.
    await client.query('set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 4');
    for (const number of numbers) {
      const { rows } = await client.query<{ taken: boolean }>(
        'select pg_try_advisory_lock(hashtext($1), $2) as taken',
        [name, number],
      );
      if (!rows[0]?.taken) continue;
      let isReleased = false;
      const release = () => {
        if (!isReleased) client.release(true);
        isReleased = true;
      };
      return { number, isHeld: () => isHeld && !isReleased, release };
    }
  } catch (error) {
    client.release(true);
    throw error;
  }
  client.release(true);
  return undefined;
}
