/** An edge node of Sparkplug B that does what a test says, right or wrong, over a raw MQTT connection. */
import { connectRaw, publishPacket, type RawClient } from './mqtt-client.ts';
import { encodeWire, type WirePayload } from './sparkplug-wire.ts';

/** A type, a device where it is of one, and what it says. */
export type NodeMessage = [type: string, device: string | undefined, payload: WirePayload | Buffer];

export type TestNode = {
  readonly client: RawClient;
  /** Sends a message, of the node or of a device, and waits until it is acknowledged. */
  send(...message: NodeMessage): Promise<void>;
  /** Sends it, and waits for nothing. */
  post(...message: NodeMessage): void;
  /** Sends messages in one write. */
  postAll(...messages: NodeMessage[]): void;
  /** The topic of the next message that the server sends, and its payload. */
  heard(msMax?: number): Promise<{ topic: string; payload: Buffer }>;
};

export type NodeOptions = {
  readonly group?: string;
  readonly edge: string;
  readonly username?: string;
  readonly will?: WirePayload;
};

/** Connects, with its death as the will if there is one, and subscribes to its commands. */
export async function connectNode(
  port: number,
  { group = 'north', edge, username, will }: NodeOptions,
): Promise<TestNode> {
  const topicOf = (type: string, device?: string) =>
    `spBv1.0/${group}/${type}/${edge}${device === undefined ? '' : `/${device}`}`;
  const client = await connectRaw(port, {
    clientId: edge,
    username: username ?? 'plc',
    ...(will && { will: { topic: topicOf('NDEATH'), payload: encodeWire(will), qos: 1, retain: false } }),
  });
  client.send({ cmd: 'subscribe', messageId: 1, subscriptions: [{ topic: topicOf('NCMD'), qos: 0 }] } as never);
  await client.next();
  let messageId = 1;
  const commands: { topic: string; payload: Buffer }[] = [];
  const next = async (isWanted: () => boolean, msMax: number) => {
    while (!isWanted()) {
      const packet = await client.next(msMax);
      if (packet.cmd === 'publish') commands.push({ topic: packet.topic, payload: packet.payload as Buffer });
      else if (packet.cmd === 'puback') acknowledged.add(packet.messageId ?? 0);
    }
  };
  const acknowledged = new Set<number>();
  const postAll: TestNode['postAll'] = (...messages) => {
    const packets = messages.map(([type, device, payload]) => {
      const bytes = Buffer.isBuffer(payload) ? payload : encodeWire(payload);
      return publishPacket(topicOf(type, device), bytes, ++messageId);
    });
    client.send(...packets);
  };
  return {
    client,
    post: (...message) => postAll(message),
    postAll,
    send: async (...message) => {
      postAll(message);
      const own = messageId;
      await next(() => acknowledged.has(own), 60_000);
    },
    heard: async (msMax = 60_000) => {
      await next(() => commands.length > 0, msMax);
      return commands.shift() as { topic: string; payload: Buffer };
    },
  };
}
