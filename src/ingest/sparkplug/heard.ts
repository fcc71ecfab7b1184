import type { Readout } from '../decode/protocol.ts';
import type { Message } from '../intake/message.ts';
import type { Rejection } from '../quarantine/quarantine.ts';
import type { EdgeNode } from './births.ts';
import type { EdgeNodes } from './nodes.ts';
import type { SparkplugPayload } from './payload.ts';
import type { Places } from './places.ts';
import type { Rebirths } from './rebirths.ts';
import type { Sent } from './samples.ts';
import type { BirthChange } from './sparkplug-store.ts';
import type { EdgeTopic } from './topic.ts';

/** What a message says: samples by site and asset, what of it could not be read, and what is to be kept of births. */
export type Heard = {
  readonly parts: readonly HeardPart[];
  readonly rejections: readonly Rejection[];
  readonly births: readonly BirthChange[];
};

export type HeardPart = Omit<Readout, 'message'>;

/** A message of an edge node, on its way to be understood. */
export type EdgeMessage = {
  readonly message: Message;
  readonly topic: EdgeTopic;
  readonly payload: SparkplugPayload;
  readonly node: EdgeNode;
};

/** What is known, and what is asked, while messages are read. */
export type Known = {
  readonly nodes: EdgeNodes;
  readonly places: Places;
  readonly rebirths: Rebirths;
  /** Messages come again long after they came: what an alias means now it need not have meant then. */
  readonly isReplay: boolean;
};

export const nothingHeard: Heard = { parts: [], rejections: [], births: [] };

/** A message of which nothing is stored, with the reasons. */
export function rejected(...rejections: Rejection[]): Heard {
  return { ...nothingHeard, rejections };
}

/** When a message came, and when it says that it was sent. */
export function sentIn({ message, payload }: Pick<EdgeMessage, 'message' | 'payload'>, timeZone: string): Sent {
  return { arrived: { receivedMs: message.receivedMs, timeZone }, timeMs: payload.timeMs };
}
