/** What a server says of itself: its namespaces, its limits, its clock, and whether it is running. */
import {
  AttributeIds,
  coerceNodeId,
  type DataValue,
  ReadRequest,
  type ReadResponse,
  TimestampsToReturn,
} from 'node-opcua-client';
import { type Caller, call } from '../client/call.ts';
import { keepSession } from '../client/session.ts';
import { statusOf, TroubleError } from '../client/trouble.ts';
import type { Trouble } from '../connection.ts';
import type { ServerFacts } from './port.ts';

/** Identifiers in the namespace of OPC-UA itself (OPC 10000-6, annex A). */
const nodes = {
  namespaces: 2255,
  startTime: 2257,
  currentTime: 2258,
  state: 2259,
  productName: 2261,
  manufacturer: 2263,
  softwareVersion: 2264,
  nodesPerReadMax: 11705,
  monitoredItemsPerCallMax: 11714,
  nodesPerHistoryReadMax: 12165,
} as const;
type Fact = keyof typeof nodes;

const clockMsMax = 60_000;
/** ServerState (OPC 10000-5, 12.6). */
const stateNames = [
  'Running',
  'Failed',
  'NoConfiguration',
  'Suspended',
  'Shutdown',
  'Test',
  'CommunicationFault',
  'Unknown',
];

/** Rejects where the server does not answer. What it leaves out is null, or zero for a limit. */
export async function readServerFacts(caller: Caller): Promise<ServerFacts> {
  const sentMs = Date.now();
  const values = await readFacts(caller, Object.keys(nodes) as Fact[]);
  const nowMs = (sentMs + Date.now()) / 2;
  const text = (fact: Fact) => (typeof values[fact] === 'string' ? values[fact] : null);
  const number = (fact: Fact) => (typeof values[fact] === 'number' ? values[fact] : 0);
  const time = (fact: Fact) => (values[fact] instanceof Date ? values[fact].getTime() : null);
  const serverMs = time('currentTime');
  return {
    productName: text('productName'),
    manufacturer: text('manufacturer'),
    softwareVersion: text('softwareVersion'),
    startedAtMs: time('startTime'),
    clockAheadMs: serverMs === null ? null : Math.round(serverMs - nowMs),
    namespaces: Array.isArray(values.namespaces) ? values.namespaces.map(String) : [],
    nodesPerReadMax: number('nodesPerReadMax'),
    monitoredItemsPerCallMax: number('monitoredItemsPerCallMax'),
    nodesPerHistoryReadMax: number('nodesPerHistoryReadMax'),
    sessionTimeoutMs: keepSession(caller.session).timeoutMs,
  };
}

/** The keep-alive: asks whether the server is running. Throws a TroubleError where it says that it is not. */
export async function askServerState(caller: Caller, timeoutMs: number): Promise<void> {
  const { state } = await readFacts(caller, ['state'], timeoutMs);
  if (typeof state === 'number' && state !== 0 && state !== 5) throw new TroubleError(notRunning(state));
}

/** What a server's clock gives reason to say. */
export function findClockTrouble({ clockAheadMs }: ServerFacts): Trouble | null {
  if (clockAheadMs === null || Math.abs(clockAheadMs) <= clockMsMax) return null;
  const seconds = Math.round(Math.abs(clockAheadMs) / 1_000);
  return {
    code: 'clock_differs',
    detail: `The server's clock is ${seconds} s ${clockAheadMs > 0 ? 'ahead of' : 'behind'} ours, and so are the times of its values. Set both by the same source.`,
  };
}

function notRunning(state: number): Trouble {
  return {
    code: 'server_not_running',
    detail: `The server says that it is not running: its state is ${stateNames[state] ?? state}. Its values may be old until it runs again.`,
  };
}

/** In one request, or in several where the server's limit, which is one of the facts, is lower. */
async function readFacts(
  caller: Caller,
  facts: readonly Fact[],
  timeoutMs?: number,
): Promise<Partial<Record<Fact, unknown>>> {
  const nodesToRead = facts.map((fact) => ({
    nodeId: coerceNodeId(`i=${nodes[fact]}`),
    attributeId: AttributeIds.Value,
  }));
  const request = new ReadRequest({ maxAge: 0, timestampsToReturn: TimestampsToReturn.Neither, nodesToRead });
  try {
    const { results } = await call<ReadResponse>(caller, request, timeoutMs);
    return Object.fromEntries(facts.map((fact, index) => [fact, readResult(results?.[index])]));
  } catch (error) {
    if (facts.length === 1 || statusOf(error) !== 'BadTooManyOperations') throw error;
    const half = Math.ceil(facts.length / 2);
    const first = await readFacts(caller, facts.slice(0, half), timeoutMs);
    return { ...first, ...(await readFacts(caller, facts.slice(half), timeoutMs)) };
  }
}

function readResult(result: DataValue | undefined): unknown {
  return result && result.statusCode.value < 0x8000_0000 ? result.value?.value : undefined;
}
