/**
 * The last retained message of each topic of a tenant (MQTT 3.1.1, 3.3.1.3), in memory and within limits. What is beyond
 * them is not retained, and what was retained under its topic is forgotten all the same: an old value that is taken for
 * the last one would be worse than none. They do not outlive the process.
 */
import type { Forwarded } from './delivery.ts';
import { createTopicTree } from './topic-tree.ts';

export type RetainedMessages = {
  /** Retains a message in place of an older one; an empty one is the end of it. */
  put(message: Forwarded): 'retained' | 'cleared' | 'too_large' | 'full';
  eachWithin(filter: string, found: (message: Forwarded) => void): void;
  has(topic: string): boolean;
  size(): number;
};

export type RetainedLimits = {
  readonly payloadBytesMax: number;
  readonly messagesMax: number;
  readonly bytesMax: number;
  readonly levelsMax: number;
};

export const retainedLimits: RetainedLimits = {
  payloadBytesMax: 65_536,
  messagesMax: 10_000,
  bytesMax: 16 * 1_024 * 1_024,
  levelsMax: 100,
};

/** Bytes that are retained for all tenants together. */
export type RetainedBudget = { bytes: number; readonly bytesMax: number };

/** Nothing is retained yet. */
export function createRetainedMessages(budget: RetainedBudget, limits = retainedLimits): RetainedMessages {
  const tree = createTopicTree<Forwarded>();
  let bytes = 0;
  const weigh = (change: number) => {
    bytes += change;
    budget.bytes += change;
  };
  const forget = (topic: string) => {
    const old = tree.get(topic);
    if (!old) return;
    weigh(-weightBytes(old));
    tree.delete(topic);
  };
  return {
    put: (message) => {
      forget(message.topic);
      if (message.payload.length === 0) return 'cleared';
      if (message.payload.length > limits.payloadBytesMax) return 'too_large';
      if (countLevels(message.topic) > limits.levelsMax) return 'too_large';
      const weight = weightBytes(message);
      const isFull = tree.size() >= limits.messagesMax || bytes + weight > limits.bytesMax;
      if (isFull || budget.bytes + weight > budget.bytesMax) return 'full';
      weigh(weight);
      tree.set(message.topic, message);
      return 'retained';
    },
    eachWithin: tree.eachWithin,
    has: (topic) => tree.get(topic) !== undefined,
    size: tree.size,
  };
}

/** With its objects: a level of a topic is a node of a tree. */
function weightBytes({ topic, payload }: Forwarded): number {
  return payload.length + topic.length + 100 + 200 * countLevels(topic);
}

function countLevels(topic: string): number {
  let levels = 1;
  for (let at = topic.indexOf('/'); at !== -1; at = topic.indexOf('/', at + 1)) levels++;
  return levels;
}
