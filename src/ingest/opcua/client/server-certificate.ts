/**
 * Whether a server's certificate is accepted. Unknown: never silently. Expired or not valid yet: not even where it is
 * trusted, because whoever trusted it looked at a certificate that had an end; the server needs a new one, and an
 * expired key is the one most likely to have left the plant.
 */
import { X509Certificate } from 'node:crypto';
import type { ConnectionSpec, Trouble } from '../connection.ts';
import { fingerprintOf } from '../fingerprint.ts';
import { TroubleError } from './trouble.ts';
import type { Trust } from './trust.ts';

/**
 * The server's own certificate out of what its endpoint shows, which may be a chain. Throws a TroubleError where it is
 * not accepted, after it has been noted as rejected.
 */
export async function acceptServerCertificate(shown: Buffer, spec: ConnectionSpec, trust: Trust): Promise<Buffer> {
  const [own] = splitChain(shown);
  if (!own) {
    throw new TroubleError({
      code: 'certificate_invalid',
      detail: 'The server shows no certificate at its endpoint, though the security mode asks for one.',
    });
  }
  const refusal = findFlaw(own, Date.now()) ?? (await findDistrust(own, spec, trust));
  if (!refusal) return own;
  await trust.noteRejected(spec.tenantId, own, spec.endpointUrl, refusal.code);
  throw new TroubleError(refusal);
}

/** The certificates of a chain, each DER structure one. */
function splitChain(shown: Buffer): Buffer[] {
  const certificates: Buffer[] = [];
  let offset = 0;
  while (offset + 4 <= shown.length) {
    const length = lengthOfSequence(shown, offset);
    if (length === null || offset + length > shown.length) break;
    certificates.push(shown.subarray(offset, offset + length));
    offset += length;
  }
  return certificates;
}

/** DER: 0x30, then the length in one byte, or the number of its bytes with the highest bit set and then those. */
function lengthOfSequence(bytes: Buffer, offset: number): number | null {
  if (bytes[offset] !== 0x30) return null;
  const first = bytes[offset + 1] ?? 0;
  if (first < 0x80) return 2 + first;
  const size = first & 0x7f;
  if (size === 0 || size > 4 || offset + 2 + size > bytes.length) return null;
  return 2 + size + bytes.readUIntBE(offset + 2, size);
}

function findFlaw(der: Buffer, nowMs: number): Trouble | null {
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(der);
  } catch {
    return { code: 'certificate_invalid', detail: 'What the server shows as its certificate cannot be read as one.' };
  }
  const name = `"${nameOf(certificate)}" (SHA-256 ${fingerprintOf(certificate)})`;
  if (certificate.validToDate.getTime() < nowMs) {
    return {
      code: 'certificate_expired',
      detail: `The certificate of the server, ${name}, expired on ${certificate.validToDate.toISOString()}. Give the server a new one, and trust that.`,
    };
  }
  if (certificate.validFromDate.getTime() > nowMs) {
    return {
      code: 'certificate_invalid',
      detail: `The certificate of the server, ${name}, is valid only from ${certificate.validFromDate.toISOString()} on. Compare the clocks.`,
    };
  }
  return null;
}

async function findDistrust(der: Buffer, spec: ConnectionSpec, trust: Trust): Promise<Trouble | null> {
  if (await trust.isTrusted(spec.tenantId, der)) return null;
  const certificate = new X509Certificate(der);
  return {
    code: 'certificate_untrusted',
    detail: `The certificate of the server, "${nameOf(certificate)}" (SHA-256 ${fingerprintOf(certificate)}), is not trusted. Compare the fingerprint at the server, then trust it in the list of certificates.`,
  };
}

function nameOf(certificate: X509Certificate): string {
  return certificate.subject.match(/^CN=(.*)$/m)?.[1] ?? certificate.subject.replaceAll('\n', ', ');
}
