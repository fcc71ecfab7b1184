/**
 * The server of the benchmark, a process of its own that is asked over IPC. Its samples do not go through nodes: one DataValue a
 * tick is put into the queue of every monitored item, so that the server takes as little of the processor as one can.
 *
 *   full    a tick whenever the queues are nearly empty: as fast as the client takes them, and no queue ever overflows
 *   even    a tick each 1 / perSecond
 */
import {
  DataType,
  DataValue,
  MessageSecurityMode,
  MonitoredItem,
  MonitoredItemNotification,
  OPCUACertificateManager,
  OPCUAServer,
  SecurityPolicy,
  StatusCodes,
  Variant,
} from 'node-opcua';

export type LoadCommand =
  | { readonly run: 'full' }
  | { readonly run: 'even'; readonly perSecond: number }
  | { readonly run: 'stop' };
/** Monitored items now, and values that were put into their queues since the start. */
export type LoadState = { readonly port: number; readonly monitoredItems: number; readonly produced: number };

type Monitored = {
  readonly clientHandle: number;
  readonly queue: readonly unknown[];
  _enqueue_notification(notification: MonitoredItemNotification): void;
};
type Session = { readonly publishEngine: { readonly subscriptions: readonly Subscription[] } };
type Subscription = { readonly monitoredItems: ReadonlyMap<number, Monitored> };

/** In all queues together: some publishing intervals' worth of whatever client. */
const queuedValues = 40_000;
const lookEveryMs = 10;

const [items, folder, namespaceUri] = JSON.parse(process.argv[2] ?? '[]') as [number, string, string];
// Nodes are never looked at: what is theirs is put into the queues.
Object.assign(MonitoredItem.prototype, { _set_timer: () => undefined });
const server = await startServer();
const queuedMax = Math.ceil(queuedValues / items);
let produced = 0;
let lastMs = 0;
let timer: NodeJS.Timeout | undefined;

process.on('message', (command: LoadCommand | null) => {
  if (command) obey(command);
  answer();
});
process.on('disconnect', () => process.exit());
answer();

function answer(): void {
  const port = Number(new URL(server.getEndpointUrl().replace('opc.tcp', 'http')).port);
  const state: LoadState = { port, monitoredItems: listMonitored().length, produced };
  process.send?.(state);
}

function obey(command: LoadCommand): void {
  clearInterval(timer);
  const startMs = performance.now();
  let ticks = 0;
  switch (command.run) {
    case 'stop':
      return;
    case 'full':
      timer = setInterval(() => {
        const monitored = listMonitored();
        const queued = monitored.reduce((most, { queue }) => Math.max(most, queue.length), 0);
        for (let count = queued; count < queuedMax; count += 1) tick(monitored);
      }, lookEveryMs);
      return;
    case 'even':
      timer = setInterval(() => {
        const monitored = listMonitored();
        const due = Math.floor(((performance.now() - startMs) * command.perSecond) / 1_000);
        for (; ticks < due; ticks += 1) tick(monitored);
      }, lookEveryMs);
  }
}

/** No point has two values of one instant. */
function tick(monitored: readonly Monitored[]): void {
  lastMs = Math.max(lastMs + 1, Date.now());
  const at = new Date(lastMs);
  const sample = new DataValue({
    value: new Variant({ dataType: DataType.Double, value: Math.round(Math.random() * 1e4) / 100 }),
    statusCode: StatusCodes.Good,
    sourceTimestamp: at,
    serverTimestamp: at,
  });
  for (const item of monitored) {
    const notification = new MonitoredItemNotification(null as never);
    notification.clientHandle = item.clientHandle;
    notification.value = sample;
    item._enqueue_notification(notification);
  }
  produced += monitored.length;
}

function listMonitored(): Monitored[] {
  const sessions = (server.engine as unknown as { _sessions: Record<string, Session> })._sessions;
  return Object.values(sessions).flatMap(({ publishEngine }) =>
    publishEngine.subscriptions.flatMap(({ monitoredItems }) => [...monitoredItems.values()]),
  );
}

async function startServer(): Promise<OPCUAServer> {
  const manager = (name: string) => new OPCUACertificateManager({ rootFolder: `${folder}/${name}` });
  const made = new OPCUAServer({
    port: 0,
    host: '127.0.0.1',
    hostname: '127.0.0.1',
    serverCertificateManager: manager('pki'),
    userCertificateManager: manager('users'),
    securityModes: [MessageSecurityMode.None],
    securityPolicies: [SecurityPolicy.None],
    isAuditing: false,
  });
  await made.initialize();
  const { addressSpace } = made.engine;
  if (!addressSpace) throw new Error('the server has no address space');
  const namespace = addressSpace.registerNamespace(namespaceUri);
  for (let index = 0; index < items; index += 1) {
    namespace
      .addVariable({
        organizedBy: addressSpace.rootFolder.objects,
        nodeId: `s=n${index}`,
        browseName: `n${index}`,
        dataType: DataType.Double,
      })
      .setValueFromSource({ dataType: DataType.Double, value: 0 });
  }
  await made.start();
  return made;
}
