import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { type Faultline, startFaultline } from '../src/main.ts';
import { readConfig } from '../src/platform/config.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { makeWorld } from './support/api.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

const log = createLog('silent');
let own: TestDatabase;
let database: Database;
let program: Faultline;
beforeAll(async () => {
  own = await createTestDatabase();
  database = openDatabase(own.url, { connectionsMax: 2, log });
});
afterAll(async () => {
  await program?.stop();
  await database?.close();
  await own?.drop();
});

test('an insight wakes by itself when its time is over, and not before', async () => {
  const world = await makeWorld(database);
  const [over, asleep] = [
    await world.makeInsight({ status: 'snoozed' }),
    await world.makeInsight({ status: 'snoozed' }),
  ];
  await sql`update insight set snoozed_until = now() + interval '100 milliseconds' where id = ${over}`.execute(
    database.db,
  );
  program = await startFaultline(readConfig({ DATABASE_URL: own.url, ROLES: 'jobs' }), { log });
  const statusOf = async (id: string) => {
    const { rows } = await sql<{ status: string }>`select status from insight where id = ${id}`.execute(database.db);
    return rows[0]?.status;
  };
  expect(await statusOf(asleep)).toBe('snoozed');
  await vi.waitFor(async () => expect(await statusOf(over)).toBe('open'), { timeout: 120_000, interval: 200 });
  expect(await statusOf(asleep)).toBe('snoozed');
});
