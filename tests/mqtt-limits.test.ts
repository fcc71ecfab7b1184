/** What one client, one address or one guesser may take from the others at the MQTT doors: little, and not for long. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import type { DoorSettings } from '../src/ingest/mqtt/door/door.ts';
import { openTlsFiles, type TlsFiles } from '../src/ingest/mqtt/door/tls-files.ts';
import { createLog } from '../src/platform/log.ts';
import { createAuthority, makeTlsFolder } from './support/certificates.ts';
import { password, startTestIngest, type TestIngest } from './support/ingest.ts';
import { connectPacket, connectRaw, openRaw, publishPacket, type RawClient } from './support/mqtt-client.ts';
import { connectMqttjs, refusalOf } from './support/mqttjs.ts';

let started: TestIngest | undefined;
const ends: (() => unknown)[] = [];

afterEach(async () => {
  for (const end of ends.splice(0)) await end();
  await started?.close();
  started = undefined;
});

async function start(doors?: DoorSettings): Promise<TestIngest> {
  started = await startTestIngest(doors);
  return started;
}

const keep = (client: RawClient) => {
  ends.push(client.end);
  return client;
};
const connected = async (ingest: TestIngest, options?: Parameters<typeof connectRaw>[1]) =>
  keep(await connectRaw(ingest.port, options));

/** Connects, and tells what the CONNACK said; the connection ends, whatever that was. */
async function answer(ingest: TestIngest, options?: Parameters<typeof connectPacket>[0]): Promise<number> {
  const client = keep(await openRaw(ingest.port));
  client.send(connectPacket(options));
  const connack = await client.next();
  client.end();
  return (connack as { returnCode?: number }).returnCode ?? -1;
}

async function socketTo(port: number, endings = ends): Promise<Socket & { bytes?: string }> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined);
  endings.push(() => socket.destroy());
  await once(socket, 'connect');
  return socket;
}

async function openTls(endings = ends): Promise<TlsFiles> {
  const authority = await createAuthority();
  const folder = await makeTlsFolder(await authority.sign('localhost'));
  const { certificateFile, keyFile } = folder;
  const tls = await openTlsFiles({ certificateFile, keyFile }, createLog('silent'));
  endings.push(tls.close, () => folder[Symbol.asyncDispose]());
  return tls;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else socket.once('close', () => resolve());
  });
}

/** Those who stand still are given ten seconds: they come before all others, and what has become of them is looked at last. */
let standing: Awaited<ReturnType<typeof standStill>>;
const standingEnds: (() => unknown)[] = [];
beforeAll(async () => {
  standing = await standStill();
});
afterAll(async () => {
  for (const end of standingEnds) await end();
  await standing?.ingest.close();
});

/** Comes in by each door and says a part of who it is, some of them a byte now and then, beside a device that says it all. */
async function standStill() {
  const ingest = await startTestIngest({ tls: await openTls(standingEnds) });
  const ports = { tcp: ingest.port, tls: await ingest.listen('tls'), ws: await ingest.listen('ws') };
  const packet = mqttPacket.generate(connectPacket());
  const request = 'GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nX-Long: ';
  const slow: [number, Buffer | string][] = [
    [ports.tcp, ''],
    [ports.tcp, packet.subarray(0, packet.length - 30)],
    [ports.tls, ''],
    // The beginning of a ClientHello, and then a byte now and then.
    [ports.tls, Buffer.from([0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3])],
    [ports.ws, ''],
    [ports.ws, request],
  ];
  const sockets = await Promise.all(
    slow.map(async ([port, bytes]) => {
      const socket = await socketTo(port, standingEnds);
      if (bytes.length > 0) socket.write(bytes);
      return { socket, drips: bytes.length > 0 };
    }),
  );
  const drip = setInterval(() => {
    for (const { socket, drips } of sockets) if (drips && socket.writable) socket.write('x');
  }, 700);
  standingEnds.push(() => clearInterval(drip));
  const device = await connectRaw(ingest.port);
  standingEnds.push(device.end);
  return { ingest, device, sockets: sockets.map(({ socket }) => socket) };
}

test('a client that connects more than 15 times a minute is banned, and nobody else is', async () => {
  const ingest = await start();
  await ingest.addDevice('other', ['telemetry/north/#']);
  const codes: number[] = [];
  for (let i = 0; i < 18; i++) codes.push(await answer(ingest, { clientId: 'storm' }));
  expect(codes).toEqual([...new Array(15).fill(0), 3, 3, 3]);
  expect(await ingest.count('connections_refused', 'banned')).toBe(3);
  expect(await answer(ingest, { clientId: 'quiet' })).toBe(0);
  expect(await answer(ingest, { clientId: 'storm', username: 'other' })).toBe(0);
  expect(ingest.logged.filter((line) => line.includes('keeps connecting'))).toHaveLength(1);
});

test('two clients with one identifier stop throwing each other out: one of them stays', async () => {
  const ingest = await start();
  let open: RawClient | undefined;
  for (let i = 0; i < 15; i++) open = await connected(ingest, { clientId: 'twin' });
  expect(await answer(ingest, { clientId: 'twin' })).toBe(3);
  open?.send(publishPacket('telemetry/north/a/p', '1', 1));
  expect(await open?.next()).toMatchObject({ cmd: 'puback' });
});

test('who does not know the password has nobody banned', async () => {
  const ingest = await start();
  for (let i = 0; i < 30; i++) expect(await answer(ingest, { clientId: 'victim', password: 'wrong' })).toBe(4);
  expect(await answer(ingest, { clientId: 'victim' })).toBe(0);
});

test('a script that connects for every message without an identifier is not banned', async () => {
  const ingest = await start();
  for (let i = 0; i < 20; i++) expect(await answer(ingest, { clientId: '' })).toBe(0);
});

test('who tries many passwords is not heard for a while, and known devices of the same name and address are', async () => {
  const ingest = await start();
  await ingest.addDevice('other', ['telemetry/north/#']);
  expect(await answer(ingest, { clientId: 'known' })).toBe(0);
  const codes: number[] = [];
  for (let i = 0; i < 13; i++) codes.push(await answer(ingest, { password: `guess ${i}` }));
  expect(codes).toEqual([...new Array(11).fill(4), 3, 3]);
  expect(await ingest.count('connections_refused', 'credentials_guessing')).toBe(2);
  expect(await answer(ingest, { clientId: 'known' })).toBe(0);
  // Whatever else of it changes meanwhile: its password is the one that it has proved.
  await ingest.database.pool.query(`update device set asset_name = 'ahu-1' where username = 'gateway'`);
  for (let i = 0; i < 5; i++) {
    await sleep(50);
    expect(await answer(ingest, { clientId: 'known' })).toBe(0);
  }
  expect(await answer(ingest, { username: 'other' })).toBe(0);
  expect(ingest.logged.filter((line) => /guess \d|a password for tests/.test(line))).toEqual([]);
});

test('an address has its limit, and whoever leaves makes room', async () => {
  const ingest = await start({ addressConnectionsMax: 3 });
  const first = await connected(ingest, { clientId: 'a' });
  for (const clientId of ['b', 'c']) await connected(ingest, { clientId });
  await expect(connectRaw(ingest.port, { clientId: 'd' })).rejects.toThrow();
  expect(await ingest.count('connections_refused', 'too_many_of_address')).toBe(1);
  first.end();
  await expect.poll(() => answer(ingest, { clientId: 'd' }).catch(() => -1)).toBe(0);
});

test.each(['tcp', 'tls', 'ws', 'wss'] as const)(
  'whoever has left by the door %s is not counted, however it came to that',
  async (kind) => {
    const ingest = await start({ tls: await openTls(), connectionsMax: 2 });
    const port = kind === 'tcp' ? ingest.port : await ingest.listen(kind);
    const url = `${{ tcp: 'mqtt', tls: 'mqtts', ws: 'ws', wss: 'wss' }[kind]}://127.0.0.1:${port}`;
    const options = { rejectUnauthorized: false };
    const leave: (() => Promise<unknown>)[] = [
      async () => (await connectMqttjs(url, options)).endAsync(),
      async () => (await connectMqttjs(url, options)).endAsync(true),
      () => refusalOf(url, { ...options, password: 'wrong' }),
      async () => (await socketTo(port)).destroy(),
      async () => (await socketTo(port)).end('GET / HTTP/1.1\r\nHost: x\r\n\r\n'),
      async () => (await socketTo(port)).end(Buffer.from([0x16, 3, 1, 0, 0])),
    ];
    for (const one of [...leave, ...leave]) {
      await one();
      await expect.poll(() => refusalOf(url, { ...options, clientId: '' })).toBe('none');
    }
  },
);

test('all doors together have theirs', async () => {
  const ingest = await start({ connectionsMax: 2 });
  const port = await ingest.listen('ws');
  await connected(ingest);
  await socketTo(port);
  const third = connect(port, '127.0.0.1').on('error', () => undefined);
  await closed(third);
  expect(await ingest.count('connections_refused', 'too_many_connections')).toBe(1);
});

test('long CONNECTs that are never whole share a budget, and a short one passes nevertheless', async () => {
  const ingest = await start();
  const header = Buffer.from([0x10, 0x80, 0x80, 0x04]);
  const sockets: Socket[] = [];
  for (let i = 0; i < 700; i++) {
    const socket = await socketTo(ingest.port);
    socket.write(Buffer.concat([header, Buffer.alloc(65_000)]));
    sockets.push(socket);
  }
  await expect.poll(() => ingest.count('connections_refused', 'connect_budget')).toBeGreaterThan(100);
  expect(await answer(ingest)).toBe(0);
  for (const socket of sockets) socket.destroy();
  const long = { topic: 'telemetry/north/a/p', payload: Buffer.alloc(60_000, 0x31), qos: 0, retain: false };
  await expect
    .poll(async () => (await connectRaw(ingest.port, { will: long }).catch(() => undefined)) !== undefined)
    .toBe(true);
});

test('a CONNECT of 200 MB is refused after its header', async () => {
  const ingest = await start();
  const client = keep(await openRaw(ingest.port));
  client.send(Buffer.from([0x10, 0x80, 0x84, 0xaf, 0x5f]));
  await client.closed();
  expect(await ingest.count('connections_refused', 'packet_too_large')).toBe(1);
});

test.each<[string, Packet]>([
  ['SUBSCRIBEs', { cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: '$', qos: 0 }] } as Packet],
  ['UNSUBSCRIBEs', { cmd: 'unsubscribe', messageId: 1, unsubscriptions: ['a'] } as Packet],
  ['PUBRECs', { cmd: 'pubrec', messageId: 1 } as Packet],
])('who does not take the answers to its %s is let go', async (_, packet) => {
  const ingest = await start();
  const client = await connected(ingest);
  client.pause();
  const packets = Buffer.concat(new Array(40_000).fill(mqttPacket.generate(packet)));
  for (let i = 0; i < 60 && !client.isClosed(); i++) {
    client.send(packets);
    await sleep(20);
  }
  await expect.poll(() => ingest.count('connections_refused', 'does_not_read')).toBe(1);
  expect(await answer(ingest)).toBe(0);
});

test('what is refused is logged with its reason and address, and no password is', async () => {
  const ingest = await start();
  await answer(ingest, { username: 'nobody', password: 'a secret of mine' });
  await connected(ingest);
  const line = ingest.logged.find((text) => text.includes('credentials_wrong')) ?? '{}';
  expect(JSON.parse(line)).toMatchObject({ reason: 'credentials_wrong', username: 'nobody', address: '127.0.0.1' });
  expect(ingest.logged.join('')).not.toMatch(/a secret of mine/);
  expect(ingest.logged.join('')).not.toContain(password);
});

test('whoever does not say in time who it is has to go, at whichever step it stands still', async () => {
  const { ingest, device, sockets } = standing;
  await Promise.all(sockets.map(closed));
  expect(await ingest.count('connections_refused', 'connect_timeout')).toBe(sockets.length);
  expect(device.isClosed()).toBe(false);
});
