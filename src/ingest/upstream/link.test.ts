/** One connection to a broker that says what the test says. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { afterEach, describe, expect, test } from 'vitest';
import { type LinkOptions, openLink } from './link.ts';
import type { Delivery } from './packets.ts';

let server: Server;
const sockets: Socket[] = [];

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  server.close();
  await once(server, 'close');
});

type Told = { readonly heard: Packet[]; readonly options: Omit<LinkOptions, 'version'> & { deliveries: Delivery[] } };

/** A broker that answers each packet with what `answer` returns: packets of the version, or bytes. */
async function listen(version: 4 | 5, answer: (packet: Packet, socket: Socket) => (Packet | Buffer)[]): Promise<Told> {
  const heard: Packet[] = [];
  server = createServer((socket) => {
    sockets.push(socket);
    const parser = mqttPacket.parser({ protocolVersion: version });
    parser.on('packet', (packet) => {
      heard.push(packet);
      for (const one of answer(packet, socket)) {
        socket.write(Buffer.isBuffer(one) ? one : mqttPacket.generate(one, { protocolVersion: version }));
      }
    });
    socket.on('data', (chunk) => parser.parse(chunk)).on('error', () => undefined);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const deliveries: Delivery[] = [];
  const options = {
    url: new URL(`mqtt://plant:p%40ss@127.0.0.1:${port}`),
    clientId: 'faultline-1',
    isClean: false,
    tls: { ca: undefined, cert: undefined, key: undefined },
    will: undefined,
    onDelivery: (delivery: Delivery) => deliveries.push(delivery),
    isGateOpen: () => true,
    signal: new AbortController().signal,
    deliveries,
  };
  return { heard, options };
}

const accepted5: Packet = { cmd: 'connack', reasonCode: 0, sessionPresent: false };
const accepted4: Packet = { cmd: 'connack', returnCode: 0, sessionPresent: false };

describe('a connection to an external broker', () => {
  test('asks MQTT 5 for a session that stays, with many messages under way', async () => {
    const { heard, options } = await listen(5, () => [accepted5]);
    const link = await openLink({ ...options, version: 5 });
    expect(heard[0]).toMatchObject({
      protocolVersion: 5,
      clientId: 'faultline-1',
      clean: false,
      username: 'plant',
      password: Buffer.from('p@ss'),
      properties: { sessionExpiryInterval: 604_800, receiveMaximum: 10_000 },
    });
    link.end();
    await link.closed;
    expect(heard.at(-1)?.cmd).toBe('disconnect');
  });

  test.each([
    [
      'a broker that knows no MQTT 5 and says so in 3.1.1',
      5,
      Buffer.from([0x20, 2, 0, 1]),
      'it does not speak this version of MQTT',
      true,
    ],
    [
      'a broker that knows no MQTT 5 and says so in 5',
      5,
      Buffer.from([0x20, 3, 0, 132, 0]),
      'it does not speak this version of MQTT',
      true,
    ],
    ['a wrong password in MQTT 5', 5, Buffer.from([0x20, 3, 0, 134, 0]), 'bad user name or password', false],
    ['a wrong password in 3.1.1', 4, Buffer.from([0x20, 2, 0, 4]), 'bad user name or password', false],
    ['somebody who may not in 3.1.1', 4, Buffer.from([0x20, 2, 0, 5]), 'not authorized', false],
    ['a code that nobody knows', 4, Buffer.from([0x20, 2, 0, 77]), 'code 77', false],
  ] as const)('tells of %s', async (_what, version, answer, words, isVersion) => {
    const { options } = await listen(version, () => [answer]);
    const refused = openLink({ ...options, version });
    await expect(refused).rejects.toMatchObject({
      name: 'LinkRefused',
      message: `the broker refused: ${words}`,
      isVersion,
    });
  });

  test('may be refused for its version where the broker just hangs up', async () => {
    const { options } = await listen(4, (_packet, socket) => {
      socket.end();
      return [];
    });
    const refused = openLink({ ...options, version: 5 });
    await expect(refused).rejects.toMatchObject({ message: 'the broker hung up before it answered', isVersion: true });
  });

  test('is given up at once by who wants to leave', async () => {
    const { options } = await listen(4, () => []);
    const leaving = new AbortController();
    const refused = openLink({ ...options, version: 4, signal: leaving.signal });
    leaving.abort();
    await expect(refused).rejects.toThrow('closed by us');
  });

  test('is no connection to something that speaks no MQTT', async () => {
    const { options } = await listen(4, () => [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n')]);
    await expect(openLink({ ...options, version: 4 })).rejects.toThrow('what answers there does not speak MQTT');
  });

  test('hands messages on as they come, and acknowledges none of them by itself', async () => {
    const messages = Array.from({ length: 300 }, (_, i) =>
      mqttPacket.generate({
        cmd: 'publish',
        topic: 't',
        payload: String(i),
        qos: 1,
        messageId: i + 1,
        dup: false,
        retain: false,
      }),
    );
    const { heard, options } = await listen(4, (packet) => {
      if (packet.cmd === 'connect') return [accepted4, ...messages];
      return packet.cmd === 'subscribe' ? [{ cmd: 'suback', messageId: packet.messageId ?? 0, granted: [1, 128] }] : [];
    });
    const link = await openLink({ ...options, version: 4 });
    expect(await link.subscribe(['a/#', 'b/#'])).toEqual(new Map([['b/#', 'it is not allowed']]));
    expect(options.deliveries.map(({ payload }) => Number(payload))).toEqual(messages.map((_, i) => i));
    expect(heard.map(({ cmd }) => cmd)).toEqual(['connect', 'subscribe']);
    link.write(Buffer.from([0x40, 2, 0, 1, 0x40, 2, 0, 2]));
    await expect
      .poll(() => heard.slice(2))
      .toMatchObject([
        { cmd: 'puback', messageId: 1 },
        { cmd: 'puback', messageId: 2 },
      ]);
    link.end();
  });

  test('publishes at each quality of service, and tells of a message that the broker refuses', async () => {
    const { heard, options } = await listen(5, (packet) => {
      const messageId = packet.messageId ?? 0;
      if (packet.cmd === 'connect') return [accepted5];
      if (packet.cmd === 'pubrel') return [{ cmd: 'pubcomp', messageId }];
      if (packet.cmd !== 'publish' || packet.qos === 0) return [];
      if (packet.topic === 'refused') return [{ cmd: 'puback', messageId, reasonCode: 135 }];
      return [{ cmd: packet.qos === 1 ? 'puback' : 'pubrec', messageId }];
    });
    const link = await openLink({ ...options, version: 5 });
    const message = { topic: 't', payload: Buffer.from('1'), retain: true };
    for (const qos of [0, 1, 2] as const) await link.publish({ ...message, qos });
    await expect(link.publish({ ...message, topic: 'refused', qos: 1 })).rejects.toThrow(
      'the broker refused a message: not authorized',
    );
    expect(heard.slice(1).map(({ cmd }) => cmd)).toEqual(['publish', 'publish', 'publish', 'pubrel', 'publish']);
    sockets[0]?.destroy();
    await link.closed;
    await expect(link.publish({ ...message, qos: 1 })).rejects.toThrow('closed');
  });

  test('rejects what was asked when the connection ends before the answer, with the reason that the broker gave', async () => {
    const { options } = await listen(5, (packet) => {
      return packet.cmd === 'connect' ? [accepted5] : [{ cmd: 'disconnect', reasonCode: 142 }];
    });
    const link = await openLink({ ...options, version: 5 });
    await expect(link.subscribe(['a'])).rejects.toThrow(
      'the session was taken over by another client of the same identifier',
    );
    expect(link.isOpen()).toBe(false);
  });

  test('reads no more while its gate is shut, and goes on when it is open again', async () => {
    let isOpen = false;
    const large = mqttPacket.generate({
      cmd: 'publish',
      topic: 't',
      payload: Buffer.alloc(500_000),
      qos: 0,
      dup: false,
      retain: false,
    });
    const { options } = await listen(4, (packet) =>
      packet.cmd === 'connect' ? [accepted4, ...Array(40).fill(large)] : [],
    );
    const link = await openLink({ ...options, version: 4, isGateOpen: () => isOpen });
    await new Promise((resolve) => setTimeout(resolve, 300));
    expect(options.deliveries.length).toBeLessThan(3);
    isOpen = true;
    link.resume();
    await expect.poll(() => options.deliveries.length).toBe(40);
    link.end();
  });
});
