import { sql } from 'kysely';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { createLog } from '../src/platform/log.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

let testDatabase: TestDatabase;
let database: Database;
beforeAll(async () => {
  testDatabase = await createTestDatabase();
  database = openDatabase(testDatabase.url, { connectionsMax: 1, log: createLog('silent'), isPreparing: true });
});
afterAll(async () => {
  await database.close();
  await testDatabase.drop();
});

const prepared = async () => {
  const { rows } = await sql<{ statement: string }>`select statement from pg_prepared_statements`.execute(database.db);
  return rows.map(({ statement }) => statement);
};
const named = (name: string) => database.db.selectFrom('tenant').select('id').where('name', '=', name).execute();

test('what is asked often is prepared, and what is asked seldom is not', async () => {
  await named('a');
  await database.db.selectFrom('site').select('id').where('slug', '=', 'a').execute();
  expect(await prepared()).toEqual([]);
  for (const name of ['b', 'c', 'd', 'e', 'f']) expect(await named(name)).toEqual([]);
  expect((await prepared()).filter((text) => text.includes('"tenant"'))).toHaveLength(1);
  expect((await prepared()).filter((text) => text.includes('"site"'))).toEqual([]);
});

test('changes are never prepared', async () => {
  const change = () => database.db.updateTable('tenant').set({ name: 'x' }).where('name', '=', 'nobody').execute();
  for (let times = 0; times < 8; times += 1) await change();
  expect((await prepared()).filter((text) => text.startsWith('update'))).toEqual([]);
});

test('there is an end to what is prepared', async () => {
  for (let width = 1; width <= 150; width += 1) {
    const names = Array.from({ length: width }, (_, index) => `name ${index}`);
    const ask = () => database.db.selectFrom('tenant').select('id').where('name', 'in', names).execute();
    for (let times = 0; times < 5; times += 1) await ask();
  }
  const count = (await prepared()).length;
  expect(count).toBeGreaterThan(50);
  expect(count).toBeLessThanOrEqual(100);
});

test('a table that changes costs one answer, and no more', async () => {
  const all = () => database.db.selectFrom('tenant').selectAll().where('name', '=', 'a').execute();
  const fresh = openDatabase(testDatabase.url, { connectionsMax: 1, log: createLog('silent'), isPreparing: true });
  const ask = () => fresh.db.selectFrom('tenant').selectAll().where('name', '=', 'a').execute();
  for (let times = 0; times < 6; times += 1) await ask();
  await sql`alter table tenant add column added_by_a_test integer`.execute(database.db);
  await expect(ask()).rejects.toThrow('cached plan must not change result type');
  expect(await ask()).toEqual([]);
  await fresh.close();
  expect(await all()).toEqual([]);
});
