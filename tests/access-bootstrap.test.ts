/** The credentials that the settings name, start after start. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { bootstrap } from '../src/access/bootstrap.ts';
import { createDevice } from '../src/access/device.ts';
import { createDeviceAuthenticator } from '../src/access/device-authenticator.ts';
import { readConfig } from '../src/platform/config.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { newId } from '../src/platform/id.ts';
import { createLog } from '../src/platform/log.ts';
import { createTestDatabase, type TestDatabase } from './support/database.ts';

let own: TestDatabase;
let database: Database;
beforeEach(async () => {
  own = await createTestDatabase();
  database = openDatabase(own.url, { connectionsMax: 4, log: createLog('silent') });
});
afterEach(async () => {
  await database.close();
  await own.drop();
});

const start = (password: string, username = 'gateway') =>
  bootstrap(
    database.db,
    readConfig({
      BOOTSTRAP_MQTT_USERNAME: username,
      BOOTSTRAP_MQTT_PASSWORD: password,
      BOOTSTRAP_API_KEY: 'k'.repeat(40),
    }),
  );

async function isLetIn(username: string, password: string): Promise<boolean> {
  const outcome = await createDeviceAuthenticator(database.db).authenticate({
    username,
    password: Buffer.from(password),
    address: '127.0.0.1',
  });
  return 'device' in outcome;
}

const devices = async () =>
  (await database.pool.query('select id, password_argon2id as hash, publish_grants as grants from device')).rows;

test('a password that was changed in the settings is the one that works after the next start', async () => {
  await start('the first password');
  await database.pool.query(`update device set publish_grants = '{telemetry/main/#}'`);
  const [before] = await devices();
  await start('the second password');
  expect(await isLetIn('gateway', 'the first password')).toBe(false);
  expect(await isLetIn('gateway', 'the second password')).toBe(true);
  expect(await devices()).toMatchObject([{ id: before.id, grants: ['telemetry/main/#'] }]);
});

test('a start with the same password writes nothing', async () => {
  await start('the first password');
  const before = await devices();
  await start('the first password');
  expect(await devices()).toEqual(before);
});

test('a device that was revoked stays so, whatever the settings say', async () => {
  await start('the first password');
  await database.pool.query('update device set revoked_at = now()');
  await start('the second password');
  expect(await isLetIn('gateway', 'the second password')).toBe(false);
});

test('a user name that belongs to another tenant ends the start with an error that names the setting', async () => {
  await start('the first password');
  const other = { tenantId: newId(), name: 'theirs', username: 'theirs', password: 'their password', grants: [] };
  await database.pool.query(`insert into tenant (id, name) values ($1, 'other')`, [other.tenantId]);
  await createDevice(database.db, other);
  await expect(start('our password', 'theirs')).rejects.toThrow(/BOOTSTRAP_MQTT_USERNAME "theirs" .* another tenant/);
  expect(await isLetIn('theirs', 'their password')).toBe(true);
  expect(await isLetIn('theirs', 'our password')).toBe(false);
});
