/** What becomes of a device's connections when the device is changed elsewhere, and what is told of their starts and ends. */
import { once } from 'node:events';
import { connect } from 'node:tls';
import mqttPacket from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { WebSocket } from 'ws';
import { hashPassword } from '../src/access/password.ts';
import { openTlsFiles, type TlsFiles } from '../src/ingest/mqtt/door/tls-files.ts';
import { createLog } from '../src/platform/log.ts';
import { createAuthority, makeTlsFolder, type Signed, type TlsFolder } from './support/certificates.ts';
import { startTestIngest, type TestIngest } from './support/ingest.ts';
import { connectPacket, connectRaw, openRaw, publishPacket, type RawClient } from './support/mqtt-client.ts';
import { eventually } from './support/program.ts';

let folder: TlsFolder;
let files: TlsFiles;
let own: Signed;
let ingest: TestIngest;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  const authority = await createAuthority();
  folder = await makeTlsFolder({ ...(await authority.sign('localhost')), ca: authority.cert });
  own = await authority.sign('dev-1');
  files = await openTlsFiles(folder, createLog('silent'));
});
afterAll(async () => {
  files.close();
  await folder[Symbol.asyncDispose]();
});
beforeEach(async () => {
  ingest = await startTestIngest({ tls: files });
});
afterEach(async () => {
  for (const end of ends.splice(0)) end();
  await ingest.close();
});

const connected = async (options?: Parameters<typeof connectRaw>[1]): Promise<RawClient> => {
  const client = await connectRaw(ingest.port, options);
  ends.push(client.end);
  return client;
};

async function answer(options?: Parameters<typeof connectPacket>[0]): Promise<number | undefined> {
  const client = await openRaw(ingest.port);
  ends.push(client.end);
  client.send(connectPacket(options));
  const connack = await client.next();
  return connack.cmd === 'connack' ? connack.returnCode : undefined;
}

/** Does to the device what `assignment` says; the database tells all processes. */
async function change(username: string, assignment: string, values: unknown[] = []): Promise<void> {
  await ingest.database.pool.query(`update device set ${assignment} where username = $1`, [username, ...values]);
}

test('a new password ends the connections on all doors at once, and the old one lets nobody in again', async () => {
  await ingest.database.pool.query(`update device set certificate_cn = 'dev-1' where username = 'gateway'`);
  await ingest.addDevice('other', ['telemetry/north/#']);
  const other = await connected({ username: 'other', clientId: 'other' });
  const first = await connected({ clientId: 'tcp' });
  const secured = connect({ port: await ingest.listen('tls'), host: '127.0.0.1', ...own, rejectUnauthorized: false });
  ends.push(() => secured.destroy());
  secured.write(mqttPacket.generate({ cmd: 'connect', clientId: 'tls', clean: true, keepalive: 0 }));
  await once(secured, 'data');
  const webSocket = new WebSocket(`ws://127.0.0.1:${await ingest.listen('ws')}`, 'mqtt');
  ends.push(() => webSocket.terminate());
  await once(webSocket, 'open');
  webSocket.send(mqttPacket.generate(connectPacket({ clientId: 'ws' })));
  await once(webSocket, 'message');

  const ended = [first.closed(), once(secured, 'close'), once(webSocket, 'close')];
  await change('gateway', 'password_argon2id = $2', [await hashPassword('a new password')]);
  await Promise.all(ended);
  expect(await answer()).toBe(4);
  expect(await answer({ password: 'a new password' })).toBe(0);
  expect(other.isClosed()).toBe(false);
});

test('a revoked device is out, and stays out', async () => {
  const client = await connected();
  await change('gateway', 'revoked_at = now()');
  await client.closed();
  expect(await answer()).toBe(4);
  expect(await answer({ clientId: 'another' })).toBe(4);
});

test('a will of a device with a new password is published', async () => {
  const will = { topic: 'telemetry/north/ahu/alive', payload: Buffer.from('0'), qos: 1, retain: false };
  const client = await connected({ will });
  await change('gateway', 'password_argon2id = $2', [await hashPassword('a new password')]);
  await client.closed();
  await eventually('the will', async () => (await ingest.readings()).length > 0 || undefined);
  expect(await ingest.readings()).toEqual(['ahu/alive=0']);
});

test('new grants hold at once, since the device has to come back for them', async () => {
  const client = await connected();
  await change('gateway', `publish_grants = '{telemetry/south/#}'`);
  await client.closed();
  const again = await connected();
  again.send(publishPacket('telemetry/north/a/p', '1', 1));
  expect(await again.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
  expect((await ingest.quarantine()).map(({ reason }) => reason)).toEqual(['not_granted']);
});

/** Runs a statement of which the database tells nobody. */
async function untold(statement: string): Promise<void> {
  const client = await ingest.database.pool.connect();
  await client.query('set session_replication_role = replica');
  await client.query(statement);
  await client.query('set session_replication_role = default');
  client.release();
}

test('what does not concern its connection leaves a device alone', async () => {
  const client = await connected();
  await change('gateway', `name = 'another name'`);
  await change('gateway', 'publish_grants = publish_grants');
  client.send(publishPacket('telemetry/north/a/p', '1', 1));
  expect(await client.next()).toMatchObject({ cmd: 'puback' });
  expect(client.isClosed()).toBe(false);
});

test('a change that nobody told of is found when it may have been missed', async () => {
  await ingest.addDevice('other', ['telemetry/north/#']);
  const other = await connected({ username: 'other', clientId: 'other' });
  const client = await connected();
  const { pool } = ingest.database;
  await untold(`update device set revoked_at = now() where username = 'gateway'`);
  const listeners = `from pg_stat_activity where datname = current_database() and application_name = 'faultline listener'`;
  await expect.poll(async () => (await pool.query(`select pg_terminate_backend(pid) ${listeners}`)).rowCount).toBe(1);
  await client.closed();
  expect(await answer()).toBe(4);
  expect(other.isClosed()).toBe(false);
});

/** The reasons with which sessions ended, as they were recorded. */
async function endings(): Promise<string[]> {
  const { rows } = await ingest.database.pool.query<{ reason: string }>(
    `select reason from device_event where type in ('device.offline', 'device.session_ended') order by at, id`,
  );
  return rows.map(({ reason }) => reason);
}

test.each<[string, (client: RawClient) => unknown, string]>([
  ['DISCONNECT', (client) => client.send({ cmd: 'disconnect' }), 'disconnected'],
  ['the end of the connection', (client) => client.end(), 'connection_lost'],
  ['a packet that no client sends', (client) => client.send(Buffer.from([0xd0, 0])), 'protocol_violation'],
  [
    'a packet that is too long',
    (client) => client.send(Buffer.from([0x30, 0xff, 0xff, 0xff, 0x7f])),
    'protocol_violation',
  ],
  ['another CONNECT', (client) => client.send(connectPacket()), 'protocol_violation'],
  ['another client of its name', () => connected(), 'taken_over'],
  ['silence', () => undefined, 'keep_alive'],
  ['a change of the device', () => change('gateway', `publish_grants = '{}'`), 'revoked'],
])('after %s the end of the session is told once, with its reason', async (_name, end, reason) => {
  const client = await connected({ keepalive: 1 });
  await end(client);
  await expect.poll(endings).toEqual([reason]);
});

test('at shutdown every session ends with that reason', async () => {
  await connected({ clientId: 'a' });
  await connected({ clientId: 'b' });
  await ingest.stop();
  expect(await endings()).toEqual(['shutdown', 'shutdown']);
});

test('who was refused has had no session', async () => {
  await answer({ password: 'wrong' });
  await ingest.stop();
  expect((await ingest.database.pool.query('select type from device_event')).rows).toEqual([]);
});
