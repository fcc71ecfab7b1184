/** MQTT over WebSockets (MQTT 3.1.1, chapter 6): browsers' way in, with the same limits as the others. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { MqttClient } from 'mqtt';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ClientOptions, WebSocket } from 'ws';
import { openTlsFiles, type TlsFiles } from '../src/ingest/mqtt/door/tls-files.ts';
import { createLog } from '../src/platform/log.ts';
import { type Authority, createAuthority, makeTlsFolder, type TlsFolder } from './support/certificates.ts';
import { startTestIngest, type TestIngest } from './support/ingest.ts';
import { connectPacket, publishPacket } from './support/mqtt-client.ts';
import { connectMqttjs } from './support/mqttjs.ts';

let authority: Authority;
let folder: TlsFolder;
let files: TlsFiles;
let ingest: TestIngest;
let port: number;
const ends: (() => unknown)[] = [];

beforeAll(async () => {
  authority = await createAuthority();
  folder = await makeTlsFolder({ ...(await authority.sign('localhost')), ca: authority.cert });
  files = await openTlsFiles(folder, createLog('silent'));
});
afterAll(async () => {
  files.close();
  await folder[Symbol.asyncDispose]();
});
beforeEach(async () => {
  ingest = await startTestIngest({ tls: files, webSocketOrigins: ['https://app.example.com'] });
  port = await ingest.listen('ws');
});
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await ingest.close();
});

async function connected(url: string, options: Parameters<typeof connectMqttjs>[1] = {}): Promise<MqttClient> {
  const client = await connectMqttjs(url, options);
  ends.push(() => client.endAsync(true));
  return client;
}

function open(subprotocol: string | undefined = 'mqtt', options: ClientOptions = {}): WebSocket {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/mqtt`, subprotocol === '' ? [] : subprotocol, options);
  socket.on('error', () => undefined);
  ends.push(() => socket.terminate());
  return socket;
}

/** A WebSocket with the packets that come. */
async function opened(): Promise<{ socket: WebSocket; next: () => Promise<Packet> }> {
  const socket = open();
  const received: Packet[] = [];
  const parser = mqttPacket.parser();
  parser.on('packet', (packet) => received.push(packet));
  socket.on('message', (message: Buffer, isBinary) => {
    expect(isBinary).toBe(true);
    parser.parse(message);
  });
  await once(socket, 'open');
  const next = async () => {
    await expect.poll(() => received.length).toBeGreaterThan(0);
    return received.shift() as Packet;
  };
  return { socket, next };
}

const bytesOf = (...packets: Packet[]) => Buffer.concat(packets.map((packet) => mqttPacket.generate(packet)));

async function raw(text: string): Promise<{ socket: Socket; answer: () => string; isClosed: () => boolean }> {
  const socket = connect(port, '127.0.0.1');
  let answer = '';
  let isClosed = false;
  socket.on('data', (chunk) => (answer += chunk.toString()));
  socket.on('error', () => undefined);
  socket.on('close', () => (isClosed = true));
  ends.push(() => socket.destroy());
  await once(socket, 'connect');
  socket.write(text);
  return { socket, answer: () => answer, isClosed: () => isClosed };
}

test('mqtt.js publishes over a WebSocket, whatever the path', async () => {
  for (const path of ['', '/mqtt', '/ws/a?b=c']) {
    const client = await connected(`ws://127.0.0.1:${port}${path}`, { clientId: `at${path}` });
    await client.publishAsync('telemetry/north/a/p', '1', { qos: 1 });
  }
  expect(await ingest.readings()).toHaveLength(3);
});

test('mqtt.js publishes over a WebSocket over TLS', async () => {
  const securePort = await ingest.listen('wss');
  const client = await connected(`wss://127.0.0.1:${securePort}`, { ca: authority.cert });
  await client.publishAsync('telemetry/north/a/p', '1', { qos: 2 });
  expect(await ingest.readings()).toEqual(['a/p=1']);
});

test('a session is taken over from one door to another', async () => {
  const first = await connected(`ws://127.0.0.1:${port}`);
  const closed = new Promise((resolve) => first.once('close', () => resolve(undefined)));
  await connected(`mqtt://127.0.0.1:${ingest.port}`);
  await closed;
});

test('packets may be cut and joined by messages as they like', async () => {
  const { socket, next } = await opened();
  const bytes = bytesOf(
    connectPacket(),
    publishPacket('telemetry/north/a/p', '1', 1),
    publishPacket('telemetry/north/a/p', '2', 2),
  );
  for (const at of bytes.keys()) socket.send(bytes.subarray(at, at + 1));
  socket.send(bytesOf(publishPacket('telemetry/north/a/p', '3', 3), { cmd: 'pingreq' }));
  expect(await next()).toMatchObject({ cmd: 'connack', returnCode: 0 });
  const rest = [await next(), await next(), await next(), await next()];
  expect(rest.filter(({ cmd }) => cmd === 'puback').map(({ messageId }) => messageId)).toEqual([1, 2, 3]);
});

test('a message as large as a packet may be is taken, once the device is known', async () => {
  const { socket, next } = await opened();
  socket.send(bytesOf(connectPacket()));
  await next();
  socket.send(bytesOf(publishPacket('telemetry/north/a/p', Buffer.alloc(1_000_000, 0x20), 1)));
  expect(await next()).toMatchObject({ cmd: 'puback', messageId: 1 });
});

test.each<[string, (socket: WebSocket) => void, number, string]>([
  ['a message of text', (socket) => socket.send('text'), 1003, 'websocket_text'],
  [
    'text, though it be a CONNECT',
    (socket) => socket.send(bytesOf(connectPacket()).toString('latin1')),
    1003,
    'websocket_text',
  ],
  [
    'a message of 100 KB from a stranger',
    (socket) => socket.send(Buffer.alloc(100_000, 0x10)),
    1009,
    'packet_too_large',
  ],
  ['what is no CONNECT', (socket) => socket.send(bytesOf({ cmd: 'pingreq' })), 1006, 'not_mqtt'],
])('%s ends the connection, and is counted', async (_name, send, code, reason) => {
  const { socket } = await opened();
  send(socket);
  expect((await once(socket, 'close'))[0]).toBe(code);
  await expect.poll(() => ingest.count('connections_refused', reason)).toBe(1);
});

test('a refused device gets its CONNACK before the close', async () => {
  const { socket, next } = await opened();
  const closed = once(socket, 'close');
  socket.send(bytesOf(connectPacket({ password: 'wrong' })));
  expect(await next()).toMatchObject({ cmd: 'connack', returnCode: 4 });
  expect((await closed)[0]).toBe(1000);
});

test.each([
  ['mqtt', 'mqtt'],
  ['mqttv3.1', 'mqttv3.1'],
  [['x', 'mqtt'], 'mqtt'],
])('of the subprotocols %j the answer is %s', async (offered, chosen) => {
  const socket = open(offered as string);
  await once(socket, 'open');
  expect(socket.protocol).toBe(chosen);
});

test.each(['', 'chat', 'MQTT'])('the subprotocol %j is refused', async (offered) => {
  const [, response] = (await once(open(offered), 'unexpected-response')) as [unknown, { statusCode: number }];
  expect(response.statusCode).toBe(400);
  expect(await ingest.count('connections_refused', 'websocket_subprotocol')).toBe(1);
});

test.each<[string | undefined, number]>([
  [undefined, 101],
  ['https://app.example.com', 101],
  ['http://127.0.0.1:8080', 101],
  ['https://127.0.0.1', 101],
  ['https://evil.example.com', 403],
  ['https://app.example.com.evil.example', 403],
  ['http://app.example.com', 403],
  ['null', 403],
])('a page of the origin %s is answered with %d', async (origin, status) => {
  const socket = open('mqtt', origin === undefined ? {} : { headers: { origin } });
  const answered = await Promise.race([
    once(socket, 'open').then(() => 101),
    once(socket, 'unexpected-response').then(([, response]) => (response as { statusCode: number }).statusCode),
  ]);
  expect(answered).toBe(status);
  expect(await ingest.count('connections_refused', 'websocket_origin')).toBe(status === 403 ? 1 : 0);
});

test('nothing is compressed, though it be offered', async () => {
  const socket = open('mqtt', { perMessageDeflate: true });
  await once(socket, 'open');
  expect(socket.extensions).toBe('');
});

const upgrade = 'GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n';

test.each([
  ['a request without an upgrade', 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', 426],
  ['a request with a body', 'POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nxxx', 426],
  ['what is no HTTP', bytesOf(connectPacket()).toString('latin1'), 400],
  ['a header of 20 KB', `${upgrade}X: ${'x'.repeat(20_000)}\r\n\r\n`, 431],
  [
    'an upgrade to something else',
    upgrade.replace('websocket', 'h2c').concat('Sec-WebSocket-Protocol: mqtt\r\n\r\n'),
    400,
  ],
  ['an upgrade without a key', `${upgrade}Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: mqtt\r\n\r\n`, 400],
])('%s is answered and closed, and counted', async (_name, text, status) => {
  const { answer, isClosed } = await raw(text);
  await expect.poll(isClosed).toBe(true);
  expect(answer()).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
  expect(await ingest.count('connections_refused', 'not_websocket')).toBe(1);
});

test('frames that are not masked end the connection', async () => {
  const key = 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n';
  const { socket, answer, isClosed } = await raw(`${upgrade}${key}Sec-WebSocket-Protocol: mqtt\r\n\r\n`);
  await expect.poll(answer).toMatch(/^HTTP\/1.1 101 /);
  socket.write(Buffer.from([0x82, 2, 0xc0, 0]));
  await expect.poll(() => ingest.count('connections_refused', 'websocket_malformed')).toBe(1);
  await expect.poll(isClosed).toBe(true);
});
