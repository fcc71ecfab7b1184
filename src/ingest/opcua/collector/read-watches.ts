/** Reads nodes in batches: of servers that monitor nothing, and where a monitored item has nothing to say. */
import { AttributeIds, type NodeId, ReadRequest, type ReadResponse, TimestampsToReturn } from 'node-opcua-client';
import { type Caller, call } from '../client/call.ts';
import { resolveNode } from '../client/resolve-node.ts';
import { statusOf } from '../client/trouble.ts';
import { readSample, type Sample } from './sample.ts';
import type { Watch } from './watches.ts';

export type Reading = {
  readonly caller: Caller;
  readonly namespaces: readonly string[];
  /** Zero where the server states none. */
  readonly nodesPerReadMax: number;
};

/** An answer is no longer than what the library tells servers to send. */
const nodesPerReadMax = 1_000;

/**
 * What the nodes of these watches have now, and when the server said so by its clock. Nodes that cannot be named at this
 * server are left out. Rejects where the server does not answer.
 */
export async function readWatches(
  reading: Reading,
  watches: readonly Watch[],
  give: (samples: readonly Sample[], publishedMs: number) => Promise<void>,
): Promise<void> {
  const known: [Watch, NodeId][] = [];
  for (const watch of watches) {
    const node = resolveNode(watch.node, reading.namespaces);
    if (node) known.push([watch, node]);
  }
  let batchMax = Math.min(reading.nodesPerReadMax || nodesPerReadMax, nodesPerReadMax);
  for (let start = 0; start < known.length; ) {
    const batch = known.slice(start, start + batchMax);
    try {
      await readBatchOf(reading.caller, batch, give);
      start += batch.length;
    } catch (error) {
      if (batch.length === 1 || !/BadTooManyOperations|TooLarge|BadEncodingLimits/.test(statusOf(error) ?? ''))
        throw error;
      batchMax = Math.ceil(batch.length / 4);
    }
  }
}

async function readBatchOf(
  caller: Caller,
  batch: readonly (readonly [Watch, NodeId])[],
  give: (samples: readonly Sample[], publishedMs: number) => Promise<void>,
): Promise<void> {
  const response = await call<ReadResponse>(
    caller,
    new ReadRequest({
      maxAge: 0,
      timestampsToReturn: TimestampsToReturn.Both,
      nodesToRead: batch.map(([, nodeId]) => ({ nodeId, attributeId: AttributeIds.Value })),
    }),
  );
  const nowMs = Date.now();
  const samples: Sample[] = [];
  for (const [index, dataValue] of (response.results ?? []).entries()) {
    const watch = batch[index]?.[0];
    if (watch) samples.push(readSample(watch.handle, dataValue, nowMs));
  }
  const saidMs = response.responseHeader.timestamp?.getTime() ?? 0;
  await give(samples, saidMs > 0 ? saidMs : nowMs);
}
