/** A TCP connection on which bytes are sent and received as they are. */
import { once } from 'node:events';
import { connect } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import mqttPacket, { type Packet } from 'mqtt-packet';

export type RawBytes = {
  send(bytes: Buffer): void;
  sendPacket(packet: Packet): void;
  /** Everything that has come since it was opened, or since `forget`. */
  received(): Buffer;
  forget(): void;
  /** Resolves once so many bytes have come; throws when they do not, or when the connection is closed before. */
  until(bytes: number): Promise<void>;
  closed(): Promise<void>;
  end(): void;
};

const waitMsMax = 60_000;

/** Connects to a port of this machine. */
export async function openBytes(port: number): Promise<RawBytes> {
  const socket = connect(port, '127.0.0.1').setNoDelay(true);
  await once(socket, 'connect');
  let received = Buffer.alloc(0);
  let isClosed = false;
  let wake = () => {};
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    wake();
  });
  socket.on('error', () => undefined); // A reset is a close, which tests look for.
  socket.on('close', () => {
    isClosed = true;
    wake();
  });
  const until = async (what: string, isSo: () => boolean) => {
    const deadline = Date.now() + waitMsMax;
    while (!isSo()) {
      if (Date.now() > deadline)
        throw new Error(`not within ${waitMsMax} ms: ${what}; ${received.toString('hex')} came`);
      await Promise.race([new Promise<void>((resolve) => (wake = resolve)), sleep(20)]);
    }
  };
  return {
    send: (bytes) => socket.write(bytes),
    sendPacket: (packet) => socket.write(mqttPacket.generate(packet)),
    received: () => received,
    forget: () => {
      received = Buffer.alloc(0);
    },
    until: async (bytes) => {
      await until(`${bytes} bytes`, () => received.length >= bytes || isClosed);
      if (received.length < bytes) throw new Error(`the connection was closed after ${received.toString('hex')}`);
    },
    closed: () => until('the connection closed', () => isClosed),
    end: () => socket.destroy(),
  };
}
