import type { Db } from '../../../platform/database.ts';

type StoredApplication = {
  readonly applicationUri: string;
  readonly certificateDer: Buffer;
  readonly privateKeySealed: Buffer;
};

/** The installation's own certificate, where it has one already. */
export async function findApplication(db: Db): Promise<StoredApplication | undefined> {
  const row = await db.selectFrom('opcua_application').selectAll().executeTakeFirst();
  return (
    row && {
      applicationUri: row.application_uri,
      certificateDer: row.certificate_der,
      privateKeySealed: row.private_key_sealed,
    }
  );
}

/** Keeps a certificate; where there is one, that one stays. */
export async function insertApplication(db: Db, application: StoredApplication): Promise<void> {
  const { applicationUri, certificateDer, privateKeySealed } = application;
  await db
    .insertInto('opcua_application')
    .values({ application_uri: applicationUri, certificate_der: certificateDer, private_key_sealed: privateKeySealed })
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}
