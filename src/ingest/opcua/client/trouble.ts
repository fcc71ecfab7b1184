/**
 * What is wrong with a connection, in words that stay, whatever a library or a server called it. Nothing here loads the
 * library of OPC-UA, so whoever only wants to know what an error says need not.
 */
import type { Trouble } from '../connection.ts';

/** A connection that cannot be used, and why. */
export class TroubleError extends Error {
  readonly trouble: Trouble;

  constructor(trouble: Trouble, options?: ErrorOptions) {
    super(trouble.detail, options);
    this.name = 'TroubleError';
    this.trouble = trouble;
  }
}

/** A request that the server answered with a status other than good. */
export class ServiceError extends Error {
  /** The name of the StatusCode, such as BadTooManySessions. */
  readonly status: string;

  constructor(request: string, status: string) {
    super(`The server answered ${request} with ${status}`);
    this.name = 'ServiceError';
    this.status = status;
  }
}

/** What an error of the client says, as a trouble. Never the text of a secret: libraries' own words are not passed on. */
export function troubleOf(error: unknown): Trouble {
  if (error instanceof TroubleError) return error.trouble;
  const status = statusOf(error);
  if (status !== null) return troubleOfStatus(status);
  return {
    code: 'connection_lost',
    detail: `The connection to the server broke (${firstWords(error)}). It is tried again.`,
  };
}

/** The name of the StatusCode that a server answered with; null where it did not answer. */
export function statusOf(error: unknown): string | null {
  if (error instanceof ServiceError) return error.status;
  const fault = (error as { response?: { responseHeader?: { serviceResult?: { name?: string } } } } | null)?.response;
  const name = fault?.responseHeader?.serviceResult?.name;
  if (name) return name;
  const message = error instanceof Error ? error.message : '';
  return message.match(/\bBad[A-Z][A-Za-z]+\b/)?.[0] ?? null;
}

function troubleOfStatus(status: string): Trouble {
  const known = troubles[status];
  if (known) return known(status);
  if (status.startsWith('BadCertificate')) return ownCertificateRejected(status);
  return { code: 'protocol_error', detail: `The server answered ${status}.` };
}

const ownCertificateRejected = (status: string): Trouble => ({
  code: 'own_certificate_rejected',
  detail: `The server does not accept the certificate of this program (${status}). Trust that certificate at the server: most servers list it among the rejected ones after the first attempt. It is tried again until then.`,
});
const identityRejected = (status: string): Trouble => ({
  code: 'identity_rejected',
  detail: `The server does not accept who we say we are (${status}): the user name, the password or the user's certificate is wrong, or that user may not log in.`,
});
const sessionsFull = (status: string): Trouble => ({
  code: 'sessions_full',
  detail: `The server has no session to spare (${status}). Close other clients' sessions or raise the server's limit. It is tried again until then.`,
});
const notRunning = (status: string): Trouble => ({
  code: 'server_not_running',
  detail: `The server is not running at present (${status}): it is starting, halted or shutting down. It is tried again.`,
});
const securityRefused = (status: string): Trouble => ({
  code: 'security_refused',
  detail: `The server refused the secure channel (${status}). Security mode and policy must be ones that it offers, and both clocks must agree.`,
});
const connectionLost = (status: string): Trouble => ({
  code: 'connection_lost',
  detail: `The server has closed the connection or the session (${status}). It is tried again.`,
});

const troubles: Record<string, (status: string) => Trouble> = {
  BadTooManySessions: sessionsFull,
  BadMaxConnectionsReached: sessionsFull,
  BadTcpNotEnoughResources: sessionsFull,
  BadTcpServerTooBusy: sessionsFull,
  BadIdentityTokenInvalid: identityRejected,
  BadIdentityTokenRejected: identityRejected,
  BadUserSignatureInvalid: identityRejected,
  BadUserAccessDenied: (status) => ({
    code: 'access_denied',
    detail: `The server denies access to this user (${status}).`,
  }),
  BadSecurityChecksFailed: ownCertificateRejected,
  BadSecurityPolicyRejected: securityRefused,
  BadSecurityModeRejected: securityRefused,
  BadSecurityModeInsufficient: securityRefused,
  BadApplicationSignatureInvalid: securityRefused,
  BadNonceInvalid: securityRefused,
  BadInvalidTimestamp: (status) => ({
    code: 'clock_differs',
    detail: `The server refuses our time (${status}): set its clock and ours by the same source.`,
  }),
  BadServerHalted: notRunning,
  BadShutdown: notRunning,
  BadServerNotConnected: notRunning,
  BadTooManySubscriptions: (status) => ({
    code: 'subscriptions_full',
    detail: `The server has no subscription to spare (${status}).`,
  }),
  BadTimeout: (status) => ({ code: 'not_responding', detail: `The server did not answer in time (${status}).` }),
  BadRequestTimeout: (status) => ({ code: 'not_responding', detail: `The server did not answer in time (${status}).` }),
  BadConnectionClosed: connectionLost,
  BadSecureChannelClosed: connectionLost,
  BadSecureChannelIdInvalid: connectionLost,
  BadNoSubscription: connectionLost,
  BadSubscriptionIdInvalid: connectionLost,
  BadSessionClosed: connectionLost,
  BadSessionIdInvalid: connectionLost,
  BadTcpEndpointUrlInvalid: (status) => ({
    code: 'endpoint_not_offered',
    detail: `The server does not know itself by this address (${status}): the path after host and port must be as the server states it.`,
  }),
};

function firstWords(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message.replaceAll(/\s+/g, ' ').trim().slice(0, 120);
}
