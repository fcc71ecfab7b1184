/** The nouns of OPC-UA: a connection to a server, the items that are read there, and the values that come of them. */
import type { Device } from '../../access/device.ts';

export const securityModes = ['none', 'sign', 'sign_and_encrypt'] as const;
export type SecurityMode = (typeof securityModes)[number];

export const securityPolicies = ['none', 'basic256sha256', 'aes128_sha256_rsaoaep', 'aes256_sha256_rsapss'] as const;
export type SecurityPolicy = (typeof securityPolicies)[number];

/** Who we are to a server, beside the certificate of the program itself. Never logged, never in an answer. */
export type Identity =
  | { readonly kind: 'anonymous' }
  | { readonly kind: 'username'; readonly username: string; readonly password: string }
  | { readonly kind: 'certificate'; readonly certificatePem: string; readonly privateKeyPem: string };

/** What a client needs to know to speak to a server on behalf of a tenant. */
export type ConnectionSpec = {
  readonly id: string;
  readonly tenantId: string;
  readonly name: string;
  /** The device on whose behalf its readings come in. */
  readonly device: Device;
  readonly endpointUrl: string;
  readonly securityMode: SecurityMode;
  readonly securityPolicy: SecurityPolicy;
  readonly identity: Identity;
  readonly publishingIntervalMs: number;
  /** Of items that say none of their own. */
  readonly samplingIntervalMs: number;
  /** The longest outage after which nothing may be missing. */
  readonly bridgeMs: number;
  readonly history: 'auto' | 'off';
  /** Another number means that the session is to be made anew; absent: 1. */
  readonly epoch?: number;
};

export const connectionStates = ['disabled', 'connecting', 'connected', 'degraded', 'failing'] as const;
export type ConnectionState = (typeof connectionStates)[number];

/** Why a connection does not work, or not wholly: words that integrators may rely on. */
export const troubleCodes = [
  'unreachable',
  'connection_lost',
  'not_responding',
  'endpoint_not_offered',
  'certificate_untrusted',
  'certificate_expired',
  'certificate_invalid',
  'own_certificate_rejected',
  'identity_rejected',
  'identity_not_offered',
  'access_denied',
  'security_refused',
  'sessions_full',
  'subscriptions_full',
  'server_not_running',
  'clock_differs',
  'items_failing',
  'items_polled',
  'queues_shorter',
  'protocol_error',
] as const;
export type TroubleCode = (typeof troubleCodes)[number];

/** What is wrong, and what would be right, in a sentence without secrets. */
export type Trouble = { readonly code: TroubleCode; readonly detail: string };

/**
 * A node, whatever its server's indexes are today: `nsu=<namespace URI>;<i, s, g or b>=<identifier>`, and in the namespace
 * of OPC-UA itself `i=<number>` (OPC 10000-6, 5.3.1.11).
 */
export type NodeKey = string;

export const deadbandKinds = ['none', 'absolute', 'percent'] as const;
export type DeadbandKind = (typeof deadbandKinds)[number];

/** One value of one node, and the point that it is. */
export type ItemSpec = {
  /** A number within its connection that is never used again. */
  readonly id: number;
  readonly node: NodeKey;
  /** The part of the value: '' for all of it, `[3]`, `Inlet.Temperature`. */
  readonly field: string;
  /** The slug of the point's site, and the names of its asset and itself there. */
  readonly site: string;
  readonly asset: string;
  readonly point: string;
  /** Null: that of the connection. */
  readonly samplingIntervalMs: number | null;
  readonly deadbandKind: DeadbandKind;
  /** In the value's own unit, or in percent of its EURange. */
  readonly deadband: number;
};

export const itemStates = ['new', 'monitored', 'polled', 'failing', 'gone'] as const;
export type ItemState = (typeof itemStates)[number];

/** What is known of an item now. */
export type ItemReport = {
  readonly itemId: number;
  readonly state: ItemState;
  /** The name of the StatusCode that the server answered with; null where it answered with none. */
  readonly status: string | null;
  readonly detail: string | null;
  readonly dataType: string | null;
  readonly revisedSamplingMs: number | null;
  /** How long an outage the server's queue bridges, as it has revised it; null where there is none. */
  readonly revisedBridgeMs: number | null;
};

/** One sample as a server gave it. */
export type Value = {
  readonly itemId: number;
  /** The source's time, else the server's, else that of arrival; in ms since 1970. */
  readonly timeMs: number;
  /** Booleans are 1 and 0; null is what is no scalar, or no finite number. */
  readonly value: number | string | null;
  /** The whole StatusCode, as an unsigned number of 32 bits. */
  readonly status: number;
};

export const gapReasons = [
  'program_stopped',
  'link_lost',
  'server_restarted',
  'overflow',
  'not_kept',
  'refused',
] as const;
export type GapReason = (typeof gapReasons)[number];

/** A span of time in which samples may be missing; without an item, of all that the connection reads. */
export type FoundGap = {
  readonly itemId: number | null;
  readonly fromMs: number;
  readonly toMs: number;
  readonly reason: GapReason;
};
