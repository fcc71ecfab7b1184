/** The process of an OPC-UA server of the tests: settings as its argument, commands and answers over IPC. */
import { join } from 'node:path';
import {
  MessageSecurityMode,
  nodesets,
  OPCUACertificateManager,
  OPCUAServer,
  SecurityPolicy,
  ServerState,
} from 'node-opcua';
import { numbersNamespace } from './opcua-names.ts';
import type { ChildSettings } from './opcua-server.ts';
import { addNodes } from './opcua-server-nodes.ts';
import { addNumbers } from './opcua-server-numbers.ts';
import { installQuirks } from './opcua-server-quirks.ts';

const modes = {
  none: MessageSecurityMode.None,
  sign: MessageSecurityMode.Sign,
  sign_and_encrypt: MessageSecurityMode.SignAndEncrypt,
} as const;
const policies = {
  none: SecurityPolicy.None,
  basic256sha256: SecurityPolicy.Basic256Sha256,
  aes128_sha256_rsaoaep: SecurityPolicy.Aes128_Sha256_RsaOaep,
  aes256_sha256_rsapss: SecurityPolicy.Aes256_Sha256_RsaPss,
} as const;

const settings = JSON.parse(process.argv[2] ?? '') as ChildSettings;
const server = await createServer(settings);
await server.initialize();
const { addressSpace } = server.engine;
if (!addressSpace) throw new Error('no address space');
for (let before = 0; before < (settings.namespacesBefore ?? 0); before++) {
  addressSpace.registerNamespace(`urn:faultline:test:before-${before}`);
}
const namespace = addressSpace.registerNamespace(numbersNamespace);
const folder = namespace.addFolder(addressSpace.rootFolder.objects, {
  browseName: 'Numbers',
  nodeId: 's=folder-Numbers',
});
const numbers = addNumbers(namespace, folder, settings);
const nodes = addNodes(addressSpace, namespace);
installQuirks({
  isEverySampleQueued: (node) => numbers.nodes.has(node),
  sampleMs: 1_000 / (settings.hz || 10),
  queueMax: settings.queueMax,
});
await server.start();
numbers.start();

const commands: Record<string, (...args: never[]) => unknown> = {
  pause: numbers.pause,
  resume: numbers.start,
  setValue: nodes.set,
  readValue: nodes.read,
  addNode: nodes.add,
  deleteNode: nodes.remove,
  changeType: nodes.changeType,
  dropSubscriptions: () => {
    for (const session of listSessions())
      for (const { id } of session.publishEngine.subscriptions) session.deleteSubscription(id);
  },
  dropSessions: () => {
    for (const session of listSessions()) server.engine.closeSession(session.authenticationToken, true, 'Terminated');
  },
  setServerState: (state: keyof typeof ServerState) => server.engine.setServerState(ServerState[state]),
  counts: () => {
    const subscriptions = listSessions().flatMap((session) => session.publishEngine.subscriptions);
    return {
      sessions: server.engine.currentSessionCount,
      subscriptions: server.engine.currentSubscriptionCount,
      monitoredItems: subscriptions.reduce((sum, { monitoredItemCount }) => sum + monitoredItemCount, 0),
    };
  },
};

process.on('message', ({ id, command, args }: { id: number; command: string; args: never[] }) => {
  try {
    process.send?.({ id, result: commands[command]?.(...args) });
  } catch (error) {
    process.send?.({ id, error: (error as Error).message });
  }
});
// Whoever started it is gone, and with it the reason to be here.
process.on('disconnect', () => process.exit());
process.send?.({ port: Number(new URL(server.getEndpointUrl().replace('opc.tcp', 'http')).port) });

type Session = {
  readonly authenticationToken: never;
  readonly publishEngine: { readonly subscriptions: readonly { id: number; monitoredItemCount: number }[] };
  deleteSubscription(id: number): unknown;
};

function listSessions(): Session[] {
  return Object.values((server.engine as unknown as { _sessions: Record<string, Session> })._sessions);
}

async function createServer(settings: ChildSettings): Promise<OPCUAServer> {
  const manager = (name: string, isEverybodyTrusted: boolean) =>
    new OPCUACertificateManager({
      rootFolder: join(settings.folder, name),
      automaticallyAcceptUnknownCertificate: isEverybodyTrusted,
    });
  const userCertificateManager = manager('users', false);
  await userCertificateManager.initialize();
  for (const pem of settings.userCertificates ?? []) {
    await userCertificateManager.trustCertificate(derOf(pem));
  }
  const serverCertificateManager = manager('pki', settings.trustsClients ?? true);
  await serverCertificateManager.initialize();
  const users = settings.users ?? {};
  const made = new OPCUAServer({
    port: settings.port,
    host: '127.0.0.1',
    hostname: '127.0.0.1',
    nodesets: [nodesets.standard, join(import.meta.dirname, '../fixtures/opcua-structures.xml')],
    certificateFile: join(settings.folder, 'certificate.pem'),
    privateKeyFile: join(settings.folder, 'key.pem'),
    serverCertificateManager,
    userCertificateManager,
    serverInfo: { applicationUri: 'urn:faultline:test:test-server', productUri: 'urn:faultline:test' },
    allowAnonymous: settings.anonymous ?? true,
    securityModes: (settings.securityModes ?? ['none', 'sign', 'sign_and_encrypt']).map((mode) => modes[mode]),
    securityPolicies: (settings.securityPolicies ?? (Object.keys(policies) as (keyof typeof policies)[])).map(
      (policy) => policies[policy],
    ),
    userManager: { isValidUser: (name: string, password: string) => users[name] === password },
    maxConnectionsPerEndpoint: 200,
    isAuditing: false,
    serverCapabilities: capabilitiesOf(settings),
  });
  if (settings.subscriptions === 'unsupported') Object.assign(made, { _on_CreateSubscriptionRequest: undefined });
  return made;
}

function capabilitiesOf(settings: ChildSettings) {
  const limit = (value: number | undefined, usual: number) => value ?? usual;
  return {
    maxSessions: limit(settings.sessionsMax, 100),
    maxSubscriptions: limit(settings.subscriptionsMax, 100),
    maxSubscriptionsPerSession: limit(settings.subscriptionsMax, 100),
    maxMonitoredItemsPerSubscription: limit(settings.monitoredItemsPerSubscriptionMax, 100_000),
    maxMonitoredItemsQueueSize: limit(settings.queueMax, 5_000),
    operationLimits: {
      maxMonitoredItemsPerCall: limit(settings.monitoredItemsPerCallMax, 10_000),
      maxNodesPerRead: limit(settings.nodesPerReadMax, 10_000),
      maxNodesPerBrowse: limit(settings.nodesPerBrowseMax, 10_000),
      maxNodesPerHistoryReadData: limit(settings.nodesPerHistoryReadMax, 1_000),
    },
  };
}

function derOf(pem: string): Buffer {
  return Buffer.from(pem.replace(/-----[^-]+-----|\s/g, ''), 'base64');
}
