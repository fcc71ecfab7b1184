/** Who we are to servers, and which servers' certificates are trusted: handed in by whoever keeps them. */
import type { TroubleCode } from '../connection.ts';

/** The application instance certificate of this program. */
export type Application = {
  readonly certificateDer: Buffer;
  /** PKCS #8 or PKCS #1. Never logged. */
  readonly privateKeyPem: string;
  /** The URI that the certificate names. */
  readonly applicationUri: string;
};

/** What a tenant has said of servers' certificates. */
export type Trust = {
  isTrusted(tenantId: string, der: Buffer): boolean | Promise<boolean>;
  /** A certificate that was not accepted, so that a person can look at it and trust it. */
  noteRejected(tenantId: string, der: Buffer, endpointUrl: string, reason: TroubleCode): void | Promise<void>;
};
