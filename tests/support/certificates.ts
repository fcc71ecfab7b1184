/** Certificates for tests of TLS: authorities, and what they sign. */
import './reflect.ts';
import { webcrypto } from 'node:crypto';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  SubjectAlternativeNameExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

export type Signed = { readonly cert: string; readonly key: string };

export type Authority = {
  /** PEM of its own certificate. */
  readonly cert: string;
  /** Signs a certificate for 127.0.0.1, for servers and clients, unless told otherwise. */
  sign(commonName: string, options?: { days?: number; usage?: 'server' | 'client' }): Promise<Signed>;
};

const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const dayMs = 86_400_000;
let serial = 1;

export async function createAuthority(name = 'Test CA'): Promise<Authority> {
  const keys = await generateKeys();
  const own = await X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: `CN=${name}`,
    ...validity(30),
    signingAlgorithm: algorithm,
    keys,
    extensions: [new BasicConstraintsExtension(true, undefined, true)],
  });
  return {
    cert: own.toString('pem'),
    sign: async (commonName, { days = 10, usage } = {}) => {
      const subjectKeys = await generateKeys();
      const usages = { server: ExtendedKeyUsage.serverAuth, client: ExtendedKeyUsage.clientAuth };
      const signed = await X509CertificateGenerator.create({
        serialNumber: serialNumber(),
        subject: `CN=${commonName}`,
        issuer: own.subject,
        ...validity(days),
        signingAlgorithm: algorithm,
        publicKey: subjectKeys.publicKey,
        signingKey: keys.privateKey,
        extensions: [
          new SubjectAlternativeNameExtension([
            { type: 'ip', value: '127.0.0.1' },
            { type: 'dns', value: 'localhost' },
          ]),
          new ExtendedKeyUsageExtension(usage ? [usages[usage]] : Object.values(usages)),
        ],
      });
      return { cert: signed.toString('pem'), key: await pemOf(subjectKeys.privateKey) };
    },
  };
}

export type TlsFolder = AsyncDisposable & {
  readonly certificateFile: string;
  readonly keyFile: string;
  readonly clientCaFile: string;
  /** Puts others in their place, one after the other, as tools that renew certificates do. */
  write(files: Partial<Signed & { ca: string }>): Promise<void>;
};

/** A folder with the files that the settings name. */
export async function makeTlsFolder(files: Signed & { ca?: string }): Promise<TlsFolder> {
  const folder = await mkdtemp(join(tmpdir(), 'faultline-tls-'));
  const paths = { cert: join(folder, 'cert.pem'), key: join(folder, 'key.pem'), ca: join(folder, 'ca.pem') };
  const write: TlsFolder['write'] = async (changed) => {
    for (const [name, text] of Object.entries(changed)) {
      const path = paths[name as keyof typeof paths];
      await writeFile(`${path}.new`, text);
      await rename(`${path}.new`, path);
    }
  };
  await write(files);
  return {
    certificateFile: paths.cert,
    keyFile: paths.key,
    clientCaFile: paths.ca,
    write,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }),
  };
}

async function generateKeys() {
  return (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n');
}

function serialNumber(): string {
  return (serial++).toString(16).padStart(4, '0');
}

/** From a minute ago, or for a negative number of days in the past. */
function validity(days: number) {
  const now = Date.now();
  const end = now + days * dayMs;
  return { notBefore: new Date(Math.min(now, end) - 2 * dayMs), notAfter: new Date(end) };
}
