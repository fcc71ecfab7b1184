import { isTopicName } from '../../assets/discovery.ts';
import { sparkplugRoot as root } from '../decode/topic.ts';
import type { Rejection } from '../quarantine/quarantine.ts';

/** An edge node, within its tenant. */
export type EdgeNodeId = { readonly group: string; readonly edge: string };

const nodeTypes = ['NBIRTH', 'NDEATH', 'NDATA'] as const;
const deviceTypes = ['DBIRTH', 'DDEATH', 'DDATA'] as const;

/** What a message of an edge node is, whose it is, and of which of its devices. */
export type EdgeTopic =
  | ({ readonly type: (typeof nodeTypes)[number]; readonly device: undefined } & EdgeNodeId)
  | ({ readonly type: (typeof deviceTypes)[number]; readonly device: string } & EdgeNodeId);

/** Commands and states are for edge nodes; the host has nothing to read in them, except its own state. */
export type SparkplugTopic =
  | EdgeTopic
  | { readonly type: 'command' }
  | { readonly type: 'state'; readonly hostId: string };

export const sparkplugPrefix = `${root}/`;

const forms = `topics of Sparkplug B are ${root}/{group}/{type}/{edge node}[/{device}], where NBIRTH, NDEATH, NDATA and NCMD have no device, and DBIRTH, DDEATH, DDATA and DCMD have one`;

/** Reads a topic that begins with `spBv1.0/` (Sparkplug B 3.0, 4.1). */
export function parseSparkplugTopic(topic: string): SparkplugTopic | Rejection {
  const [, group = '', type = '', edge, device, ...more] = topic.split('/');
  if (group === 'STATE' && type !== '' && edge === undefined) return { type: 'state', hostId: type };
  const ids = device === undefined ? [group, edge] : [group, edge, device];
  // [tck-id-topic-structure-namespace-valid-group-id] and its like: no wildcards in any of them.
  if (more.length > 0 || edge === undefined || !ids.every(isId)) return unknown();
  const nodeType = nodeTypes.find((known) => known === type);
  if (nodeType && device === undefined) return { type: nodeType, group, edge, device };
  const deviceType = deviceTypes.find((known) => known === type);
  if (deviceType && device !== undefined) return { type: deviceType, group, edge, device };
  if (type === (device === undefined ? 'NCMD' : 'DCMD')) return { type: 'command' };
  return unknown();
}

/** The topic under which an edge node listens for commands. */
export function commandTopic({ group, edge }: EdgeNodeId): string {
  return `${root}/${group}/NCMD/${edge}`;
}

/** The topic of a host's state (tck-id-host-topic-phid-birth-topic). */
export function stateTopic(hostId: string): string {
  return `${root}/STATE/${hostId}`;
}

function isId(id: string | undefined): boolean {
  return id !== undefined && isTopicName(id) && !/[+#]/.test(id);
}

function unknown(): Rejection {
  return { reason: 'unknown_topic', detail: forms };
}
