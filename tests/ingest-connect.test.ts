/** Who may come in through the MQTT door, and what happens to those who may not. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { expect, test } from 'vitest';
import { connectPacket, publishPacket } from './support/mqtt-client.ts';
import { useIngest } from './support/mqtt-door.ts';

const door = useIngest();

test.each<[{ username: string; password?: string }, number, string]>([
  [{ username: 'gateway', password: 'wrong' }, 4, 'a wrong password'],
  [{ username: 'nobody' }, 4, 'an unknown user name'],
  [{ username: '', password: '' }, 5, 'no credentials'],
])('%j is refused with return code %d: %s', async (options, returnCode) => {
  const client = await door.opened();
  client.send(connectPacket(options));
  expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode });
  await client.closed();
});

test.each<[string, number, string]>([
  ['256 bytes', 0, 'x'.repeat(256)],
  ['257 bytes', 2, 'x'.repeat(257)],
  ['256 bytes of UTF-8', 0, 'ü'.repeat(128)],
  ['258 bytes of UTF-8', 2, 'ü'.repeat(129)],
])('a client identifier of %s is answered with return code %d', async (_what, returnCode, clientId) => {
  const client = await door.opened();
  client.send(connectPacket({ clientId }));
  expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode });
});

test('without a client identifier there is no session to keep: return code 2', async () => {
  const client = await door.opened();
  // Connect flags: user name and password, and not clean.
  const fields = [0x04, 0xc0, 0, 0, 0, 0, 0, 7, ...Buffer.from('gateway'), 0, 1, 0x78];
  const body = Buffer.from([0, 4, ...Buffer.from('MQTT'), ...fields]);
  client.send(Buffer.concat([Buffer.from([0x10, body.length]), body]));
  expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 2 });
  await client.closed();
});

test('a device without a client identifier gets one when its session is not kept', async () => {
  await door.connected({ clientId: '' });
});

test.each([
  ['a user name with U+0000', { username: 'gate\0way' }],
  ['a client identifier with U+0000', { clientId: 'a\0b' }],
])('%s is malformed: closed without an answer, and counted', async (_name, options) => {
  const client = await door.opened();
  client.send(connectPacket(options));
  await client.closed();
  expect(client.received).toEqual([]);
  expect(await door.ingest().count('connections_refused', 'connect_malformed')).toBe(1);
});

test('another version of MQTT is told so: return code 1', async () => {
  const client = await door.opened();
  client.send({ ...connectPacket(), protocolVersion: 5 } as never);
  expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 1 });
  await client.closed();
});

test('what comes behind the CONNECT of a device that is refused is not looked at, and the refusal arrives', async () => {
  const client = await door.opened();
  const message = publishPacket('telemetry/north/a/p', Buffer.alloc(30_000, 0x20), 1);
  client.send(connectPacket({ password: 'wrong' }), message, message, message);
  expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 4 });
  await client.closed();
  expect(await door.ingest().count('messages_received')).toBe(0);
});

test('a script that sends everything at once and closes its end is served', async () => {
  const socket = connect({ port: door.ingest().port, host: '127.0.0.1', allowHalfOpen: true });
  const packets = [connectPacket(), publishPacket('telemetry/north/a/p', '1'), { cmd: 'disconnect' } as Packet];
  socket.end(Buffer.concat(packets.map((packet) => mqttPacket.generate(packet))));
  await once(socket.resume(), 'close');
  await expect.poll(() => door.ingest().readings()).toEqual(['a/p=1']);
});

test('a revoked device is refused', async () => {
  await door.ingest().database.pool.query(`update device set revoked_at = now()`);
  const client = await door.opened();
  client.send(connectPacket());
  expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 4 });
});

test('a device that connects again takes its session over, and another device with its client identifier does not', async () => {
  await door.ingest().addDevice('other', ['telemetry/north/#']);
  const first = await door.connected({ clientId: 'same' });
  await door.connected({ clientId: 'same', username: 'other' });
  await sleep(50);
  expect(first.isClosed()).toBe(false);
  await door.connected({ clientId: 'same' });
  await first.closed();
});

test.each([
  ['a PUBLISH before the CONNECT', mqttPacket.generate(publishPacket('telemetry/north/a/p', '1'))],
  ['a ping before the CONNECT', Buffer.from([0xc0, 0])],
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: x\r\n\r\n')],
  ['a CONNECT of 200 MB', Buffer.from([0x10, 0x80, 0x84, 0xaf, 0x5f])],
  ['a length that never ends', Buffer.from([0x10, 0xff, 0xff, 0xff, 0xff, 0xff])],
])('%s ends the connection', async (_name, bytes) => {
  const client = await door.opened();
  client.send(bytes);
  await client.closed();
});

test('a packet above the limit ends the connection, and nobody else notices', async () => {
  const other = await door.connected({ clientId: 'other' });
  const client = await door.connected();
  client.send(Buffer.from([0x30, 0x80, 0x80, 0x80, 0x01]));
  await client.closed();
  expect(await door.ingest().count('connections_refused', 'packet_too_large')).toBe(1);
  other.send(publishPacket('telemetry/north/a/p', '1', 1));
  expect(await other.next()).toMatchObject({ cmd: 'puback', messageId: 1 });
});

test('what is pipelined behind the CONNECT is taken once the device is known', async () => {
  const client = await door.opened();
  const messages = Array.from({ length: 500 }, (_, i) => publishPacket(`telemetry/north/a/p${i}`, '1', i + 1));
  client.send(connectPacket(), ...messages, { cmd: 'pingreq' });
  expect(await client.next()).toMatchObject({ cmd: 'connack', returnCode: 0 });
  const rest: Packet[] = [];
  while (rest.length < 501) rest.push(await client.next());
  expect(rest.filter(({ cmd }) => cmd === 'puback').map(({ messageId }) => messageId)).toEqual(
    messages.map((_, i) => i + 1),
  );
  expect(await door.ingest().readings()).toHaveLength(500);
});

test('a device that goes silent for one and a half times its keep-alive is let go, and its will is a message like any other', async () => {
  const will = { topic: 'telemetry/north/gateway/online', payload: 'false', qos: 1, retain: true };
  const client = await door.connected({ keepalive: 1, will });
  await client.closed(5_000);
  await expect.poll(() => door.ingest().readings()).toEqual(['gateway/online=0']);
});

test('pings keep a connection', async () => {
  const client = await door.connected({ keepalive: 2 });
  for (let i = 0; i < 4; i++) {
    await sleep(1_000);
    client.send({ cmd: 'pingreq' });
    expect(await client.next()).toMatchObject({ cmd: 'pingresp' });
  }
});
