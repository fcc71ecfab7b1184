/** The ingest stage with a device `plc` that may speak for any edge node, and the messages that tests have in common. */
import { Registry } from 'prom-client';
import sparkplugPayload from 'sparkplug-payload';
import { afterEach, beforeEach } from 'vitest';
import { createIngest } from '../../src/ingest/ingest.ts';
import { createLog } from '../../src/platform/log.ts';
import { prepareStorage } from '../../src/telemetry/storage/engine-store.ts';
import { startTestIngest, type TestIngest } from './ingest.ts';
import { connectNode, type NodeOptions, type TestNode } from './sparkplug-node.ts';
import type { WirePayload } from './sparkplug-wire.ts';

/** An encoder and decoder that is not ours. */
export const sparkplug = sparkplugPayload.get('spBv1.0') as NonNullable<ReturnType<typeof sparkplugPayload.get>>;

/** The numbers of some datatypes. */
const uint64 = 8;
export const double = 10;
const int16 = 2;
/** When the births are sent, in milliseconds since the epoch. */
export const bornAt = Date.now() - 60_000;

export type Stage = {
  ingest(): TestIngest;
  /** The edge node `gw-1` of the group `north`, unless told otherwise, connected. */
  connected(options?: Partial<NodeOptions> & { port?: number }): Promise<TestNode>;
  /** What is kept of births: the device, '' for the node itself, its state, and how many metrics it has. */
  births(): Promise<{ device: string; state: string; metrics: number }[]>;
  /** Another stage on the same database, as after a restart of the program. */
  restart(): Promise<AsyncDisposable & { port: number }>;
};

/** Gives each test of the file a stage with an empty database, and ends its edge nodes afterwards. */
export function useSparkplug(): Stage {
  let ingest: TestIngest;
  const nodes: TestNode[] = [];
  beforeEach(async () => {
    ingest = await startTestIngest();
    await ingest.addDevice('plc', ['spBv1.0/#'], ['spBv1.0/#']);
  });
  afterEach(async () => {
    for (const { client } of nodes.splice(0)) client.end();
    await ingest.close();
  });
  return {
    ingest: () => ingest,
    connected: async ({ port, ...options } = {}) => {
      const node = await connectNode(port ?? ingest.port, { edge: 'gw-1', ...options });
      nodes.push(node);
      return node;
    },
    births: async () => {
      const { rows } = await ingest.database.pool.query(
        `select device_id as device, state, jsonb_array_length(metrics) as metrics from sparkplug_birth order by device_id`,
      );
      return rows;
    },
    restart: async () => {
      const log = createLog('silent');
      const { database } = ingest;
      const storage = await prepareStorage(database.pool, log);
      const stage = await createIngest({ database, storage, graceMs: 5_000, log, registry: new Registry() });
      const { port } = await stage.listen(0, '127.0.0.1');
      return { port, [Symbol.asyncDispose]: () => stage.close() };
    },
  };
}

/** An NBIRTH of a session, with what every one has to have. */
export function nodeBirth(bdSeq: number, metrics: WirePayload['metrics'] = []): WirePayload {
  return {
    at: bornAt,
    seq: 0,
    metrics: [
      { name: 'bdSeq', datatype: uint64, long: BigInt(bdSeq), at: bornAt },
      { name: 'Node Control/Rebirth', datatype: 11, boolean: false, at: bornAt },
      ...metrics,
    ],
  };
}

/** The DBIRTH of an air handler, after its NBIRTH. */
export const deviceBirth: WirePayload = {
  at: bornAt,
  seq: 1,
  metrics: [
    { name: 'sat', alias: 1, datatype: double, double: 13.5, at: bornAt, properties: { engUnit: 'degC' } },
    { name: 'fan/speed', alias: 2, datatype: int16, int: -2, at: bornAt },
  ],
};

/** Metrics so many seconds after the births. */
export function data(seq: number, second: number, metrics: WirePayload['metrics']): WirePayload {
  const at = bornAt + second * 1_000;
  return { at, seq, metrics: metrics.map((metric) => ({ at, ...metric })) };
}

/** An NDEATH of a session. */
export function nodeDeath(bdSeq: number): WirePayload {
  return { metrics: [{ name: 'bdSeq', datatype: uint64, long: BigInt(bdSeq) }] };
}
