import type { Device } from '../../access/device.ts';

/** Where a message came from, and how it is told that its messages are committed. */
export type Origin = {
  readonly device: Device;
  /** Called once for each message, in the order in which they came: it was committed, or dropped. */
  settle(message: Message, outcome: { isCommitted: boolean }): void;
  /** Called once for each commit, after the last `settle`. */
  flush(): void;
};

/** One message of a device, as a door hands it to the intake. */
export type Message = {
  readonly origin: Origin;
  readonly topic: string;
  readonly payload: Buffer;
  readonly receivedMs: number;
  /** What the door needs to acknowledge it; QoS 0 has nothing to acknowledge. */
  readonly qos: 0 | 1 | 2;
  readonly messageId: number | undefined;
  /** Sent again and in the intake already: acknowledged when its turn comes, and not read. */
  readonly isRepeated: boolean;
};

/** What a message weighs in the intake, with its objects. */
export function weightBytes(message: Message): number {
  return message.payload.length + message.topic.length + 200;
}
