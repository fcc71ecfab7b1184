/** The MQTT door over TLS: certificates of the server, of devices, and what is refused before a byte of MQTT. */
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { type ConnectionOptions, connect, type TLSSocket } from 'node:tls';
import type { MqttClient } from 'mqtt';
import mqttPacket from 'mqtt-packet';
import { afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { openTlsFiles, type TlsFiles, type TlsSettings } from '../src/ingest/mqtt/door/tls-files.ts';
import { createLog } from '../src/platform/log.ts';
import { type Authority, createAuthority, makeTlsFolder, type Signed, type TlsFolder } from './support/certificates.ts';
import { password, startTestIngest, type TestIngest } from './support/ingest.ts';
import { connectPacket } from './support/mqtt-client.ts';
import { connectMqttjs, refusalOf } from './support/mqttjs.ts';

let authority: Authority;
let stranger: Authority;
let server: Signed;
let folder: TlsFolder;
let files: TlsFiles | undefined;
let started: TestIngest | undefined;
let port: number;
const clients: (MqttClient | TLSSocket)[] = [];

beforeAll(async () => {
  authority = await createAuthority();
  stranger = await createAuthority('Another CA');
  server = await authority.sign('localhost');
});
beforeEach(async () => {
  folder = await makeTlsFolder({ ...server, ca: authority.cert });
});
afterEach(async () => {
  for (const client of clients.splice(0)) 'endAsync' in client ? await client.endAsync(true) : client.destroy();
  await started?.close();
  started = undefined;
  files?.close();
  files = undefined;
  await folder[Symbol.asyncDispose]();
});
async function open(settings: Partial<TlsSettings> = {}): Promise<TestIngest> {
  const { certificateFile, keyFile } = folder;
  files = await openTlsFiles({ certificateFile, keyFile, ...settings }, createLog('silent'));
  const ingest = await startTestIngest({ tls: files });
  started = ingest;
  port = await ingest.listen('tls');
  return ingest;
}

/** With client certificates, and a device for the certificate `dev-1`. */
async function openMutual(settings: Partial<TlsSettings> = {}): Promise<{ own: Signed; ingest: TestIngest }> {
  const ingest = await open({ clientCaFile: folder.clientCaFile, ...settings });
  await ingest.addDevice('meter', ['telemetry/north/#']);
  await ingest.database.pool.query(
    `update device set certificate_cn = 'dev-1', password_argon2id = null where username = 'meter'`,
  );
  return { own: await authority.sign('dev-1'), ingest };
}

const url = () => `mqtts://127.0.0.1:${port}`;
const keep = <Client extends MqttClient | TLSSocket>(client: Client) => {
  clients.push(client);
  return client;
};
const connected = async (options: Parameters<typeof connectMqttjs>[1] = {}) =>
  keep(await connectMqttjs(url(), { ca: authority.cert, ...options }));
const byCertificate = ({ cert, key }: Signed) => ({ cert, key, username: '', password: '' });

async function secured(options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ port, host: '127.0.0.1', ca: authority.cert, ...options });
  keep(socket);
  await once(socket, 'secureConnect');
  return socket;
}

test('a device with a password is served over TLS as it is without', async () => {
  const ingest = await open();
  const client = await connected();
  await client.publishAsync('telemetry/north/a/p', '1', { qos: 1 });
  expect(await ingest.readings()).toEqual(['a/p=1']);
});

test.each(['TLSv1.2', 'TLSv1.3'] as const)('%s is spoken', async (version) => {
  await open();
  const socket = await secured({ minVersion: version, maxVersion: version });
  expect(socket.getProtocol()).toBe(version);
});

test('TLS 1.1 is not spoken', async () => {
  const ingest = await open();
  const versions = { minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' } as const;
  await expect(secured(versions)).rejects.toThrow(/protocol version/i);
  await expect.poll(() => ingest.count('connections_refused', 'tls_handshake')).toBe(1);
});

test('who speaks no TLS is refused, counted and logged with its address, and others come in', async () => {
  const ingest = await open();
  for (const bytes of [mqttPacket.generate(connectPacket()), Buffer.from('GET / HTTP/1.1\r\n\r\n')]) {
    const socket = connectTcp(port, '127.0.0.1');
    socket.on('error', () => undefined);
    socket.write(bytes);
    await once(socket, 'close');
  }
  expect(await ingest.count('connections_refused', 'tls_handshake')).toBe(2);
  expect(ingest.logged.filter((line) => line.includes('tls_handshake') && line.includes('127.0.0.1'))).toHaveLength(2);
  await connected();
});

test('a certificate finds its device, which needs no password', async () => {
  const { own, ingest } = await openMutual();
  const client = await connected(byCertificate(own));
  await client.publishAsync('telemetry/north/a/p', '1', { qos: 1 });
  expect(await ingest.readings()).toEqual(['a/p=1']);
  await connected({ ...byCertificate(own), username: 'meter', clientId: 'second' });
});

test.each<[string, () => Promise<Signed>, object, string, RegExp]>([
  ['of no device', () => authority.sign('dev-2'), {}, 'credentials_certificate_unknown', /Not authorized/],
  [
    'of another device than the user name and its password',
    () => authority.sign('dev-1'),
    { username: 'gateway', password },
    'credentials_certificate_mismatch',
    /Not authorized/,
  ],
  ['of a CA that is not ours', () => stranger.sign('dev-1'), {}, 'certificate_not_verified', /./],
  ['that has expired', () => authority.sign('dev-1', { days: -1 }), {}, 'certificate_not_verified', /./],
  ['of a server', () => authority.sign('dev-1', { usage: 'server' }), {}, 'certificate_not_verified', /./],
])('a certificate %s is refused', async (_name, sign, credentials, reason, told) => {
  const { ingest } = await openMutual();
  const options = { ca: authority.cert, ...byCertificate(await sign()), ...credentials };
  expect(await refusalOf(url(), options)).toMatch(told);
  expect(await ingest.count('connections_refused', reason)).toBe(1);
  if (!reason.startsWith('credentials_')) return;
  const named = /the certificate is of dev-\d/;
  expect(ingest.logged.filter((line) => line.includes(reason) && named.test(line))).toHaveLength(1);
});

test('beside certificates, passwords serve those that have no certificate', async () => {
  await openMutual();
  await connected();
  expect(await refusalOf(url(), { ca: authority.cert, username: 'meter', password: '' })).toMatch(/refused/);
});

test('where a certificate is required, nobody comes without one', async () => {
  const { own, ingest } = await openMutual({ isCertificateRequired: true });
  await connected(byCertificate(own));
  expect(await refusalOf(url(), { ca: authority.cert })).not.toBe('none');
  expect(await refusalOf(url(), { ca: authority.cert, ...(await stranger.sign('dev-1')) })).not.toBe('none');
  await expect.poll(() => ingest.count('connections_refused', 'tls_handshake')).toBe(1);
  await expect.poll(() => ingest.count('connections_refused', 'certificate_not_verified')).toBe(1);
});

test('a renewed certificate is shown to whoever comes, and nobody who is there notices', async () => {
  await open();
  const before = await connected();
  let isEnded = false;
  before.on('close', () => {
    isEnded = true;
  });
  const renewed = await authority.sign('renewed');
  // Between the writing of the two files they do not fit.
  await folder.write({ cert: renewed.cert });
  await new Promise((resolve) => setTimeout(resolve, 2_500));
  expect((await secured()).getPeerCertificate().subject.CN).toBe('localhost');
  await folder.write({ key: renewed.key });
  await expect.poll(async () => (await secured()).getPeerCertificate().subject.CN).toBe('renewed');
  await before.publishAsync('telemetry/north/a/p', '1', { qos: 1 });
  expect(isEnded).toBe(false);
});

test('a CA that was taken away lets nobody in any more, a session from before included', async () => {
  const { own, ingest } = await openMutual();
  await connected(byCertificate(own));
  const first = await secured({ ...own, maxVersion: 'TLSv1.2' });
  const session = first.getSession();
  const resumed = await secured({ ...own, maxVersion: 'TLSv1.2', session });
  expect(resumed.isSessionReused()).toBe(false);
  await folder.write({ ca: stranger.cert });
  // Without an identifier, since one that comes so often is banned.
  const options = { ca: authority.cert, ...byCertificate(own), clientId: '' };
  await expect.poll(() => refusalOf(url(), options)).not.toBe('none');
  const refused = () => ingest.count('connections_refused', 'certificate_not_verified');
  expect(await refused()).toBe(1);
  const again = keep(connect({ port, ca: authority.cert, ...own, maxVersion: 'TLSv1.2', session }));
  let isReused = false;
  again.once('secureConnect', () => {
    isReused = again.isSessionReused();
  });
  again.on('error', () => undefined); // It may be closed before it is secured.
  await new Promise((resolve) => again.resume().once('close', resolve));
  expect([isReused, await refused()]).toEqual([false, 2]);
});

test.each<[string, (folder: TlsFolder) => Promise<unknown>, RegExp]>([
  ['the key of another certificate', async ({ write }) => write({ key: (await stranger.sign('x')).key }), /key/],
  ['a certificate that is none', ({ write }) => write({ cert: 'nothing' }), /cert\.pem holds no PEM certificate/],
  ['a CA that is none', ({ write }) => write({ ca: '' }), /ca\.pem holds no PEM certificate/],
])('%s is told at the start, with the name of the file', async (_name, spoil, told) => {
  await spoil(folder);
  await expect(open({ clientCaFile: folder.clientCaFile })).rejects.toThrow(told);
});
