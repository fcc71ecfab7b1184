/**
 * Who this installation is to every OPC-UA server: one certificate, made when it is first needed and kept for good, since the people
 * at each server have to trust it once.
 */

import type { Db } from '../../../platform/database.ts';
import { newId } from '../../../platform/id.ts';
import type { Sealer } from '../../../platform/sealer.ts';
import type { Application } from '../client/trust.ts';
import { findApplication, insertApplication } from './application-store.ts';

const place = 'opcua_application';

/** The certificate and its key; whoever comes first makes them. Rejects with an error that names SECRET where that is another now. */
export async function loadApplication(db: Db, sealer: Sealer): Promise<Application> {
  const found = (await findApplication(db)) ?? (await makeApplication(db, sealer));
  const { certificateDer, applicationUri } = found;
  return { certificateDer, applicationUri, privateKeyPem: sealer.open(found.privateKeySealed, place) };
}

/** The certificate alone, for people who are to trust it at a server. */
export async function loadCertificate(db: Db, sealer: Sealer): Promise<Omit<Application, 'privateKeyPem'>> {
  return (await findApplication(db)) ?? (await makeApplication(db, sealer));
}

async function makeApplication(db: Db, sealer: Sealer) {
  const applicationUri = `urn:faultline:${newId()}`;
  const { makeCertificate } = await import('../client/make-certificate.ts');
  const { certificateDer, privateKeyPem } = await makeCertificate(applicationUri, Date.now());
  await insertApplication(db, { applicationUri, certificateDer, privateKeySealed: sealer.seal(privateKeyPem, place) });
  // Another process may have been first.
  const found = await findApplication(db);
  if (!found) throw new Error('the application certificate was written and is not there');
  return found;
}
