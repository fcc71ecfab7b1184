/** The role of requests on servers of others, whose users may do more or less; on a server of its own, since roles are of a whole one. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openDatabase } from '../src/platform/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres } from '../src/platform/embedded-postgres.ts';
import { createLog } from '../src/platform/log.ts';
import { migrate } from '../src/platform/migrate.ts';
import { inTenant } from '../src/platform/row-security.ts';
import { makeWorld, openTenantDatabase } from './support/api.ts';
import { databaseUrl, onServer } from './support/database.ts';

let folder: string;
let server: EmbeddedPostgres;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'faultline-roles-'));
  server = await startEmbeddedPostgres(folder, createLog('silent'));
});
afterAll(async () => {
  await server.stop();
  await rm(folder, { recursive: true, force: true });
});

const migrations = join(import.meta.dirname, '../migrations');

/** A user with these attributes, and a database that is his. */
async function makeUser(name: string, attributes = ''): Promise<string> {
  await onServer(server.url, `create role ${name} login password 'a password' ${attributes}`);
  await onServer(server.url, `create database ${name} owner ${name}`);
  const plain = name.replaceAll('"', '');
  const url = new URL(databaseUrl(server.url, plain));
  url.username = plain;
  url.password = 'a password';
  return url.href;
}

/** Another tenant's sites and nobody's are hidden from requests, and the owner of the tables sees all. */
async function expectHeld(url: string): Promise<void> {
  const owner = openDatabase(url, { connectionsMax: 2, log: createLog('silent') });
  const held = openTenantDatabase(url);
  const [mine] = [await makeWorld(owner), await makeWorld(owner)];
  const sites = await inTenant(mine.tenantId, () => held.db.selectFrom('site').select('tenant_id').execute());
  expect(sites.map((site) => site.tenant_id)).toEqual([mine.tenantId, mine.tenantId]);
  // As pg_dump does it.
  const client = await owner.pool.connect();
  await client.query('set row_security = off');
  expect((await client.query('select from site')).rowCount).toBe(4);
  client.release(true);
  await held.close();
  await owner.close();
}

test('a user who may make no roles is told what an administrator has to run, and is right with it', async () => {
  const plain = await makeUser('plain_user');
  const needed = 'create role faultline_api nologin; grant faultline_api to plain_user';
  await expect(migrate(plain, migrations)).rejects.toThrow(needed);
  for (const statement of needed.split('; ')) await onServer(server.url, statement);
  await migrate(plain, migrations);
  await expectHeld(plain);
});

test('a user of the same server who may not take on the role is told so, also one who may make others', async () => {
  for (const [name, attributes] of [
    ['another_user', ''],
    ['"Maker-1"', 'createrole'],
  ] as const) {
    const url = await makeUser(name, attributes);
    const needed = `grant faultline_api to ${name}`;
    await expect(migrate(url, migrations)).rejects.toThrow(needed);
    await onServer(server.url, needed);
    await migrate(url, migrations);
    await expectHeld(url);
  }
});

test('a user who may make roles makes it, and takes it on', async () => {
  for (const name of ['plain_user', 'another_user', '"Maker-1"']) await onServer(server.url, `drop database ${name}`);
  await onServer(server.url, 'drop role faultline_api');
  const url = await makeUser('maker', 'createrole');
  await migrate(url, migrations);
  await expectHeld(url);
});
