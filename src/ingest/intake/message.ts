import type { Device } from '../../access/device.ts';
import { inflatedBytes } from '../decode/inflate.ts';

/** What became of a message: committed; on the disk, to be committed later; or dropped, when it is neither. */
export type Outcome = { readonly isCommitted: boolean; readonly isSpooled?: boolean };

/** Where a message came from, and how it is told that its messages are committed. */
export type Origin = {
  readonly device: Device;
  /** Called once for each message, in the order in which they came; one that is spooled is told before others. */
  settle(message: Message, outcome: Outcome): void;
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
  /** The size of a packet that is too large, of which `payload` is only the beginning; absent: it is whole. */
  readonly tooLargeBytes?: number;
  /** Nobody will send it again, so that it may wait on the disk; absent: that of QoS 0 may. */
  readonly isSpoolable?: boolean;
  /** To be kept as the last one of its topic for those who subscribe later (MQTT 3.1.1, 3.3.1.3). */
  readonly retain?: boolean;
};

/** A message and its place in the order of all that came. */
export type Sequenced = { readonly sequence: number; readonly message: Message };

/** Whether a message may wait on the disk, since nobody would send it again. */
export function isSpoolable({ qos, isSpoolable: isSaid }: Message): boolean {
  return isSaid ?? qos === 0;
}

/** What a message weighs in the intake, with its objects; one that is gzip, as much as it will hold. */
export function weightBytes(message: Pick<Message, 'topic' | 'payload'>): number {
  return inflatedBytes(message.payload) + message.topic.length + 200;
}
