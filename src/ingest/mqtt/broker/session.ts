import type { Device } from '../../../access/device.ts';
import type { PresenceReason } from '../../../access/presence.ts';
import type { Message, Origin } from '../../intake/message.ts';
import type { MqttConnection } from '../door/connection.ts';
import { createAcknowledgements } from '../packets/answers.ts';

/** What is known of a connection, from its first byte on. */
export type MqttGuest = {
  readonly connection: MqttConnection;
  /** What the CONNECT asked for; 0 is no keep-alive. */
  keepAliveMs: number;
  /** Identifiers of QoS 2 messages between PUBLISH and PUBREL. */
  inbound: Set<number>;
  /** What the device calls itself; empty when it leaves that to the broker. */
  clientId: string;
  /** Absent until the door knows who it is. */
  device: Device | undefined;
  /** Absent until the broker has taken it in. */
  session: MqttSession | undefined;
  /** Why its connection ends, as soon as that is known: whoever knows first says so. */
  endReason: PresenceReason | undefined;
};

/** A device's messages under way on one connection. */
export type MqttSession = Origin & {
  /** Messages that are not committed yet, and their payloads. */
  waiting(): number;
  waitingBytes(): number;
  /** Counts a message as under way, and tells whether it is a QoS 2 message that has been taken before. */
  take(message: Pick<Message, 'qos' | 'messageId' | 'payload'>): { isRepeated: boolean };
};

export type MqttSessionOptions = {
  readonly device: Device;
  readonly guest: MqttGuest;
  /** Told of each message that is stored, or will be without anybody sending it again, in their order. */
  readonly onStored: (message: Message) => void;
};

/** A session of a device on its connection. Acknowledgements go out in one write for each commit. */
export function createMqttSession({ device, guest, onStored }: MqttSessionOptions): MqttSession {
  const { connection, inbound } = guest;
  let waiting = 0;
  let waitingBytes = 0;
  const acknowledgements = createAcknowledgements();
  return {
    device,
    waiting: () => waiting,
    waitingBytes: () => waitingBytes,
    take: ({ qos, messageId, payload }) => {
      waiting++;
      waitingBytes += payload.length;
      if (qos !== 2 || messageId === undefined) return { isRepeated: false };
      const isRepeated = inbound.has(messageId);
      inbound.add(messageId);
      return { isRepeated };
    },
    settle: (message, { isCommitted, isSpooled }) => {
      const { qos, messageId } = message;
      waiting--;
      waitingBytes -= message.payload.length;
      if (isCommitted || isSpooled) onStored(message);
      if (!isCommitted || qos === 0 || messageId === undefined) return;
      acknowledgements.add(qos, messageId);
    },
    flush: () => {
      const bytes = acknowledgements.take();
      if (bytes) connection.write(bytes);
      connection.pump();
    },
  };
}
