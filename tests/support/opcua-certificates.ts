/** Certificates as OPC-UA wants them (OPC 10000-6, 6.2.2): RSA, with the application's URI, signed by themselves. */
import './reflect.ts';
import { webcrypto } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import {
  BasicConstraintsExtension,
  ExtendedKeyUsage,
  ExtendedKeyUsageExtension,
  KeyUsageFlags,
  KeyUsagesExtension,
  SubjectAlternativeNameExtension,
  SubjectKeyIdentifierExtension,
  X509CertificateGenerator,
} from '@peculiar/x509';

export type OpcuaCertificate = {
  readonly certificatePem: string;
  readonly privateKeyPem: string;
  readonly der: Buffer;
  readonly applicationUri: string;
  /** As certificate.pem and key.pem. */
  write(folder: string): Promise<void>;
};

const algorithm = {
  name: 'RSASSA-PKCS1-v1_5',
  hash: 'SHA-256',
  publicExponent: new Uint8Array([1, 0, 1]),
  modulusLength: 2048,
} as const;
const dayMs = 86_400_000;
const { digitalSignature, nonRepudiation, keyEncipherment, dataEncipherment, keyCertSign } = KeyUsageFlags;

/** A new pair of keys and its certificate; with negative `days` it has expired so many days ago. */
export async function createOpcuaCertificate(
  commonName: string,
  { days = 10, applicationUri = `urn:faultline:test:${commonName.toLowerCase().replaceAll(' ', '-')}` } = {},
): Promise<OpcuaCertificate> {
  const keys = (await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])) as webcrypto.CryptoKeyPair;
  const endMs = Date.now() + days * dayMs;
  const certificate = await X509CertificateGenerator.createSelfSigned({
    serialNumber: Buffer.from(webcrypto.getRandomValues(new Uint8Array(8)))
      .toString('hex')
      .replace(/^./, '1'),
    name: `CN=${commonName}, O=Faultline tests`,
    notBefore: new Date(Math.min(Date.now(), endMs) - dayMs),
    notAfter: new Date(endMs),
    signingAlgorithm: algorithm,
    keys,
    extensions: [
      new BasicConstraintsExtension(false, undefined, true),
      // keyCertSign, since a certificate that signs itself is its own authority (OPC 10000-6, Table 43).
      new KeyUsagesExtension(
        digitalSignature | nonRepudiation | keyEncipherment | dataEncipherment | keyCertSign,
        true,
      ),
      new ExtendedKeyUsageExtension([ExtendedKeyUsage.serverAuth, ExtendedKeyUsage.clientAuth]),
      new SubjectAlternativeNameExtension([
        { type: 'url', value: applicationUri },
        { type: 'ip', value: '127.0.0.1' },
        { type: 'dns', value: 'localhost' },
      ]),
      await SubjectKeyIdentifierExtension.create(keys.publicKey),
    ],
  });
  const certificatePem = certificate.toString('pem');
  const privateKeyPem = await pemOf(keys.privateKey);
  return {
    certificatePem,
    privateKeyPem,
    der: Buffer.from(certificate.rawData),
    applicationUri,
    write: async (folder) => {
      await writeFile(join(folder, 'certificate.pem'), certificatePem);
      await writeFile(join(folder, 'key.pem'), privateKeyPem);
    },
  };
}

async function pemOf(key: webcrypto.CryptoKey): Promise<string> {
  const bytes = Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key));
  const lines = bytes.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN PRIVATE KEY-----', ...lines, '-----END PRIVATE KEY-----', ''].join('\n');
}
