/** A device that sends numbered readings, knows which were acknowledged, and sends the others again when it is back. */
import type { Packet } from 'mqtt-packet';
import { connectRaw, publishPacket, type RawClient } from './mqtt-client.ts';
import { credentials } from './program.ts';

export type Publisher = {
  readonly asset: string;
  /** Connects, sends again what is unacknowledged, and goes on with new readings until told to finish. */
  connect(port: number): Promise<void>;
  /** Sends nothing new. */
  finish(): void;
  readonly acknowledged: ReadonlySet<number>;
  unacknowledged(): number;
  isConnected(): boolean;
  end(): void;
};

type Options = { readonly asset: string; readonly window: number; readonly firstMs: number };

/** Reading n has the value n and the time `firstMs` + n milliseconds. */
export function createPublisher({ asset, window, firstMs }: Options): Publisher {
  const acknowledged = new Set<number>();
  const inFlight = new Map<number, number>();
  let client: RawClient | undefined;
  let isFinishing = false;
  let sent = 0;
  let messageId = 0;

  const packetOf = (n: number, isAgain: boolean) => {
    messageId = (messageId % 65_535) + 1;
    inFlight.set(messageId, n);
    const payload = JSON.stringify({ value: n, time: firstMs + n });
    return { ...publishPacket(`telemetry/main/${asset}/count`, payload, messageId), dup: isAgain } as Packet;
  };
  const fill = () => {
    const packets: Packet[] = [];
    while (!isFinishing && inFlight.size < window) packets.push(packetOf(sent++, false));
    if (packets.length > 0) client?.send(...packets);
  };
  const follow = async (connection: RawClient) => {
    while (!connection.isClosed()) {
      const packet = await connection.next(120_000).catch(() => undefined); // Closed: somebody was killed.
      if (packet?.cmd !== 'puback') continue;
      const n = inFlight.get(packet.messageId ?? 0);
      if (n === undefined) throw new Error(`an acknowledgement of nothing: ${packet.messageId}`);
      inFlight.delete(packet.messageId ?? 0);
      acknowledged.add(n);
      fill();
    }
  };

  return {
    asset,
    acknowledged,
    connect: async (port) => {
      const connection = await connectRaw(port, { clientId: asset, ...credentials });
      client = connection;
      const again = [...inFlight.values()];
      inFlight.clear();
      if (again.length > 0) connection.send(...again.map((n) => packetOf(n, true)));
      void follow(connection);
      fill();
    },
    finish: () => {
      isFinishing = true;
    },
    unacknowledged: () => inFlight.size,
    isConnected: () => client !== undefined && !client.isClosed(),
    end: () => client?.end(),
  };
}
