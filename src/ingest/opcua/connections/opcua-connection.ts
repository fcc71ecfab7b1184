/** Connections to OPC-UA servers as people set them and see them; no secret is in what they see. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { flag, Id, Instant, text } from '../../../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery, timestamps } from '../../../platform/list-query.ts';
import { connectionStates, securityModes, securityPolicies, troubleCodes } from '../connection.ts';
import { isNodeKey } from '../node-key.ts';

const Name = text(200).regex(/\S/, 'must not be empty').describe('What people call it; one of a tenant has it.');
const SiteSlug = text(63).describe('The slug of the site whose points these are, where a mapping names no other.');
const EndpointUrl = text(2_000)
  .regex(
    /^opc\.tcp:\/\/(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(:\d{1,5})?(\/[^\s?#]*)?$/,
    'must be opc.tcp://host:port, with or without a path',
  )
  .meta({ example: 'opc.tcp://plc-7.plant.example:4840' });
const Mode = z
  .enum(securityModes)
  .describe('Of messages; none sends everything in the clear, and has to be asked for.');
const Policy = z.enum(securityPolicies).describe('The algorithms; none goes with the mode none alone.');
const milliseconds = (min: number, max: number) => z.number().int().min(min).max(max);
const Publishing = milliseconds(50, 60_000).describe(
  'How often the server sends what it has gathered, in milliseconds.',
);
const Sampling = milliseconds(10, 3_600_000).describe(
  'How often the server looks at each node, in milliseconds, where an item says nothing else.',
);
const Bridge = milliseconds(0, 86_400_000).describe(
  "The longest outage after which nothing may be missing, in milliseconds: the server's queues are asked to be as long.",
);
const History = z
  .enum(['auto', 'off'])
  .describe("auto: what is missing after an outage is read from the server's history, where a node has one.");
const NodeName = text(1_000)
  .refine(isNodeKey, 'must be nsu=<namespace URI>;s=<identifier> (or i, g, b), or i=<number>')
  .meta({ example: 'nsu=urn:plant;s=Chiller.Setpoint' });
const Writable = z
  .array(NodeName)
  .max(1_000)
  .describe('The nodes that may be written to; of no other, and none at all is the rule.');

const Security = z
  .strictObject({ mode: Mode, policy: Policy })
  .refine(({ mode, policy }) => (mode === 'none') === (policy === 'none'), {
    path: ['policy'],
    message: 'must be none with the mode none, and with no other',
  })
  .meta({ id: 'OpcuaSecurity' });
const Username = text(200).min(1);

/** Who we are to the server, as it is given; secrets are sealed and never shown. */
const IdentityBody = z
  .discriminatedUnion('kind', [
    z.strictObject({ kind: z.literal('anonymous') }),
    z.strictObject({ kind: z.literal('username'), username: Username, password: text(1_000) }),
    z
      .strictObject({
        kind: z.literal('certificate'),
        certificate: text(20_000).refine(isCertificate, 'must be one X.509 certificate in PEM'),
        private_key: text(20_000).refine(isPrivateKey, 'must be a private key in PEM, without a passphrase'),
      })
      .refine(fitTogether, { path: ['private_key'], message: 'must be the key of the certificate' }),
  ])
  .meta({ id: 'OpcuaIdentityBody' });

const Identity = z
  .object({
    kind: z.enum(['anonymous', 'username', 'certificate']),
    username: z.string().nullable(),
    certificate_fingerprint: z.string().nullable().describe('The SHA-256 of the certificate, in hex.'),
  })
  .meta({ id: 'OpcuaIdentity' });

/** How a connection is doing, as the process that reads it has said last. */
const Status = z
  .object({
    state: z
      .enum(connectionStates)
      .describe('degraded: it reads, and not all that it should; failing: it tries and does not get through.'),
    reason: z.enum(troubleCodes).nullable(),
    detail: z.string().nullable().describe('What is wrong, and what would be right.'),
    since: Instant,
    server: z
      .object({
        product_name: z.string().nullable(),
        manufacturer: z.string().nullable(),
        software_version: z.string().nullable(),
        started_at: Instant.nullable(),
        clock_ahead_ms: z.number().nullable().describe("The server's clock less ours."),
      })
      .nullable()
      .describe('What the server says of itself.'),
    last_value_at: Instant.nullable().describe("The latest time of a value, by the server's clock."),
    committed_through: Instant.nullable().describe('Whatever the server sent before is committed.'),
    lag_ms: z.number().nullable().describe('From then to now.'),
    items: z.object({
      total: z.int(),
      monitored: z.int(),
      polled: z.int(),
      failing: z.int(),
      gone: z.int(),
    }),
    open_gaps: z.int().describe('Spans in which samples may be missing, and history is still to be asked.'),
  })
  .meta({ id: 'OpcuaConnectionStatus' });

/** A connection to a server. */
export const OpcuaConnection = z
  .object({
    id: Id,
    name: Name,
    site: SiteSlug,
    source: z.enum(['api', 'file']).describe('file: it is set by OPCUA_FILE, and changed there alone.'),
    device_id: Id.describe('The device on whose behalf its readings come in.'),
    endpoint_url: EndpointUrl,
    security: Security,
    identity: Identity,
    publishing_interval_ms: Publishing,
    sampling_interval_ms: Sampling,
    bridge_ms: Bridge,
    history: History,
    enabled: z.boolean(),
    writable_nodes: Writable,
    status: Status,
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'OpcuaConnection' });
export type OpcuaConnection = z.infer<typeof OpcuaConnection>;

const intervals = { publishing_interval_ms: Publishing, sampling_interval_ms: Sampling, bridge_ms: Bridge };

export const OpcuaConnectionBody = z
  .strictObject({
    name: Name,
    site: SiteSlug,
    endpoint_url: EndpointUrl,
    security: Security.default({ mode: 'sign_and_encrypt', policy: 'basic256sha256' }),
    identity: IdentityBody.default({ kind: 'anonymous' }),
    publishing_interval_ms: Publishing.default(1_000),
    sampling_interval_ms: Sampling.default(1_000),
    bridge_ms: Bridge.default(300_000),
    history: History.default('auto'),
    enabled: z.boolean().default(true),
    writable_nodes: Writable.default([]),
  })
  .meta({
    id: 'OpcuaConnectionBody',
    examples: [
      {
        name: 'Chiller plant',
        site: 'ucl-east-campus',
        endpoint_url: 'opc.tcp://plc-7.plant.example:4840',
        security: { mode: 'sign_and_encrypt', policy: 'basic256sha256' },
        identity: { kind: 'username', username: 'faultline', password: 'a password' },
      },
    ],
  });
export type OpcuaConnectionBody = z.infer<typeof OpcuaConnectionBody>;

export const OpcuaConnectionChange = z
  .strictObject({
    name: Name.optional(),
    site: SiteSlug.optional(),
    endpoint_url: EndpointUrl.optional(),
    security: Security.optional(),
    identity: IdentityBody.optional(),
    ...Object.fromEntries(Object.entries(intervals).map(([key, value]) => [key, value.optional()])),
    history: History.optional(),
    enabled: z.boolean().optional(),
    writable_nodes: Writable.optional(),
  })
  .meta({ id: 'OpcuaConnectionChange', examples: [{ sampling_interval_ms: 500, enabled: true }] });
export type OpcuaConnectionChange = z.infer<typeof OpcuaConnectionChange>;

/** What came of a try to connect. */
export const OpcuaConnectionTest = z
  .object({
    works: z.boolean(),
    reason: z.enum(troubleCodes).nullable(),
    detail: z.string().nullable().describe('What is wrong, and what would be right.'),
    namespaces: z.array(z.string()).describe("The server's NamespaceArray, whose URIs stand in the keys of nodes."),
    took_ms: z.number(),
  })
  .meta({ id: 'OpcuaConnectionTest' });
export type OpcuaConnectionTest = z.infer<typeof OpcuaConnectionTest>;

export const opcuaConnectionList = listOf({
  name: 'opcua-connections',
  id: 'opcua_connection.id',
  columns: {
    ...timestamps('opcua_connection'),
    name: columns.text('opcua_connection.name'),
    last_value_at: columns.instant('opcua_connection.last_value_at', { isNullable: true }),
  },
  words: ['opcua_connection.name', 'opcua_connection.endpoint_url'],
});

export const OpcuaConnectionQuery = listQuery(opcuaConnectionList, {
  site: text(63).optional().describe('Only those of the site with this slug.'),
  state: z.enum(connectionStates).optional(),
  enabled: flag(),
});
export type OpcuaConnectionFilter = Omit<z.infer<typeof OpcuaConnectionQuery>, ListFields>;

function isCertificate(pem: string): boolean {
  return certificateIn(pem) !== undefined;
}

/** The certificate of a PEM text; undefined where it is none. */
export function certificateIn(pem: string): X509Certificate | undefined {
  try {
    return new X509Certificate(pem);
  } catch {
    return undefined; // The caller says what is wrong.
  }
}

function isPrivateKey(pem: string): boolean {
  return keyIn(pem) !== undefined;
}

function keyIn(pem: string) {
  try {
    return createPrivateKey(pem);
  } catch {
    return undefined; // The caller says what is wrong.
  }
}

function fitTogether({ certificate, private_key }: { certificate: string; private_key: string }): boolean {
  const [found, key] = [certificateIn(certificate), keyIn(private_key)];
  return found === undefined || key === undefined || found.checkPrivateKey(key);
}
