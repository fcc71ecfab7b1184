/** Clients that a broker's memory has to bear: idle ones, floods, a CONNECT without end, one that does not read. */
import { connect, type Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import mqttPacket, { type Packet } from 'mqtt-packet';

export type Broker = { readonly port: number; readonly username: string; readonly password: string };

const connectedAtOnce = 100;
const tries = 20;

/** So many connections with a keep-alive of ten minutes that send nothing. */
export async function connectIdle(broker: Broker, count: number): Promise<Socket[]> {
  const sockets: Socket[] = [];
  while (sockets.length < count) {
    const some = Math.min(connectedAtOnce, count - sockets.length);
    const from = sockets.length;
    sockets.push(
      ...(await Promise.all(Array.from({ length: some }, (_, i) => connectOne(broker, `idle-${from + i}`)))),
    );
  }
  return sockets;
}

/** A connection that is accepted; what comes then is thrown away. */
export async function connectOne({ port, username, password }: Broker, clientId: string): Promise<Socket> {
  for (let left = tries; ; left--) {
    const socket = connect(port, '127.0.0.1').setNoDelay(true);
    socket.on('error', () => undefined); // Its close follows, and whoever waits for it sees that.
    socket.write(
      generate({
        cmd: 'connect',
        protocolId: 'MQTT',
        protocolVersion: 4,
        clientId,
        clean: true,
        keepalive: 600,
        username,
        password: Buffer.from(password),
      }),
    );
    const answer = await Promise.race([received(socket), closed(socket)]);
    if (answer?.[3] === 0) return socket.resume();
    socket.destroy();
    if (left === 0) throw new Error('the broker does not accept the connection');
    await sleep(250);
  }
}

export type Flood = { sent(): number; stop(): void };

/** Sends messages of QoS 0 on each connection as fast as it takes them; each has a time of its own. */
export function flood(sockets: readonly Socket[], { topicOf }: { topicOf: (client: number) => string }): Flood {
  let isOn = true;
  let sent = 0;
  const perWrite = 500;
  const pump = async (socket: Socket, client: number) => {
    let timeMs = Date.now() - 3_600_000;
    const topic = topicOf(client);
    while (isOn && !socket.destroyed) {
      const packets: Buffer[] = [];
      for (let i = 0; i < perWrite; i++) {
        const payload = `{"value":${i},"time":${timeMs++}}`;
        packets.push(generate({ cmd: 'publish', topic, payload, qos: 0, dup: false, retain: false }));
      }
      sent += perWrite;
      if (socket.write(Buffer.concat(packets))) await sleep(0);
      else await Promise.race([drained(socket), closed(socket)]);
    }
  };
  for (const [client, socket] of sockets.entries()) void pump(socket, client);
  return {
    sent: () => sent,
    stop: () => {
      isOn = false;
    },
  };
}

/** Announces a CONNECT of so many bytes and sends them until it is cut off; tells how many the network took. */
export async function connectHuge({ port }: Broker, bytes: number): Promise<number> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => undefined); // Being cut off is what is expected.
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  socket.write(Buffer.concat([Buffer.from([0x10]), remainingLength(bytes), Buffer.from('\0\x04MQTT\x04\xc2\0\0')]));
  const chunk = Buffer.alloc(65_536, 0x61);
  for (let left = bytes; left > 0 && !socket.destroyed; left -= chunk.length) {
    if (!socket.write(chunk)) await Promise.race([drained(socket), closed(socket)]);
  }
  const taken = socket.bytesWritten - socket.writableLength;
  socket.destroy();
  return taken;
}

/** Subscribes to everything under a filter, and then reads nothing more. */
export async function connectFrozen(broker: Broker, filter: string): Promise<Socket> {
  const socket = await connectOne(broker, 'frozen');
  socket.write(generate({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: filter, qos: 1 }] }));
  const suback = await received(socket);
  if (suback[0] !== 0x90 || (suback[4] ?? 0x80) === 0x80) throw new Error('the broker refuses the subscription');
  return socket.pause();
}

const received = (socket: Socket) => new Promise<Buffer>((resolve) => socket.once('data', resolve));
const drained = (socket: Socket) => new Promise<void>((resolve) => socket.once('drain', resolve));
/** Unlike `once` it does not mind that an error comes first. */
const closed = (socket: Socket) => new Promise<void>((resolve) => socket.once('close', () => resolve()));

function generate(packet: object): Buffer {
  return mqttPacket.generate(packet as Packet);
}

/** The variable-length number of a fixed header (MQTT 3.1.1, 2.2.3). */
function remainingLength(value: number): Buffer {
  const bytes: number[] = [];
  for (let left = value; left > 0 || bytes.length === 0; left = Math.floor(left / 128)) {
    bytes.push((left % 128) | (left >= 128 ? 0x80 : 0));
  }
  return Buffer.from(bytes);
}
