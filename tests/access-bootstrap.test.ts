/** The credentials that the settings name, start after start. */
import { verify } from '@node-rs/argon2';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
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

describe('the first administrator', () => {
  const startWith = (settings: Record<string, string> = {}) => bootstrap(database.db, readConfig(settings));
  const admins = async () =>
    (await database.pool.query(`select username, email, password_argon2id as hash from app_user where role = 'admin'`))
      .rows;
  const isPassword = async (password: string) => verify((await admins())[0].hash, password);

  test('has a password that is made at the first start, and told that once', async () => {
    const { admin, apiKey } = await startWith();
    expect([admin?.username, apiKey]).toEqual(['admin', expect.stringMatching(/^flt_live_/)]);
    expect(await isPassword(admin?.password ?? '')).toBe(true);
    expect(await startWith()).toEqual({});
    expect(await isPassword(admin?.password ?? '')).toBe(true);
  });

  test('has the one that the settings name, after every start, which is then told to nobody', async () => {
    expect(
      (await startWith({ BOOTSTRAP_ADMIN_EMAIL: 'kim@plant.example', BOOTSTRAP_ADMIN_PASSWORD: 'the first password' }))
        .admin,
    ).toBeUndefined();
    const [before] = await admins();
    expect([before.email, await isPassword('the first password')]).toEqual(['kim@plant.example', true]);
    await startWith({ BOOTSTRAP_ADMIN_PASSWORD: 'the first password' });
    expect(await admins()).toEqual([before]);
    await startWith({ BOOTSTRAP_ADMIN_EMAIL: 'KIM@plant.example', BOOTSTRAP_ADMIN_PASSWORD: 'the second password' });
    expect([await isPassword('the second password'), (await admins())[0].email]).toEqual([true, 'kim@plant.example']);
    await startWith({ BOOTSTRAP_ADMIN_EMAIL: 'lee@plant.example' });
    expect((await admins()).map(({ email }) => email)).toEqual(['lee@plant.example']);
  });

  test('of an installation in which nobody could log in gets a password at the next start', async () => {
    await startWith();
    await database.pool.query('update app_user set password_argon2id = null');
    const { admin, apiKey } = await startWith();
    expect([admin?.username, apiKey, await isPassword(admin?.password ?? '')]).toEqual(['admin', undefined, true]);
  });

  test('cannot take the address of somebody who is none', async () => {
    await startWith();
    await database.pool.query(
      `insert into app_user (id, tenant_id, username, email, role) select gen_random_uuid(), id, 'tech', 'tech@x.example', 'technician' from tenant`,
    );
    await expect(startWith({ BOOTSTRAP_ADMIN_EMAIL: 'tech@x.example' })).rejects.toThrow(
      /BOOTSTRAP_ADMIN_EMAIL "tech@x.example" .* choose another/,
    );
  });

  test('N1 R22: the first key may do everything, as often as it likes', async () => {
    await startWith();
    const { rows } = await database.pool.query('select scopes, rate_limit_per_minute as rate from api_key');
    expect(rows).toEqual([{ scopes: ['read', 'write', 'admin'], rate: null }]);
  });
});
