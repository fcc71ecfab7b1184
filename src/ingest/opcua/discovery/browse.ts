/**
 * A look at a server's address space, from a start down its hierarchical references, breadth first:
 *
 *   start ─▶ [ nodes to look below ] ─▶ references ─▶ objects and variables that were not seen ─┐
 *                    ▲────────────────────────────────────────────────────────────────────────┘
 *
 * Each node is found once, by the shortest path to it, so that cycles end. Bounded in depth, nodes, references of one node and time;
 * what was not looked at is said.
 */
import { NodeClass, NodeId, type ReferenceDescription } from 'node-opcua-client';
import type { Caller } from '../client/call.ts';
import { resolveNode } from '../client/resolve-node.ts';
import { statusOf } from '../client/trouble.ts';
import type { NodeKey } from '../connection.ts';
import { nodeKeyOf } from '../node-key.ts';
import { hierarchical, openServices, type Referred, type Services } from './browse-services.ts';
import { readVariables } from './browse-variables.ts';
import { cleanText, type FoundNode, type FoundVariable, type Stop, type StopReason } from './found-node.ts';

export type BrowseOptions = {
  /** The Objects folder, i=85, where nothing else is known. */
  readonly start: NodeKey;
  readonly depthMax: number;
  readonly nodesMax: number;
  readonly referencesMax: number;
  readonly msMax: number;
  /** Whether the Server object is looked below, too: some hundred nodes of the server about itself. */
  readonly withServer: boolean;
  /** Which of the nodes that were seen are told of; all, where nothing is said. */
  readonly choice?: Choice;
};

export type Choice = {
  /** A part of the display name or of a name of the path, in any case. */
  readonly text?: string | undefined;
  readonly nodeClass?: FoundNode['nodeClass'] | undefined;
  readonly offset: number;
  readonly limit: number;
};

export type Browsed = {
  /** The names of the start, from the Objects folder down. */
  readonly startPath: readonly string[];
  readonly nodes: readonly FoundNode[];
  /** How many nodes there were to choose from. */
  readonly total: number;
  /** Null: all that lies below the start is among the nodes. */
  readonly stop: Stop | null;
};

/** The server has no such node, or shows it to nobody like us. */
export class StartUnknown extends Error {}

type Place = {
  readonly nodeId: NodeId;
  readonly key: NodeKey;
  readonly path: readonly string[];
  readonly depth: number;
};
type Seen = Place & {
  readonly parent: NodeKey;
  readonly nodeClass: FoundNode['nodeClass'];
  readonly displayName: string;
  rangeId: NodeId | null;
  unitsId: NodeId | null;
};

const objectsFolder: NodeKey = 'i=85';
const serverObject: NodeKey = 'i=2253';
const hasProperty = 46;
const nameLengthMax = 256;
const keyLengthMax = 1_000;
const stoppedAtMax = 100;
const ancestorsMax = 64;
/** Of the time that there is, what the attributes of what was found may take. */
const readingShare = 0.4;

/** Looks below a node. Throws StartUnknown, and rejects as the link does where not even the start could be looked at. */
export async function browse(caller: Caller, namespaces: readonly string[], options: BrowseOptions): Promise<Browsed> {
  const startId = resolveNode(options.start, namespaces);
  if (!startId) throw new StartUnknown(`the server has no namespace of ${options.start}`);
  const endMs = performance.now() + options.msMax;
  const services = await openServices(caller, endMs);
  const startPath = await readStartPath(services, startId, namespaces);
  const start: Place = { nodeId: startId, key: options.start, path: startPath, depth: 0 };
  const { seen, stop } = await walk(services, start, { namespaces, options });
  const fitting = options.choice ? seen.filter((place) => fits(place, options.choice as Choice)) : seen;
  const { offset, limit } = options.choice ?? { offset: 0, limit: seen.length };
  const chosen = fitting.slice(offset, offset + limit);
  const { found, late } = await describe(services, chosen.filter(isVariable), caller);
  const nodes = chosen.flatMap(({ key, parent, path, nodeClass, displayName }): FoundNode[] => {
    const variable = found.get(key) ?? null;
    // A variable of which nothing is known yet is none that anybody could read.
    if (nodeClass === 'variable' && !variable) return [];
    return [{ node: key, parent, path, nodeClass, displayName, variable }];
  });
  return { startPath, nodes, total: fitting.length, stop: stop ?? late };
}

const describedAtOnce = 200;

/** What the variables are, as far as there is time for it. */
async function describe(
  services: Services,
  variables: readonly Seen[],
  caller: Caller,
): Promise<{ found: ReadonlyMap<NodeKey, FoundVariable>; late: Stop | null }> {
  const found = new Map<NodeKey, FoundVariable>();
  for (let from = 0; from < variables.length; from += describedAtOnce) {
    const some = variables.slice(from, from + describedAtOnce);
    const parents = () => variables.slice(from).map(({ parent }) => parent);
    if (services.msLeft() <= 0) return { found, late: stopOf('time', parents()) };
    try {
      const read = await readVariables(services, some, caller);
      for (const [at, variable] of read.entries()) found.set((some[at] as Seen).key, variable);
    } catch (error) {
      return { found, late: stopAfter(error, parents()) };
    }
  }
  return { found, late: null };
}

function fits({ nodeClass, displayName, path }: Seen, choice: Choice): boolean {
  if (choice.nodeClass !== undefined && nodeClass !== choice.nodeClass) return false;
  const sought = choice.text?.toLowerCase();
  return sought === undefined || [displayName, ...path].some((name) => name.toLowerCase().includes(sought));
}

type Walking = { readonly namespaces: readonly string[]; readonly options: BrowseOptions };

async function walk(
  services: Services,
  start: Place,
  { namespaces, options }: Walking,
): Promise<{ seen: Seen[]; stop: Stop | null }> {
  const { depthMax, nodesMax, referencesMax, withServer } = options;
  const known = new Map<NodeKey, Seen | null>([[start.key, null]]);
  if (!withServer) known.set(serverObject, null);
  const seen: Seen[] = [];
  const queue: Place[] = [start];
  const stops = new Map<StopReason, NodeKey[]>();
  const note = (reason: StopReason, keys: readonly NodeKey[]) =>
    stops.set(reason, [...(stops.get(reason) ?? []), ...keys]);
  const reservedMs = options.msMax * readingShare;

  const take = (from: Place, { references, status, isCut }: Referred) => {
    if (status !== null && from === start && references.length === 0)
      throw new StartUnknown(`the server answers ${status} of ${start.key}`);
    if (status !== null && status !== 'BadNodeIdUnknown') note('refused', [from.key]);
    if (isCut) note('references', [from.key]);
    for (const reference of references) {
      const place = placeOf(reference, from, namespaces);
      if (!place || noteProperty(known.get(from.key), reference, place.nodeId)) continue;
      if (known.has(place.key) || from.depth >= depthMax) continue;
      if (seen.length >= nodesMax) {
        note('nodes', [from.key]);
        return;
      }
      known.set(place.key, place);
      seen.push(place);
      queue.push(place);
    }
  };

  let next = 0;
  while (next < queue.length && !stops.has('nodes')) {
    const at = next;
    const some = queue.slice(at, at + services.nodesPerBrowse);
    next += some.length;
    if (services.msLeft() <= reservedMs) {
      note(
        'time',
        queue.slice(at).map(({ key }) => key),
      );
      break;
    }
    // At the last level only the properties of variables are of interest.
    const inner = some.filter((place) => place.depth < depthMax || isVariable(place));
    const deeper = some.filter((place) => place.depth >= depthMax && !isVariable(place));
    if (deeper.length > 0)
      note(
        'depth',
        deeper.map(({ key }) => key),
      );
    try {
      const referred = await services.browse(inner, referencesMax);
      for (const [index, place] of inner.entries()) take(place, referred[index] as Referred);
    } catch (error) {
      if (at === 0) throw error;
      const { reason, nodes } = stopAfter(
        error,
        queue.slice(at).map(({ key }) => key),
      );
      note(reason, nodes);
      break;
    }
  }
  const [first] = [...stops];
  return { seen, stop: first ? stopOf(first[0], first[1]) : null };
}

function isVariable(place: Place): boolean {
  return (place as Partial<Seen>).nodeClass === 'variable';
}

/** Range and unit of a variable are noted at it, and the other properties of OPC-UA's own namespace tell of no plant. */
function noteProperty(of: Seen | null | undefined, reference: ReferenceDescription, nodeId: NodeId): boolean {
  const { referenceTypeId, browseName } = reference;
  if (referenceTypeId?.namespace !== 0 || referenceTypeId.value !== hasProperty) return false;
  const isRange = browseName?.name === 'EURange';
  const isUnits = browseName?.name === 'EngineeringUnits';
  if (of && isRange) of.rangeId = nodeId;
  if (of && isUnits) of.unitsId = nodeId;
  return isRange || isUnits || browseName?.namespaceIndex === 0;
}

/** Undefined for what lies at another server, or has no key that could be kept. */
function placeOf(reference: ReferenceDescription, from: Place, namespaces: readonly string[]): Seen | undefined {
  const { identifierType, value, namespace, namespaceUri, serverIndex } = reference.nodeId;
  const index = namespaceUri ? namespaces.indexOf(namespaceUri) : namespace;
  if (serverIndex || index < 0) return undefined;
  const nodeId = new NodeId(identifierType, value, index);
  const key = nodeKeyOf(nodeId.toString(), namespaces);
  if (key === undefined || key.length > keyLengthMax || key.includes('\0') || !key.isWellFormed()) return undefined;
  const nodeClass = classOf(reference.nodeClass);
  if (!nodeClass) return undefined;
  const displayName = cleanText(reference.displayName?.text, nameLengthMax);
  const name = cleanText(reference.browseName?.name, nameLengthMax) || displayName || key;
  return {
    nodeId,
    key,
    path: [...from.path, name],
    depth: from.depth + 1,
    parent: from.key,
    nodeClass,
    displayName: displayName || name,
    rangeId: null,
    unitsId: null,
  };
}

function classOf(nodeClass: NodeClass): FoundNode['nodeClass'] | undefined {
  if (nodeClass === NodeClass.Object) return 'object';
  if (nodeClass === NodeClass.Variable) return 'variable';
  return nodeClass === NodeClass.View ? 'view' : undefined;
}

/** The names of a node from the Objects folder down, by its references upwards; what cannot be followed is left out. */
async function readStartPath(services: Services, startId: NodeId, namespaces: readonly string[]): Promise<string[]> {
  const path: string[] = [];
  let nodeId = startId;
  const passed = new Set<string>();
  for (let step = 0; step < ancestorsMax; step++) {
    const key = nodeKeyOf(nodeId.toString(), namespaces);
    if (key === undefined || key === objectsFolder || passed.has(key)) break;
    passed.add(key);
    const [upwards] = await services.browse([{ nodeId, isInverse: true, referenceTypeId: hierarchical }], 100);
    const [name] = await services.read([{ nodeId, attributeId: 3 }]);
    const browseName = name?.value?.value as { name?: unknown } | null | undefined;
    path.unshift(cleanText(browseName?.name, nameLengthMax) || key);
    const parent = upwards?.references.find(({ isForward }) => !isForward)?.nodeId;
    if (!parent || parent.serverIndex) break;
    nodeId = new NodeId(parent.identifierType, parent.value, parent.namespace);
  }
  return path;
}

function stopOf(reason: StopReason, nodes: readonly NodeKey[]): Stop {
  const distinct = [...new Set(nodes)];
  return { reason, detail: details[reason], nodes: distinct.slice(0, stoppedAtMax) };
}

function stopAfter(error: unknown, nodes: readonly NodeKey[]): Stop {
  const status = statusOf(error);
  const isLate = status === null || status === 'BadTimeout' || status === 'BadRequestTimeout';
  const stop = stopOf(isLate ? 'time' : 'link', nodes);
  return status === null ? stop : { ...stop, detail: `${stop.detail} It answered ${status}.` };
}

const details: Record<StopReason, string> = {
  time: 'The server did not answer with all of it in time. Look again from one of these nodes, or for fewer levels.',
  nodes: 'There are more nodes than one look may find. Look again from one of these nodes.',
  depth: 'What lies below these nodes was not asked for. Look again from one of them, or for more levels.',
  references: 'These nodes refer to more others than one look may follow.',
  refused: 'The server would not say all that lies below these nodes.',
  link: 'The server broke off.',
};
