/**
 * The edge nodes that are spoken of, in memory as far as there is room, and in the database all of them: a node that has
 * been put away is read again when it is heard.
 */
import type { Db } from '../../platform/database.ts';
import { birthOf, countMetrics, type EdgeNode } from './births.ts';
import { listBirths, type NodeKey, nodeName } from './sparkplug-store.ts';

export type EdgeNodes = {
  /** The node of that name; one of which nothing is known when nobody has heard of it. */
  get(key: NodeKey): Promise<EdgeNode>;
  /** What the database knows, which another process may have written: a birth that is newer than ours replaces ours. */
  refresh(node: EdgeNode): Promise<void>;
  /** Whether another birth with so many metrics may be kept in memory. */
  hasRoom(metrics: number): boolean;
  /** The node has been born here: what is known of it is no hearsay, also after it was put away. */
  born(node: EdgeNode): void;
  /** Tells how many metrics were added. */
  grew(by: number): void;
};

const nodesMax = 20_000;
/** About 200 bytes each. */
const metricsMax = 500_000;
const heardMax = 100_000;
/** What is that young may not be committed yet. */
const keptMsMin = 10_000;
/** A node of which nothing is known is asked for again: another process may know it by now. */
const unknownMsMax = 30_000;

/** No nodes yet. */
export function createEdgeNodes(db: Db): EdgeNodes {
  // In the order of their last use.
  const nodes = new Map<string, { node: EdgeNode; usedAt: number }>();
  const heard = new Set<string>();
  let metricCount = 0;

  const load = async (key: NodeKey): Promise<EdgeNode> => {
    const births = (await listBirths(db, key)).map((row) => [row.device, birthOf(row)] as const);
    return { key, births: new Map(births), loadedAt: performance.now(), isHeard: heard.has(nodeName(key)) };
  };
  const putAway = () => {
    for (const [name, { node, usedAt }] of nodes) {
      if (nodes.size <= nodesMax && metricCount <= metricsMax) return;
      if (performance.now() - usedAt < keptMsMin) return;
      nodes.delete(name);
      metricCount -= countMetrics(node);
    }
  };

  return {
    get: async (key) => {
      const name = nodeName(key);
      const known = nodes.get(name)?.node;
      const isForgotten = known?.births.size === 0 && performance.now() - known.loadedAt > unknownMsMax;
      const node = known === undefined || isForgotten ? await load(key) : known;
      if (node !== known) metricCount += countMetrics(node);
      nodes.delete(name);
      nodes.set(name, { node, usedAt: performance.now() });
      putAway();
      return node;
    },
    refresh: async (node) => {
      const stored = await load(node.key);
      const newest = ({ births }: EdgeNode) => births.get('')?.bornMs ?? 0;
      if (newest(stored) <= newest(node)) return;
      metricCount += countMetrics(stored) - countMetrics(node);
      node.births.clear();
      for (const [device, birth] of stored.births) node.births.set(device, birth);
    },
    hasRoom: (metrics) => metricCount + metrics <= metricsMax * 2,
    born: (node) => {
      if (heard.size >= heardMax) heard.clear();
      heard.add(nodeName(node.key));
      node.isHeard = true;
    },
    grew: (by) => {
      metricCount += by;
    },
  };
}
