/** A bare subscription of node-opcua-client that does nothing with its values but count them; told over IPC what to say. */
import { AttributeIds, ClientSubscription, OPCUACertificateManager, OPCUAClient, TimestampsToReturn } from 'node-opcua';

/** Values so far, and the processor time of the process, in milliseconds. */
export type BareState = { readonly received: number; readonly cpuMs: number };
export type BareOptions = {
  readonly endpointUrl: string;
  readonly namespace: string;
  readonly items: number;
  readonly publishingIntervalMs: number;
  readonly queueSize: number;
  /** For the certificate that the library wants to have. */
  readonly folder: string;
};

const itemsPerCall = 1_000;
const { endpointUrl, namespace, items, publishingIntervalMs, queueSize, folder } = JSON.parse(
  process.argv[2] ?? '{}',
) as BareOptions;
let received = 0;

const client = OPCUAClient.create({
  endpointMustExist: false,
  clientCertificateManager: new OPCUACertificateManager({ rootFolder: folder }),
});
await client.connect(endpointUrl);
const session = await client.createSession();
const index = (await session.readNamespaceArray()).indexOf(namespace);
const subscription = ClientSubscription.create(session, {
  requestedPublishingInterval: publishingIntervalMs,
  requestedLifetimeCount: 1_000,
  requestedMaxKeepAliveCount: 20,
  maxNotificationsPerPublish: 5_000,
  publishingEnabled: true,
});
for (let start = 0; start < items; start += itemsPerCall) {
  const count = Math.min(itemsPerCall, items - start);
  const group = await subscription.monitorItems(
    Array.from({ length: count }, (_, at) => ({
      nodeId: `ns=${index};s=n${start + at}`,
      attributeId: AttributeIds.Value,
    })),
    { samplingInterval: 100, queueSize, discardOldest: true },
    TimestampsToReturn.Both,
  );
  group.on('changed', () => {
    received += 1;
  });
}

process.on('message', () => {
  const { user, system } = process.cpuUsage();
  const state: BareState = { received, cpuMs: (user + system) / 1_000 };
  process.send?.(state);
});
process.on('disconnect', () => process.exit());
process.send?.('ready');
