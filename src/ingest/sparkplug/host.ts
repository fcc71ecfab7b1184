/**
 * A host application of Sparkplug B 3.0: it reads what edge nodes send, in their order (order.ts sees to that).
 *
 *   NBIRTH, DBIRTH ─▶ points are registered, aliases kept, the values are samples
 *   NDATA, DDATA   ─▶ names and datatypes from the births ─▶ samples
 *                       └─ not to be understood: rejected, and the node is asked for its births
 *   NDEATH, DDEATH ─▶ one bad sample for each point of the node, or of the device
 *
 * What a message means is found out once, however often its batch is tried: a birth or a death changes what the next
 * message means. What has to survive the process is returned as rows, which are written with the batch.
 */
import type { Protocol, Readout, Rejected } from '../decode/protocol.ts';
import type { Message } from '../intake/message.ts';
import { hearBirth } from './hear-birth.ts';
import { hearData } from './hear-data.ts';
import { hearDeviceDeath, hearNodeDeath } from './hear-death.ts';
import { type Heard, type Known, nothingHeard, rejected } from './heard.ts';
import type { HostState } from './host-state.ts';
import { createEdgeNodes } from './nodes.ts';
import { decodePayload } from './payload.ts';
import { createPlaces, type PlacesOptions } from './places.ts';
import type { Rebirths } from './rebirths.ts';
import { type BirthChange, birthKey } from './sparkplug-store.ts';
import { type EdgeTopic, parseSparkplugTopic } from './topic.ts';

export type SparkplugHost = {
  /** Reads messages under `spBv1.0/` in their order; rejects when the database cannot be asked, and is to be asked again. */
  readonly read: Protocol;
  /** What messages that have been read have changed in births, to be written when they are committed. */
  birthsOf(messages: readonly Message[]): readonly BirthChange[];
};

export type HostOptions = PlacesOptions & {
  readonly rebirths: Rebirths;
  /** A message under the state of a host has come from a device. */
  readonly onState: HostState['overheard'];
  readonly isReplay?: boolean;
};

/** A host that has heard of nobody. */
export function createSparkplugHost({ rebirths, onState, isReplay = false, ...options }: HostOptions): SparkplugHost {
  const known: Known = { nodes: createEdgeNodes(options.db), places: createPlaces(options), rebirths, isReplay };
  const heard = new WeakMap<Message, Heard>();

  const hear = async (message: Message): Promise<Heard> => {
    const topic = parseSparkplugTopic(message.topic);
    if ('reason' in topic) return rejected(topic);
    if (topic.type === 'command') return nothingHeard;
    if (topic.type !== 'state') return hearEdge(message, { topic, known });
    onState(message.origin.device.tenantId, { hostId: topic.hostId, payload: message.payload });
    return nothingHeard;
  };

  return {
    read: async (messages) => {
      const outcome = { readouts: [] as Readout[], rejected: [] as Rejected[] };
      for (const message of messages) {
        const one = heard.get(message) ?? (await hear(message));
        heard.set(message, one);
        for (const part of one.parts) if (part.samples.length > 0) outcome.readouts.push({ message, ...part });
        for (const rejection of one.rejections) outcome.rejected.push({ message, rejection });
      }
      return outcome;
    },
    birthsOf: (messages) => {
      const changes = new Map<string, BirthChange>();
      for (const message of messages) {
        for (const change of heard.get(message)?.births ?? []) {
          const key = birthKey(change);
          changes.set(key, { ...change, metrics: change.metrics ?? changes.get(key)?.metrics ?? null });
        }
      }
      return [...changes.values()];
    },
  };
}

async function hearEdge(message: Message, { topic, known }: { topic: EdgeTopic; known: Known }): Promise<Heard> {
  const { tenantId } = message.origin.device;
  const payload = decodePayload(message.payload);
  if ('reason' in payload) return rejected(payload);
  const node = await known.nodes.get({ tenantId, group: topic.group, edge: topic.edge });
  const one = { message, topic, payload, node };
  switch (topic.type) {
    case 'NBIRTH':
    case 'DBIRTH':
      return hearBirth(one, known);
    case 'NDATA':
    case 'DDATA':
      return hearData(one, known);
    case 'NDEATH':
      return hearNodeDeath(one, known);
    case 'DDEATH':
      return hearDeviceDeath(one, known);
  }
}
