/**
 * One secure channel to a server: the TCP connection, the server's certificate checked, the endpoint chosen. The
 * library's own reconnection is off: it recreates subscriptions without a word, so nobody could tell what is missing.
 */
import {
  crypto_utils,
  type EndpointDescription,
  MessageSecurityMode,
  OPCUAClient,
  SecurityPolicy,
  setErrorLogger,
  setWarningLogger,
} from 'node-opcua-client';
import type { ConnectionSpec } from '../connection.ts';
import { troubleOfConnecting } from './connecting.ts';
import { chooseEndpoint } from './endpoints.ts';
import { modeOf, policyUriOf } from './security.ts';
import { acceptServerCertificate } from './server-certificate.ts';
import { TroubleError } from './trouble.ts';
import type { Application, Trust } from './trust.ts';

// The library prints to the console whatever it wonders about; what matters of it becomes a trouble.
setWarningLogger(() => {});
setErrorLogger(() => {});

/** How long a host may take to answer at all: TCP and the hello after it, which cost no server any time. */
const helloMsMax = 4_500;
/** How long everything until the channel may take: small controllers need seconds for each RSA operation. */
const channelMsMax = 40_000;
/** Silence of the socket itself; keep-alives are more frequent. */
const transportMsMax = 10_000;
const requestMsMax = 20_000;
const closingMsMax = 2_000;

export type Channel = {
  readonly client: OPCUAClient;
  readonly endpoint: EndpointDescription;
  /** DER of the server's own certificate; null without security. */
  readonly serverCertificate: Buffer | null;
  /** Ends the connection and leaves sessions to the server. Never rejects, and takes no longer than two seconds. */
  close(): Promise<void>;
};

export type ChannelOptions = {
  readonly application: Application;
  readonly trust: Trust;
  readonly sessionMsMax: number;
  /** What the last channel was opened with: spares the question for the endpoints. */
  readonly remembered?: EndpointDescription | undefined;
};

/** Opens a channel as a connection's specification says. Throws a TroubleError. */
export async function openChannel(spec: ConnectionSpec, options: ChannelOptions): Promise<Channel> {
  if (!/^opc\.tcp:\/\/[^/]+/.test(spec.endpointUrl)) {
    const detail = `"${spec.endpointUrl}" is no address of an OPC-UA server over TCP: it begins with opc.tcp:// and a host.`;
    throw new TroubleError({ code: 'unreachable', detail });
  }
  if (spec.securityMode === 'none') return await openWithout(spec, options);
  const endpoint = options.remembered ?? chooseEndpoint(await discover(spec, options), spec);
  const serverCertificate = await acceptServerCertificate(endpoint.serverCertificate, spec, options.trust);
  const client = createClient(spec, options, {
    securityMode: modeOf[spec.securityMode],
    securityPolicy: policyUriOf[spec.securityPolicy] as SecurityPolicy,
    serverCertificate,
  });
  await connect(client, spec, options);
  return { client, endpoint, serverCertificate, close: () => closeClient(client) };
}

/** What the server offers, asked over a channel without security, as the specification has it. Throws a TroubleError. */
async function discover(spec: ConnectionSpec, options: ChannelOptions): Promise<EndpointDescription[]> {
  const client = createClient(spec, options, withoutSecurity);
  await connect(client, spec, options);
  try {
    return await client.getEndpoints({ endpointUrl: spec.endpointUrl });
  } catch (error) {
    throw new TroubleError(await troubleOfConnecting(error, spec, options.application), { cause: error });
  } finally {
    await closeClient(client);
  }
}

async function openWithout(spec: ConnectionSpec, options: ChannelOptions): Promise<Channel> {
  const client = createClient(spec, options, withoutSecurity);
  await connect(client, spec, options);
  try {
    const endpoint = chooseEndpoint(await client.getEndpoints({ endpointUrl: spec.endpointUrl }), spec);
    return { client, endpoint, serverCertificate: null, close: () => closeClient(client) };
  } catch (error) {
    await closeClient(client);
    throw new TroubleError(await troubleOfConnecting(error, spec, options.application), { cause: error });
  }
}

type ChannelSecurity = {
  readonly securityMode: MessageSecurityMode;
  readonly securityPolicy: SecurityPolicy;
  readonly serverCertificate?: Buffer;
};

const withoutSecurity: ChannelSecurity = {
  securityMode: MessageSecurityMode.None,
  securityPolicy: SecurityPolicy.None,
};

function createClient(spec: ConnectionSpec, options: ChannelOptions, security: ChannelSecurity): OPCUAClient {
  const { application } = options;
  return OPCUAClient.create({
    applicationName: 'Faultline',
    applicationUri: application.applicationUri,
    clientName: `Faultline ${spec.name} `,
    ...security,
    // Names and addresses of servers differ from what they state of themselves, behind NAT and in containers.
    endpointMustExist: false,
    connectionStrategy: { maxRetry: 0 },
    // A session outlives its channel, so that it can be taken over by the next one.
    keepPendingSessionsOnDisconnect: true,
    requestedSessionTimeout: options.sessionMsMax,
    transportTimeout: transportMsMax,
    defaultTransactionTimeout: requestMsMax,
    certificateKeyPairProvider: keyPairOf(application),
  });
}

/** From memory: the key never lies on the disk as it is. */
function keyPairOf({ certificateDer, privateKeyPem }: Application) {
  const privateKey = crypto_utils.makePrivateKeyFromPem(privateKeyPem);
  return {
    certificateFile: '<in-memory>',
    privateKeyFile: '<in-memory>',
    getCertificate: () => certificateDer,
    getCertificateChain: () => [certificateDer],
    getPrivateKey: () => privateKey,
  };
}

/** Throws a TroubleError; the client is closed then. */
async function connect(client: OPCUAClient, spec: ConnectionSpec, { application }: ChannelOptions): Promise<void> {
  const giveUp = Promise.withResolvers<never>();
  const hello = setTimeout(() => {
    if (client.bytesRead === 0) giveUp.reject(new Error(`no answer within ${helloMsMax} ms`));
  }, helloMsMax);
  const channel = setTimeout(() => giveUp.reject(new Error(`no answer within ${channelMsMax} ms`)), channelMsMax);
  const connected = client.connect(spec.endpointUrl);
  try {
    await Promise.race([connected, giveUp.promise]);
  } catch (error) {
    connected.catch(() => {});
    await closeClient(client);
    throw new TroubleError(await troubleOfConnecting(error, spec, application), { cause: error });
  } finally {
    clearTimeout(hello);
    clearTimeout(channel);
  }
}

/** The library may wait for answers that a dead link never brings: nobody waits longer than a moment for it. */
async function closeClient(client: OPCUAClient): Promise<void> {
  const closing = Promise.withResolvers<void>();
  const timer = setTimeout(closing.resolve, closingMsMax);
  client.disconnect().then(closing.resolve, closing.resolve);
  await closing.promise;
  clearTimeout(timer);
}
