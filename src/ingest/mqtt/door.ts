/** The MQTT door: it accepts connections, keeps count of them and of how long each has been silent. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { type BrokerOptions, createMqttBroker } from './broker.ts';
import { createMqttConnection } from './connection.ts';
import type { MqttGuest } from './session.ts';

export type MqttDoor = {
  /** Listens; resolves with the port, which is another than asked for when that was 0. */
  listen(port: number, host: string): Promise<{ port: number }>;
  /** Lets nobody in any more and reads nothing more; what is under way can still be acknowledged. */
  stopReading(): void;
  /** Ends all connections. */
  close(): Promise<void>;
};

/** A device is not read while it has so many messages under way. */
const waitingMax = 1_000;
const connectionsMax = 20_000;
const sweepMs = 500;

/** Makes the door; it is shut until `listen`. */
export async function createMqttDoor(options: Omit<BrokerOptions, 'guestOf'>): Promise<MqttDoor> {
  const { intake, counters } = options;
  const guests = new Set<MqttGuest>();
  const guestOf = new WeakMap<object, MqttGuest>();
  const broker = await createMqttBroker({ ...options, guestOf: (stream) => guestOf.get(stream) });

  const accept = (socket: Socket) => {
    const guest = createGuest(socket, options);
    guests.add(guest);
    guestOf.set(guest.connection.stream, guest);
    counters.connections.set(guests.size);
    socket.on('close', () => {
      guests.delete(guest);
      counters.connections.set(guests.size);
    });
    broker.handle(guest.connection.stream);
  };

  const server = createServer({ allowHalfOpen: true, highWaterMark: 65_536 }, accept);
  server.maxConnections = connectionsMax;
  intake.onRoom(() => {
    for (const { connection } of guests) connection.pump();
  });
  const sweep = setInterval(() => closeSilent(guests), sweepMs).unref();

  return {
    listen: async (port, host) => {
      server.listen(port, host);
      await once(server, 'listening');
      return { port: (server.address() as AddressInfo).port };
    },
    stopReading: () => {
      server.close();
      for (const { connection } of guests) connection.stopReading();
    },
    close: async () => {
      clearInterval(sweep);
      for (const { connection } of guests) connection.end();
      await broker.close();
    },
  };
}

type GuestOptions = Pick<BrokerOptions, 'intake' | 'counters' | 'log'>;

function createGuest(socket: Socket, { intake, counters, log }: GuestOptions): MqttGuest {
  const guest: MqttGuest = {
    connection: createMqttConnection(socket, {
      isGateOpen: () => (guest.session?.waiting() ?? 0) < waitingMax && !intake.isFull(),
      onRelease: (messageId) => {
        guest.inbound.delete(messageId);
        guest.connection.write(Buffer.from([0x70, 2, messageId >> 8, messageId & 0xff])); // PUBCOMP
      },
      onRefused: (reason) => {
        counters.refused.inc({ reason });
        log.info({ reason, address: guest.connection.remoteAddress }, 'a connection was ended');
      },
    }),
    keepAliveMs: 0,
    isClean: true,
    inbound: new Set(),
    session: undefined,
  };
  return guest;
}

/** [MQTT-3.1.2-24]: a client that says nothing for one and a half times its keep-alive is gone. */
function closeSilent(guests: ReadonlySet<MqttGuest>): void {
  const now = performance.now();
  for (const { connection, keepAliveMs } of guests) {
    if (keepAliveMs > 0 && now - connection.heardAt() > keepAliveMs * 1.5) connection.destroy();
  }
}
