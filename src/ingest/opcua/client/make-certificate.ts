/** The application instance certificate of this program (OPC 10000-6, 6.2.2): RSA, with the application's URI, signed by itself. */
import { webcrypto } from 'node:crypto';
import { hostname } from 'node:os';
import { CertificatePurpose, createSelfSignedCertificate } from 'node-opcua-crypto';

/** All policies that we speak take RSA keys of this length (OPC 10000-7, Basic256Sha256 and its successors). */
const keyBits = 2_048;
const validDays = 20 * 365;
/** Plants whose clocks are behind ours accept it too. */
const earlyMs = 86_400_000;

/** A new certificate and its key, which names `applicationUri`; takes some tenths of a second. */
export async function makeCertificate(
  applicationUri: string,
  nowMs: number,
): Promise<{ certificateDer: Buffer; privateKeyPem: string }> {
  const algorithm = { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256', modulusLength: keyBits } as const;
  const publicExponent = new Uint8Array([1, 0, 1]);
  const keys = await webcrypto.subtle.generateKey({ ...algorithm, publicExponent }, true, ['sign', 'verify']);
  const { der } = await createSelfSignedCertificate({
    privateKey: keys.privateKey,
    subject: '/CN=Faultline/O=Faultline',
    applicationUri,
    dns: [hostname()],
    notBefore: new Date(nowMs - earlyMs),
    notAfter: new Date(nowMs + validDays * 86_400_000),
    purpose: CertificatePurpose.ForApplication,
  });
  return { certificateDer: Buffer.from(der.rawData), privateKeyPem: await pemOf(keys.privateKey) };
}

/** PKCS #8 in PEM. */
async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n');
}
