import type { Device } from '../../access/device.ts';
import type { Message, Origin } from '../intake/message.ts';
import type { MqttConnection } from './connection.ts';

/** What is known of a connection, from its first byte on. */
export type MqttGuest = {
  readonly connection: MqttConnection;
  /** What the CONNECT asked for; 0 is no keep-alive. */
  keepAliveMs: number;
  isClean: boolean;
  /** Identifiers of QoS 2 messages between PUBLISH and PUBREL. */
  inbound: Set<number>;
  /** Absent until the device is authenticated. */
  session: MqttSession | undefined;
};

/** A device's messages under way on one connection. */
export type MqttSession = Origin & {
  /** Messages that are not committed yet. */
  waiting(): number;
  /** Counts a message as under way, and tells whether it is a QoS 2 message that has been taken before. */
  take(qos: 0 | 1 | 2, messageId: number | undefined): { isRepeated: boolean };
};

const puback = 0x40;
const pubrec = 0x50;

/** A session of a device on its connection. Acknowledgements go out in one write for each commit. */
export function createMqttSession(device: Device, { connection, inbound }: MqttGuest): MqttSession {
  let waiting = 0;
  let acknowledgements: number[] = [];
  return {
    device,
    waiting: () => waiting,
    take: (qos, messageId) => {
      waiting++;
      if (qos !== 2 || messageId === undefined) return { isRepeated: false };
      const isRepeated = inbound.has(messageId);
      inbound.add(messageId);
      return { isRepeated };
    },
    settle: ({ qos, messageId }: Message, { isCommitted }) => {
      waiting--;
      if (!isCommitted || qos === 0 || messageId === undefined) return;
      acknowledgements.push(qos === 1 ? puback : pubrec, 2, messageId >> 8, messageId & 0xff);
    },
    flush: () => {
      if (acknowledgements.length > 0) connection.write(Buffer.from(acknowledgements));
      acknowledgements = [];
      connection.pump();
    },
  };
}

/** The `inbound` identifiers of clients whose sessions outlive their connections, by client identifier. */
export type KeptSessions = {
  /** The identifiers of a client that resumes its session: those kept for it, or else these, kept from now on. */
  resume(clientId: string, inbound: Set<number>): Set<number>;
  /** Whether the session that was resumed last had been kept before: what CONNACK says as "session present". */
  isPresent(clientId: string): boolean;
  forget(clientId: string): void;
};

const keptMax = 10_000;

/** No sessions yet; beyond the limit the client that connected longest ago is forgotten. */
export function createKeptSessions(): KeptSessions {
  const kept = new Map<string, { inbound: Set<number>; isPresent: boolean }>();
  return {
    resume: (clientId, inbound) => {
      const known = kept.get(clientId);
      const session = { inbound: known?.inbound ?? inbound, isPresent: known !== undefined };
      kept.delete(clientId);
      kept.set(clientId, session);
      const [oldest] = kept.size > keptMax ? kept.keys() : [];
      if (oldest !== undefined) kept.delete(oldest);
      return session.inbound;
    },
    isPresent: (clientId) => kept.get(clientId)?.isPresent ?? false,
    forget: (clientId) => {
      kept.delete(clientId);
    },
  };
}
