/** Monitored items: how long the server's queues are asked to be, and what its answers mean for what is watched. */
import {
  AttributeIds,
  CreateMonitoredItemsRequest,
  type CreateMonitoredItemsResponse,
  DataChangeFilter,
  DataChangeTrigger,
  DeadbandType,
  DeleteMonitoredItemsRequest,
  type MonitoredItemCreateResult,
  MonitoringMode,
  type NodeId,
  TimestampsToReturn,
} from 'node-opcua-client';
import { type Caller, call } from '../client/call.ts';
import { resolveNode } from '../client/resolve-node.ts';
import { statusOf } from '../client/trouble.ts';
import type { ConnectionSpec } from '../connection.ts';
import { lifetimeMsOf, type Subscription } from './subscription.ts';
import type { Watch } from './watches.ts';

/** An outage is noticed, and the link is back, within so long after what is to be bridged. */
const queueMarginMs = 10_000;
/** For items that are sampled as fast as the server can. */
const fastestSamplingMs = 100;
const queueMax = 100_000;
const itemsPerCallMax = 1_000;
/** The longest wait before an item is asked for again. */
const retryMsMax = 30_000;

const filterRefusals = [
  'BadMonitoredItemFilterUnsupported',
  'BadMonitoredItemFilterInvalid',
  'BadFilterNotAllowed',
  'BadDeadbandFilterInvalid',
];
const pollable = ['BadNotSupported', 'BadServiceUnsupported', 'BadNotImplemented', 'BadMonitoringModeInvalid'];
const nodeUnknown = ['BadNodeIdUnknown', 'BadNodeIdInvalid'];

export type Monitoring = {
  readonly caller: Caller;
  readonly spec: ConnectionSpec;
  readonly namespaces: readonly string[];
  readonly itemsPerCallMax: number;
};

/** What came of asking for monitored items. */
export type Refused = {
  /** The subscription takes no more. */
  readonly full: readonly Watch[];
  /** The server does not monitor these. */
  readonly toPoll: readonly Watch[];
  /** Asked again at once, without their dead-band. */
  readonly again: readonly Watch[];
};

/**
 * Asks for monitored items in one subscription and notes on each watch what came of it. Throws where the server does
 * not answer, or knows the subscription no more.
 */
export async function createMonitoredItems(
  monitoring: Monitoring,
  subscription: Subscription,
  watches: readonly Watch[],
): Promise<Refused> {
  const refused = { full: [] as Watch[], toPoll: [] as Watch[], again: [] as Watch[] };
  const known: [Watch, NodeId][] = [];
  for (const watch of watches) {
    const node = resolveNode(watch.node, monitoring.namespaces);
    if (node) known.push([watch, node]);
    else noteFailure(watch, 'BadNodeIdUnknown', 'The server has no such namespace now.');
  }
  let batchMax = Math.min(monitoring.itemsPerCallMax || itemsPerCallMax, itemsPerCallMax);
  for (let start = 0; start < known.length; ) {
    const batch = known.slice(start, start + batchMax);
    try {
      const results = await createBatch(monitoring, subscription, batch);
      batch.forEach(([watch], index) => {
        noteResult(watch, results[index], subscription, monitoring.spec, refused);
      });
      start += batch.length;
    } catch (error) {
      const status = statusOf(error) ?? '';
      if (pollable.includes(status)) {
        for (const [watch] of batch) {
          watch.status = status;
          refused.toPoll.push(watch);
        }
        start += batch.length;
        continue;
      }
      // Servers that state no limit have one all the same.
      if (batch.length === 1 || !/BadTooManyOperations|TooLarge|BadEncodingLimits/.test(status)) throw error;
      batchMax = Math.ceil(batch.length / 4);
    }
  }
  return refused;
}

/** Those that the server has no more are deleted. Rejects where it does not answer. */
export async function deleteMonitoredItems(
  { caller, itemsPerCallMax: stated }: Monitoring,
  subscription: Subscription,
  monitoredItemIds: readonly number[],
): Promise<void> {
  const batchMax = Math.min(stated || itemsPerCallMax, itemsPerCallMax);
  for (let start = 0; start < monitoredItemIds.length; start += batchMax) {
    const batch = monitoredItemIds.slice(start, start + batchMax);
    await call(
      caller,
      new DeleteMonitoredItemsRequest({ subscriptionId: subscription.id, monitoredItemIds: batch }),
    ).catch((error) => {
      if (statusOf(error) === null) throw error;
    });
    subscription.size -= batch.length;
    subscription.isFull = false;
  }
}

/** The item is not read now, and is asked for again, at first soon. */
export function noteFailure(watch: Watch, status: string | null, detail: string): void {
  const isGone = status !== null && nodeUnknown.includes(status) && watch.shape >= 0;
  watch.state = isGone ? 'gone' : 'failing';
  watch.status = status;
  watch.detail = isGone ? 'The node was there and is gone. It is read again as soon as it is back.' : detail;
  watch.subscription = null;
  watch.monitoredItemId = 0;
  if (watch.lastTimeMs !== null) watch.missing ??= { fromMs: watch.lastTimeMs, reason: 'refused' };
  watch.retryAtMs = Date.now() + Math.min(retryMsMax, 1_000 * 2 ** Math.min(watch.attempts, 5));
  watch.attempts += 1;
}

/** How long an outage the server's queue of this item bridges, in ms; null where there is none. */
export function bridgeMsOf({ subscription, queueSize, revisedSamplingMs, samplingMs }: Watch): number | null {
  if (!subscription) return null;
  const samplingEveryMs = revisedSamplingMs || samplingMs || fastestSamplingMs;
  return Math.round(Math.min(queueSize * samplingEveryMs, lifetimeMsOf(subscription)));
}

async function createBatch(
  { caller, spec }: Monitoring,
  subscription: Subscription,
  batch: readonly (readonly [Watch, NodeId])[],
): Promise<readonly MonitoredItemCreateResult[]> {
  const response = await call<CreateMonitoredItemsResponse>(
    caller,
    new CreateMonitoredItemsRequest({
      subscriptionId: subscription.id,
      timestampsToReturn: TimestampsToReturn.Both,
      itemsToCreate: batch.map(([watch, nodeId]) => ({
        itemToMonitor: { nodeId, attributeId: AttributeIds.Value },
        monitoringMode: MonitoringMode.Reporting,
        requestedParameters: {
          clientHandle: watch.handle,
          samplingInterval: watch.samplingMs,
          queueSize: queueSizeOf(watch, spec),
          discardOldest: true,
          filter: filterOf(watch),
        },
      })),
    }),
  );
  return response.results ?? [];
}

function queueSizeOf({ samplingMs }: Watch, { bridgeMs, publishingIntervalMs }: ConnectionSpec): number {
  const spanMs = bridgeMs + queueMarginMs + 2 * publishingIntervalMs;
  return Math.min(queueMax, Math.ceil(spanMs / (samplingMs > 0 ? samplingMs : fastestSamplingMs)) + 1);
}

function filterOf({ deadbandKind, deadband, isDeadbandRefused }: Watch): DataChangeFilter | null {
  if (deadbandKind === 'none' || isDeadbandRefused) return null;
  return new DataChangeFilter({
    trigger: DataChangeTrigger.StatusValue,
    deadbandType: deadbandKind === 'absolute' ? DeadbandType.Absolute : DeadbandType.Percent,
    deadbandValue: deadband,
  });
}

function noteResult(
  watch: Watch,
  result: MonitoredItemCreateResult | undefined,
  subscription: Subscription,
  spec: ConnectionSpec,
  refused: { full: Watch[]; toPoll: Watch[]; again: Watch[] },
): void {
  const status = result?.statusCode.name ?? 'BadUnexpectedError';
  if (result && result.statusCode.value < 0x8000_0000) {
    noteMonitored(watch, result, subscription, spec);
  } else if (filterRefusals.includes(status) && watch.deadbandKind !== 'none' && !watch.isDeadbandRefused) {
    watch.isDeadbandRefused = true;
    watch.status = status;
    refused.again.push(watch);
  } else if (status === 'BadTooManyMonitoredItems') {
    subscription.isFull = true;
    watch.status = status;
    refused.full.push(watch);
  } else if (pollable.includes(status)) {
    watch.status = status;
    refused.toPoll.push(watch);
  } else {
    noteFailure(watch, status, `The server will not watch this node (${status}). It is asked again.`);
  }
}

function noteMonitored(
  watch: Watch,
  result: MonitoredItemCreateResult,
  subscription: Subscription,
  spec: ConnectionSpec,
): void {
  watch.state = 'monitored';
  watch.subscription = subscription;
  watch.monitoredItemId = result.monitoredItemId;
  watch.revisedSamplingMs = result.revisedSamplingInterval;
  watch.queueSize = Math.max(1, result.revisedQueueSize);
  watch.attempts = 0;
  watch.lastSeenMs = Date.now();
  subscription.size += 1;
  const bridgeMs = bridgeMsOf(watch) ?? 0;
  const notes = [];
  if (watch.isDeadbandRefused) notes.push(`The server refuses the dead-band (${watch.status}): every change comes.`);
  if (bridgeMs < spec.bridgeMs) {
    notes.push(`The server's queue bridges ${bridgeMs} ms of the ${spec.bridgeMs} ms that are asked for.`);
  }
  watch.detail = notes.length === 0 ? null : notes.join(' ');
  if (!watch.isDeadbandRefused) watch.status = null;
}
