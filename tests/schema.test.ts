import { readFile } from 'node:fs/promises';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestDatabase, type TestDatabase } from './support/database.ts';
import { generateSchema, schemaFile } from './support/schema.ts';

let database: TestDatabase;
beforeAll(async () => {
  database = await createTestDatabase();
});
afterAll(() => database.drop());

test('the types of the database are those of the migrated schema (npm run schema writes them)', async () => {
  expect(await readFile(schemaFile, 'utf8')).toBe(await generateSchema(database.url));
});
