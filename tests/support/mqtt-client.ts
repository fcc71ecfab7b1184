/** An MQTT client that hides nothing: packets in, packets out, over a raw socket. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import mqttPacket, { type Packet } from 'mqtt-packet';
import { password } from './ingest.ts';

export type RawClient = {
  send(...packets: (Packet | Buffer)[]): void;
  /** Packets that have come and were not waited for yet. */
  readonly received: Packet[];
  /** Takes the next packet; throws when none comes within `msMax`. */
  next(msMax?: number): Promise<Packet>;
  /** Resolves once the broker has closed the connection. */
  closed(msMax?: number): Promise<void>;
  isClosed(): boolean;
  /** Reads nothing more. */
  pause(): void;
  end(): void;
};

const waitMsMax = 60_000;

/** A TCP connection without a CONNECT. */
export async function openRaw(port: number): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1');
  await once(socket, 'connect');
  const received: Packet[] = [];
  const parser = mqttPacket.parser({ protocolVersion: 4 });
  let isClosed = false;
  let wake = () => {};
  parser.on('packet', (packet) => {
    received.push(packet);
    wake();
  });
  socket.on('data', (chunk) => parser.parse(chunk));
  socket.on('error', () => undefined); // A reset is a close, which tests look for.
  socket.on('close', () => {
    isClosed = true;
    wake();
  });
  const until = async (what: string, isSo: () => boolean, msMax: number) => {
    const deadline = Date.now() + msMax;
    while (!isSo()) {
      if (Date.now() > deadline) throw new Error(`not within ${msMax} ms: ${what}`);
      await Promise.race([new Promise<void>((resolve) => (wake = resolve)), sleep(20)]);
    }
  };
  return {
    send: (...packets) => {
      const buffers = packets.map((packet) => (Buffer.isBuffer(packet) ? packet : mqttPacket.generate(packet)));
      socket.write(Buffer.concat(buffers));
    },
    received,
    next: async (msMax = waitMsMax) => {
      await until('a packet', () => received.length > 0 || isClosed, msMax);
      const packet = received.shift();
      if (!packet) throw new Error('the connection was closed');
      return packet;
    },
    closed: (msMax = waitMsMax) => until('the connection closed', () => isClosed, msMax),
    isClosed: () => isClosed,
    pause: () => {
      socket.pause();
    },
    end: () => socket.destroy(),
  };
}

type Connect = {
  username?: string;
  password?: string;
  clientId?: string;
  clean?: boolean;
  keepalive?: number;
  will?: object;
};

/** A CONNECT of the device `gateway`, unless told otherwise. */
export function connectPacket(options: Connect = {}): Packet {
  return {
    cmd: 'connect',
    protocolId: 'MQTT',
    protocolVersion: 4,
    clientId: options.clientId ?? 'raw',
    clean: options.clean ?? true,
    keepalive: options.keepalive ?? 0,
    username: options.username ?? 'gateway',
    password: Buffer.from(options.password ?? password),
    ...(options.will && { will: options.will }),
  } as Packet;
}

/** A client that is connected and accepted. */
export async function connectRaw(port: number, options: Connect = {}): Promise<RawClient> {
  const client = await openRaw(port);
  client.send(connectPacket(options));
  const connack = await client.next();
  if (connack.cmd !== 'connack' || connack.returnCode !== 0) throw new Error(`refused: ${JSON.stringify(connack)}`);
  return client;
}

/** A PUBLISH, of QoS 1 if it has an identifier and nothing else is asked for. */
export function publishPacket(topic: string, payload: string | Buffer, messageId?: number, qos?: 0 | 1 | 2): Packet {
  const level = qos ?? (messageId === undefined ? 0 : 1);
  return {
    cmd: 'publish',
    topic,
    payload,
    qos: level,
    dup: false,
    retain: false,
    ...(messageId !== undefined && { messageId }),
  } as Packet;
}
