/** Who a device is, while people change what it is known by. */
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createDevice } from '../src/access/device.ts';
import { createDeviceAuthenticator, type DeviceAuthenticator } from '../src/access/device-authenticator.ts';
import { hashPassword } from '../src/access/password.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { newId } from '../src/platform/id.ts';
import { createLog } from '../src/platform/log.ts';
import { createTestDatabase } from './support/database.ts';

let own: Awaited<ReturnType<typeof createTestDatabase>>;
let database: Database;
let authenticator: DeviceAuthenticator;

beforeEach(async () => {
  own = await createTestDatabase();
  database = openDatabase(own.url, { connectionsMax: 4, log: createLog('silent') });
  authenticator = createDeviceAuthenticator(database.db);
  const tenantId = newId();
  await database.pool.query(`insert into tenant (id, name) values ($1, 'test')`, [tenantId]);
  for (const username of ['pump', 'fan']) {
    await createDevice(database.db, {
      tenantId,
      name: username,
      username,
      password: `the ${username}'s`,
      grants: ['#'],
    });
  }
});
afterEach(async () => {
  await database.close();
  await own.drop();
});

const address = '192.0.2.1';
const byPassword = (username: string, password = `the ${username}'s`) =>
  authenticator.authenticate({ username, password: Buffer.from(password), address });

async function outcomeOf(check: ReturnType<DeviceAuthenticator['authenticate']>): Promise<string> {
  const outcome = await check;
  return 'device' in outcome ? outcome.device.username : outcome.refused;
}

const change = (assignment: string, values: unknown[] = []) =>
  database.pool.query(`update device set ${assignment} where username = 'pump'`, values);

async function idOf(username: string): Promise<string> {
  const { rows } = await database.pool.query<{ id: string }>('select id from device where username = $1', [username]);
  return rows[0]?.id ?? '';
}

test('what was proven is remembered until it is compared again, and what it was proven by is then worth nothing', async () => {
  expect(await outcomeOf(byPassword('pump'))).toBe('pump');
  await change('password_argon2id = $1', [await hashPassword('new')]);
  expect(await outcomeOf(byPassword('pump'))).toBe('pump');
  authenticator.recheck(await idOf('pump'));
  expect(await outcomeOf(byPassword('pump'))).toBe('wrong');
  expect(await outcomeOf(byPassword('pump', 'new'))).toBe('pump');
});

test.each<[string, string]>([
  ['another password', `password_argon2id = null`],
  ['a revocation', 'revoked_at = now()'],
])('%s that comes while the old password is being checked is seen by that check', async (_name, assignment) => {
  const id = await idOf('pump');
  // The gate is busy for a while, so that the check is under way when the change comes.
  const others = Array.from({ length: 8 }, (_, i) => outcomeOf(byPassword('fan', `wrong ${i}`)));
  const check = outcomeOf(byPassword('pump'));
  await change(assignment);
  authenticator.recheck(id);
  expect(await check).toBe('wrong');
  await Promise.all(others);
  expect(await outcomeOf(byPassword('pump'))).toBe('wrong');
});

test('a device without a password is let in by none', async () => {
  await change('password_argon2id = null');
  for (const password of ['', "the pump's", 'null'])
    expect(await outcomeOf(byPassword('pump', password))).toBe('wrong');
  expect(await outcomeOf(byPassword('nobody', ''))).toBe('wrong');
});

test('a certificate finds its device, and none that is revoked or has another', async () => {
  const byCertificate = (certificateCn: string, username?: string) =>
    outcomeOf(authenticator.authenticate({ certificateCn, username, address }));
  await change(`certificate_cn = 'cn-1', password_argon2id = null`);
  expect(await byCertificate('cn-1')).toBe('pump');
  expect(await byCertificate('cn-1', 'pump')).toBe('pump');
  expect(await byCertificate('cn-1', 'fan')).toBe('certificate_mismatch');
  expect(await byCertificate('cn-2')).toBe('certificate_unknown');
  expect(await byCertificate('cn-2', 'fan')).toBe('certificate_unknown');
  await change('revoked_at = now()');
  authenticator.recheck(await idOf('pump'));
  expect(await byCertificate('cn-1')).toBe('certificate_unknown');
});

test('of devices that are connected, those are found that are not what they were', async () => {
  const devices = [];
  for (const username of ['pump', 'pump', 'fan']) {
    const outcome = await byPassword(username);
    if ('device' in outcome) devices.push(outcome.device);
  }
  expect(await authenticator.findChanged(devices)).toEqual([]);
  await change(`publish_grants = '{a/#}'`);
  expect(await authenticator.findChanged(devices)).toEqual([await idOf('pump')]);
  await database.pool.query('update device set revoked_at = now()');
  expect((await authenticator.findChanged(devices)).toSorted()).toEqual(
    [await idOf('pump'), await idOf('fan')].toSorted(),
  );
  expect(await authenticator.findChanged([])).toEqual([]);
});
