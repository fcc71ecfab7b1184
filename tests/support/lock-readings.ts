import type pg from 'pg';

export type Lock = AsyncDisposable & { release(): Promise<void> };

/** Holds the table of readings until released: nothing can be committed meanwhile. */
export async function lockReadings(pool: pg.Pool): Promise<Lock> {
  const client = await pool.connect();
  await client.query('begin');
  await client.query('lock table reading in share mode');
  let released: Promise<void> | undefined;
  const release = async () => {
    await client.query('commit');
    client.release();
  };
  return {
    release: () => (released ??= release()),
    [Symbol.asyncDispose]: () => (released ??= release()),
  };
}
