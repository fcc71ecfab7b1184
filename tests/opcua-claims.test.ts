/** Which process reads which OPC-UA connection. */
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Claims, createClaims } from '../src/ingest/opcua/claim-store.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { createTestDatabase } from './support/database.ts';

let own: Awaited<ReturnType<typeof createTestDatabase>>;
const databases: Database[] = [];

beforeAll(async () => {
  own = await createTestDatabase();
  for (let i = 0; i < 3; i++) databases.push(openDatabase(own.url, { connectionsMax: 2, log: createLog('silent') }));
});
afterAll(async () => {
  for (const database of databases) await database.close();
  await own.drop();
});

test('each connection is claimed by one process, and free when that gives it back or loses its connection', async () => {
  const [one, two] = databases.slice(0, 2).map(({ pool }) => createClaims(pool)) as [Claims, Claims];
  expect(await claim(one, 'a', 'b')).toEqual(['a', 'b']);
  expect(await claim(two, 'a', 'b', 'c')).toEqual(['c']);
  expect(await claim(one, 'b')).toEqual(['b']);
  expect(await claim(two, 'a', 'b', 'c')).toEqual(['a', 'c']);

  await databases[2]?.pool.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where pid in (
       select pid from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())
     ) and pid in (select pid from pg_locks where locktype = 'advisory' group by pid having count(*) = 1)`,
  );
  await expect.poll(() => claim(two, 'a', 'b', 'c')).toEqual(['a', 'b', 'c']);
  // Whoever has lost its connection finds out what is left for it.
  await expect.poll(() => claim(one, 'b', 'd').catch(() => 'lost')).toEqual(['d']);
  two.close();
  await expect.poll(() => claim(one, 'b', 'd')).toEqual(['b', 'd']);
  one.close();
});

async function claim(claims: Claims, ...wanted: string[]): Promise<string[]> {
  return [...(await claims.claim(new Set(wanted)))].sort();
}
