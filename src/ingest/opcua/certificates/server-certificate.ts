/** Certificates of servers as people see them: seen and not accepted, or trusted. */
import { X509Certificate } from 'node:crypto';
import { z } from 'zod';
import { Id, Instant, text } from '../../../platform/fields.ts';
import { columns, listOf, listQuery, timestamps } from '../../../platform/list-query.ts';
import { fingerprintOf } from '../fingerprint.ts';
import { exampleCertificate } from './example-certificate.ts';

const State = z.enum(['rejected', 'trusted']).describe('rejected: no connection goes to a server that shows it.');

export const OpcuaCertificate = z
  .object({
    id: Id,
    fingerprint: z.string().describe('The SHA-256 of its DER form, in hex: compare it with what the server shows.'),
    state: State,
    subject: z.string(),
    issuer: z.string(),
    application_uri: z.string().nullable(),
    valid_from: Instant,
    valid_to: Instant,
    endpoint_url: z.string().nullable().describe('Where it was seen last.'),
    reason: z.string().nullable().describe('Why it was not accepted there.'),
    seen_at: Instant.nullable(),
    decided_at: Instant.nullable(),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'OpcuaCertificate' });
export type OpcuaCertificate = z.infer<typeof OpcuaCertificate>;

export const opcuaCertificateList = listOf({
  name: 'opcua-certificates',
  id: 'opcua_certificate.id',
  columns: {
    ...timestamps('opcua_certificate'),
    seen_at: columns.instant('opcua_certificate.seen_at', { isNullable: true }),
    decided_at: columns.instant('opcua_certificate.decided_at', { isNullable: true }),
  },
  words: ['opcua_certificate.endpoint_url', 'opcua_certificate.fingerprint'],
});

export const OpcuaCertificateQuery = listQuery(opcuaCertificateList, { state: State.optional() });
export type OpcuaCertificateFilter = { readonly state?: OpcuaCertificate['state'] | undefined };

export const OpcuaCertificateBody = z
  .strictObject({
    certificate: text(20_000).describe('The certificate of a server, in PEM, to be trusted before it is seen.'),
  })
  .meta({ id: 'OpcuaCertificateBody', examples: [{ certificate: exampleCertificate }] });

/** Our own certificate, for the people at a server who are to trust it. */
export const OpcuaApplication = z
  .object({
    application_uri: z.string(),
    fingerprint: z.string(),
    certificate: z.string().describe('In PEM.'),
    valid_to: Instant,
  })
  .meta({ id: 'OpcuaApplication' });
export type OpcuaApplication = z.infer<typeof OpcuaApplication>;

/** What a certificate says; undefined where the bytes are none. */
export function readCertificate(bytes: Buffer | string) {
  try {
    const certificate = new X509Certificate(bytes);
    const { subject, issuer, subjectAltName, validFromDate, validToDate } = certificate;
    return {
      der: certificate.raw,
      pem: certificate.toString(),
      fingerprint: fingerprintOf(certificate),
      subject: oneLine(subject),
      issuer: oneLine(issuer),
      application_uri: /(?:^|, )URI:([^,]+)/.exec(subjectAltName ?? '')?.[1] ?? null,
      validFrom: validFromDate,
      validTo: validToDate,
    };
  } catch {
    return undefined; // The caller says what is wrong.
  }
}

function oneLine(name: string | undefined): string {
  return (name ?? '').split('\n').join(', ');
}
