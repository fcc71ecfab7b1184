/** Clients for poison, on raw sockets: one that behaves, some whose payloads are poison, and some whose packets are. */
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import mqttPacket, { type Packet } from 'mqtt-packet';
import type { Poison } from './poison.ts';

export type Door = { readonly port: number; readonly username: string; readonly password: string };

const waitMsMax = 60_000;

/** Connects; rejects when the door refuses. */
export async function admitted({ port, username, password }: Door, clientId: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  socket.on('error', () => undefined); // A reset is a close, which is waited for.
  const packet = { cmd: 'connect', protocolId: 'MQTT', protocolVersion: 4, clientId, clean: true, keepalive: 0 };
  socket.write(mqttPacket.generate({ ...packet, username, password: Buffer.from(password) } as Packet));
  const [connack] = (await once(socket, 'data', { signal: AbortSignal.timeout(waitMsMax) })) as [Buffer];
  if (connack[0] !== 0x20 || connack[3] !== 0) throw new Error(`refused with return code ${connack[3]}`);
  return socket;
}

/** What the messages of a client are, and how many are in flight at once. */
type Sending = {
  readonly clientId: string;
  readonly window: number;
  readonly next: () => { topic: string; payload: Buffer } | undefined;
};

/** Sends messages at QoS 1 until there is none, and resolves with how many were acknowledged; rejects when the door closes it. */
export async function publishAll(door: Door, { clientId, window, next }: Sending): Promise<number> {
  const socket = await admitted(door, clientId);
  let messageId = 0;
  let inFlight = 0;
  let acknowledged = 0;
  let isOver = false;
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  const fill = () => {
    const packets: Buffer[] = [];
    while (!isOver && inFlight < window) {
      const message = next();
      isOver = message === undefined;
      if (!message) break;
      messageId = (messageId % 60_000) + 1;
      inFlight++;
      packets.push(mqttPacket.generate({ cmd: 'publish', ...message, qos: 1, dup: false, retain: false, messageId }));
    }
    if (packets.length > 0) socket.write(Buffer.concat(packets));
  };
  return new Promise((resolve, reject) => {
    const late = setTimeout(() => reject(new Error(`${clientId}: ${inFlight} messages wait`)), waitMsMax);
    const end = (outcome: () => void) => {
      clearTimeout(late);
      outcome();
      socket.destroy();
    };
    parser.on('packet', ({ cmd }) => {
      if (cmd !== 'puback') return;
      inFlight--;
      acknowledged++;
      late.refresh();
      fill();
      if (isOver && inFlight === 0) end(() => resolve(acknowledged));
    });
    socket.on('data', (chunk) => parser.parse(chunk));
    socket.on('close', () => end(() => reject(new Error(`${clientId} was closed after ${acknowledged} messages`))));
    fill();
  });
}

const packetsMax = 25;

/** One connection that sends packets which are poison until the door, or it itself, has had enough; how many it sent. */
export async function sendPackets(door: Door, poison: Poison, clientId: string): Promise<number> {
  const count = 1 + poison.below(packetsMax);
  if (poison.below(8) === 0) {
    const socket = connect(door.port, '127.0.0.1').on('error', () => undefined);
    await ended(socket, [poison.connect()]);
    return 1;
  }
  const socket = await admitted(door, clientId);
  await ended(socket, Array.from({ length: count }, poison.packet));
  return count;
}

async function ended(socket: Socket, packets: readonly Buffer[]): Promise<void> {
  socket.resume();
  const closed = new Promise((resolve) => socket.once('close', resolve));
  socket.end(Buffer.concat(packets));
  // What is cut off leaves the door waiting for the rest, which it may do for as long as a CONNECT may take.
  setTimeout(() => socket.destroy(), 200).unref();
  await closed;
}
