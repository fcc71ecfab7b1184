import type { Db } from '../../../platform/database.ts';
import type { Trust } from '../client/trust.ts';
import { readCertificate } from './server-certificate.ts';
import { isCertificateTrusted, noteRejectedCertificate } from './server-certificate-store.ts';

/** What tenants have said of servers' certificates, as the database has it at each question. */
export function createTrust(db: Db): Trust {
  return {
    isTrusted: async (tenantId, der) => {
      const certificate = readCertificate(der);
      return certificate !== undefined && isCertificateTrusted(db, tenantId, certificate.fingerprint);
    },
    noteRejected: async (tenantId, der, endpointUrl, reason) => {
      const certificate = readCertificate(der);
      // What is no certificate cannot be trusted later; the connection's own state says what came.
      if (!certificate) return;
      const { fingerprint } = certificate;
      await noteRejectedCertificate(db, { tenantId, fingerprint, der: certificate.der, endpointUrl, reason });
    },
  };
}
