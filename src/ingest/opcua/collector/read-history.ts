/**
 * Raw history of nodes, batch after batch (OPC 10000-11, 6.5.3). A batch is as many nodes as the server takes, and as many values
 * as memory should hold; what does not fit comes with a continuation point, which is released where it is not followed.
 *
 *   nodes that keep history ─▶ HistoryRead ─▶ values given on ─▶ continued until there is no point any more ─▶ reaches back?
 *                                └─ too much at once: fewer nodes
 *
 * A server may answer Good with nothing for a node without history, or after a restart in which it has lost it: a node is read
 * only if it allows that, and its history counts only if it knows something of before.
 */
import {
  AttributeIds,
  type ClientSession,
  HistoryData,
  HistoryReadRequest,
  type HistoryReadResult,
  type NodeId,
  ReadRawModifiedDetails,
  TimestampsToReturn,
} from 'node-opcua-client';
import { resolveNode } from '../client/resolve-node.ts';
import { statusOf } from '../client/trouble.ts';
import type { ItemSpec, Value } from '../connection.ts';
import { readField, Unreadable } from './field-value.ts';
import { isBeforeFirst, readSample } from './sample.ts';

export type HistoryWork = {
  readonly session: ClientSession;
  readonly namespaces: readonly string[];
  readonly items: readonly Pick<ItemSpec, 'id' | 'node' | 'field'>[];
  readonly fromMs: number;
  readonly toMs: number;
  /** History that knows nothing of this time or before does not reach back as far as is asked for. */
  readonly reachMs: number;
  /** Zero where the server states none. */
  readonly nodesPerReadMax: number;
  /** How many values of one node are expected, so that a batch is of a size. */
  readonly valuesExpected: number;
  /** How often it has failed before: answers may have been too large, so each time less is asked for at once. */
  readonly failures: number;
  readonly signal: AbortSignal;
  /** Takes values, all of whose items have not been ended; the next are read when it resolves. */
  give(values: readonly Value[]): Promise<void>;
  /** An item has been read to its end, or cannot be: then with the name of the StatusCode, or why in words. */
  end(itemId: number, why: string | null): void;
};

type Item = HistoryWork['items'][number];
type Wanted = {
  readonly node: NodeId;
  readonly items: readonly Item[];
  fromMs: number;
  /** Of the last value that it gave. */
  newestMs: number;
  point: Buffer | null;
  restarts: number;
  reachesBack: boolean;
};

const valuesPerNodeMax = 1_000;
const valuesPerBatch = 10_000;
const nodesPerBatchMax = 500;
const restartsMax = 3;
const historyReadBit = 4;
const keepsNone = 'the node keeps no history';
const reachesNot = 'the history does not reach back before the gap';
const linkIsLost = /Session|SecureChannel|Connection|Timeout/;
const isTooMuch = /BadTooManyOperations|TooLarge|BadEncodingLimits|BadTcpMessage/;

/** Rejects where the link is lost, or with the reason of the signal; what has been ended until then stays so. */
export async function readHistory(work: HistoryWork): Promise<void> {
  const todo = await withHistory(listWanted(work), work);
  const unproven: Wanted[] = [];
  const perNode = Math.min(valuesPerNodeMax, Math.max(1, work.valuesExpected));
  const byLoad = Math.max(1, Math.floor(valuesPerBatch / perNode / 4 ** work.failures));
  let batchMax = Math.min(work.nodesPerReadMax || nodesPerBatchMax, nodesPerBatchMax, byLoad);
  while (todo.length > 0) {
    const batch = todo.splice(0, batchMax);
    try {
      todo.unshift(...(await readBatch(batch, work, unproven)));
    } catch (error) {
      const status = statusOf(error);
      const isOver = status === null || linkIsLost.test(status) || work.signal.aborted;
      const releasing = release(isOver ? [...batch, ...todo] : batch, work);
      // Where the server does not answer there is nothing to wait for.
      if (isOver) throw error;
      await releasing;
      if (isTooMuch.test(status) && batch.length > 1) {
        batchMax = Math.ceil(batch.length / 4);
        for (const one of batch) one.fromMs = one.newestMs;
        todo.unshift(...batch);
      } else for (const one of batch) endAll(one, status, work);
    }
  }
  while (unproven.length > 0) await proveReach(unproven.splice(0, batchMax), work);
}

function listWanted({ items, namespaces, fromMs, end }: HistoryWork): Wanted[] {
  const wanted: Wanted[] = [];
  for (const [key, some] of Map.groupBy(items, ({ node }) => node)) {
    const node = resolveNode(key, namespaces);
    if (node)
      wanted.push({ node, items: some, fromMs, newestMs: fromMs, point: null, restarts: 0, reachesBack: false });
    else for (const { id } of some) end(id, 'BadNodeIdUnknown');
  }
  return wanted;
}

/** The nodes that allow to read their history, or do not say (OPC 10000-3, 5.6.2). */
async function withHistory(wanted: readonly Wanted[], work: HistoryWork): Promise<Wanted[]> {
  const keeping: Wanted[] = [];
  const batchMax = Math.min(work.nodesPerReadMax || nodesPerBatchMax, nodesPerBatchMax);
  for (let from = 0; from < wanted.length; from += batchMax) {
    work.signal.throwIfAborted();
    const some = wanted.slice(from, from + batchMax);
    const levels = await work.session.read(
      some.map(({ node }) => ({ nodeId: node, attributeId: AttributeIds.UserAccessLevel })),
    );
    for (const [index, one] of some.entries()) {
      const level: unknown = levels[index]?.value?.value;
      if (typeof level === 'number' && (level & historyReadBit) === 0) endAll(one, keepsNone, work);
      else keeping.push(one);
    }
  }
  return keeping;
}

/** Whether there is anything before: of a value that seldom changes, that is far back. */
async function proveReach(batch: readonly Wanted[], work: HistoryWork): Promise<void> {
  work.signal.throwIfAborted();
  const request = requestOf(batch, work);
  request.historyReadDetails = new ReadRawModifiedDetails({
    isReadModified: false,
    // From the later to the earlier: backwards (OPC 10000-11, 6.5.3.2).
    startTime: new Date(work.reachMs),
    endTime: new Date(0),
    numValuesPerNode: 1,
    returnBounds: false,
  });
  const { results } = await work.session.historyRead(request);
  for (const [index, one] of batch.entries()) {
    const result = results?.[index];
    if (result?.continuationPoint && result.continuationPoint.length > 0) one.point = result.continuationPoint;
    const isFound = result !== undefined && samplesOf(result).some(({ timeMs }) => timeMs <= work.reachMs);
    endAll(one, isFound ? null : reachesNot, work);
  }
  await release(batch, work);
}

/** Reads nodes as far as one answer goes; returns those that have more. */
async function readBatch(batch: readonly Wanted[], work: HistoryWork, unproven: Wanted[]): Promise<Wanted[]> {
  work.signal.throwIfAborted();
  // A request has one beginning: nodes that begin elsewhere are asked for next time.
  const [first] = batch;
  const asked = batch.filter((one) => (one.point === null) === (first?.point === null) && one.fromMs === first?.fromMs);
  const left = batch.filter((one) => !asked.includes(one));
  const { results } = await work.session.historyRead(requestOf(asked, work));
  const values: Value[] = [];
  const ended: Wanted[] = [];
  for (const [index, one] of asked.entries()) {
    const result = results?.[index];
    const found = result ? samplesOf(result) : [];
    for (const sample of found) {
      values.push(...valuesOf(sample, one.items));
      one.reachesBack ||= sample.timeMs <= work.reachMs;
    }
    const newestMs = found.at(-1)?.timeMs;
    if (newestMs !== undefined) one.newestMs = Math.max(one.newestMs, newestMs);
    if (!result) endAll(one, 'BadUnexpectedError', work);
    else if (result.statusCode.value >= 0x8000_0000) {
      if (!mayRestart(one, result.statusCode.name)) endAll(one, result.statusCode.name, work);
      else left.push(one);
    } else if (result.continuationPoint && result.continuationPoint.length > 0) {
      one.point = result.continuationPoint;
      // A server that continues without giving anything would be asked for ever.
      if (found.length > 0 || one.restarts++ < restartsMax) left.push(one);
      else ended.push(one);
    } else {
      one.point = null;
      ended.push(one);
    }
  }
  if (values.length > 0) await work.give(values);
  const unfollowed = ended.filter(({ point }) => point !== null);
  if (unfollowed.length > 0) await release(unfollowed, work);
  for (const one of ended) {
    if (one.reachesBack) endAll(one, null, work);
    else unproven.push(one);
  }
  return left;
}

/** A server that has given up its continuation points is asked again, from the last value that it gave. */
function mayRestart(one: Wanted, status: string): boolean {
  if (!/BadNoContinuationPoints|BadContinuationPointInvalid/.test(status)) return false;
  one.point = null;
  one.fromMs = one.newestMs;
  return one.restarts++ < restartsMax;
}

function requestOf(asked: readonly Wanted[], { toMs }: HistoryWork): HistoryReadRequest {
  return new HistoryReadRequest({
    historyReadDetails: new ReadRawModifiedDetails({
      isReadModified: false,
      startTime: new Date(asked[0]?.fromMs ?? toMs),
      // The end itself is not read (OPC 10000-11, 6.5.3.2).
      endTime: new Date(toMs + 1),
      numValuesPerNode: valuesPerNodeMax,
      returnBounds: false,
    }),
    timestampsToReturn: TimestampsToReturn.Both,
    releaseContinuationPoints: false,
    nodesToRead: asked.map(({ node, point }) => ({ nodeId: node, ...(point && { continuationPoint: point }) })),
  });
}

function samplesOf({ historyData }: HistoryReadResult) {
  if (!(historyData instanceof HistoryData)) return [];
  const nowMs = Date.now();
  return (historyData.dataValues ?? [])
    .map((dataValue) => readSample(0, dataValue, nowMs))
    .filter((sample) => !isBeforeFirst(sample));
}

function valuesOf({ timeMs, status, variant }: ReturnType<typeof readSample>, items: readonly Item[]): Value[] {
  return items.map(({ id, field }) => {
    const value = readField(variant, field);
    return { itemId: id, timeMs, status, value: value instanceof Unreadable ? null : value };
  });
}

function endAll({ items }: Wanted, why: string | null, { end }: HistoryWork): void {
  for (const { id } of items) end(id, why);
}

/** A server has few continuation points, and keeps each until it is followed or released. */
async function release(batch: readonly Wanted[], work: HistoryWork): Promise<void> {
  const held = batch.filter(({ point }) => point !== null);
  if (held.length === 0) return;
  const request = requestOf(held, work);
  request.releaseContinuationPoints = true;
  for (const one of held) one.point = null;
  await work.session.historyRead(request).catch(() => {}); // Whatever was wrong is told by whoever calls.
}
