import type { X509Certificate } from 'node:crypto';

/** SHA-256 of a certificate's DER form, in hex: its name in every list and message. */
export function fingerprintOf({ fingerprint256 }: X509Certificate): string {
  return fingerprint256.replaceAll(':', '').toLowerCase();
}
