/**
 * Which process reads which connection: a lock in the database for each, all of them on one connection to it, so that they end
 * with the process however it ends.
 *
 *   free ──claim──▶ ours ──not wanted any more, or the process is gone──▶ free
 *                    └── the connection to the database is lost ──▶ unknown, until the next claim tells
 */
import type { Pool, PoolClient } from 'pg';

export type Claims = {
  /**
   * Takes those of the wanted that are free, gives back what is not wanted, and tells which are ours. Rejects while the
   * database cannot be asked: what was ours may be another's then.
   */
  claim(wanted: ReadonlySet<string>): Promise<ReadonlySet<string>>;
  /** Gives everything back. */
  close(): void;
};

/** Claims of nothing yet. */
export function createClaims(pool: Pool): Claims {
  let client: PoolClient | undefined;
  let ours = new Set<string>();

  const lose = () => {
    const lost = client;
    client = undefined;
    ours = new Set();
    lost?.release(true);
  };
  const connect = async (): Promise<PoolClient> => {
    const made = await pool.connect();
    const onLost = () => {
      if (client === made) lose();
    };
    // The pool has its own listener, and looks away while a connection is lent.
    made.once('error', onLost).once('end', onLost);
    client = made;
    // Where a machine vanishes without a word, its connections are free again within half a minute.
    await made.query('set tcp_keepalives_idle = 10; set tcp_keepalives_interval = 5; set tcp_keepalives_count = 4');
    return made;
  };

  return {
    claim: async (wanted) => {
      try {
        const held = client ?? (await connect());
        const unwanted = [...ours].filter((id) => !wanted.has(id));
        if (unwanted.length > 0)
          await held.query(`select pg_advisory_unlock(${key}) from unnest($1::text[]) as id`, [unwanted]);
        for (const id of unwanted) ours.delete(id);
        // Asked even for nothing: a connection that is lost must be noticed.
        const free = [...wanted].filter((id) => !ours.has(id));
        const { rows } = await held.query<{ id: string; taken: boolean }>(
          `select id, pg_try_advisory_lock(${key}) as taken from unnest($1::text[]) as id`,
          [free],
        );
        if (client !== held) throw new Error('the connection to the database was lost');
        for (const { id, taken } of rows) if (taken) ours.add(id);
        return new Set(ours);
      } catch (error) {
        lose();
        throw error;
      }
    },
    close: lose,
  };
}

const key = `hashtextextended('opcua_connection ' || id, 0)`;
