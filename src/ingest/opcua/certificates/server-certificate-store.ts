import { sql } from 'kysely';
import type { Db } from '../../../platform/database.ts';
import { newId } from '../../../platform/id.ts';
import { formatInstant } from '../../../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../../platform/paging.ts';
import { laterThanBefore } from '../../../platform/version-store.ts';
import { OpcuaCertificate, type OpcuaCertificateFilter, readCertificate } from './server-certificate.ts';

/** What servers may have shown at most before the oldest that nobody decided about are forgotten. */
const rejectedMax = 1_000;

/** Certificates of a tenant's servers, newest first. */
export async function listCertificates(
  db: Db,
  tenantId: string,
  { filter, page }: { filter: OpcuaCertificateFilter; page: ListRequest },
): Promise<Rows<OpcuaCertificate>> {
  let certificates = narrowed(db.selectFrom('opcua_certificate').where('tenant_id', '=', tenantId), page);
  if (filter.state !== undefined) certificates = certificates.where('state', '=', filter.state);
  const total = await certificates.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(certificates.selectAll('opcua_certificate'), page).execute();
  return rowsOf(rows, total, toCertificate);
}

type Which = { readonly tenantId: string; readonly id: string };

/** One certificate of a tenant's servers. */
export async function findCertificate(db: Db, { tenantId, id }: Which): Promise<OpcuaCertificate | undefined> {
  const row = await db
    .selectFrom('opcua_certificate')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row && toCertificate(row);
}

/** Whether the tenant trusts the certificate with this fingerprint. */
export async function isCertificateTrusted(db: Db, tenantId: string, fingerprint: string): Promise<boolean> {
  const row = await db
    .selectFrom('opcua_certificate')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('fingerprint', '=', fingerprint)
    .where('state', '=', 'trusted')
    .executeTakeFirst();
  return row !== undefined;
}

type Seen = {
  readonly tenantId: string;
  readonly fingerprint: string;
  readonly der: Buffer;
  readonly endpointUrl: string;
  readonly reason: string;
};

/** Notes that a server has shown a certificate that was not accepted; what people decided about it stays. */
export async function noteRejectedCertificate(db: Db, seen: Seen): Promise<void> {
  const { tenantId, fingerprint, der, endpointUrl, reason } = seen;
  await sql`
    insert into opcua_certificate (id, tenant_id, fingerprint, certificate_der, state, endpoint_url, reason, seen_at)
    values (${newId()}, ${tenantId}, ${fingerprint}, ${der}, 'rejected', ${endpointUrl}, ${reason}, now())
    on conflict (tenant_id, fingerprint) do update
    set endpoint_url = excluded.endpoint_url, reason = excluded.reason, seen_at = excluded.seen_at`.execute(db);
  await sql`
    delete from opcua_certificate where id in (
      select id from opcua_certificate where tenant_id = ${tenantId} and state = 'rejected'
      order by seen_at desc offset ${rejectedMax})`.execute(db);
}

type Decision = { readonly tenantId: string; readonly by: string; readonly at: Date };

/** Trusts a certificate that was seen; false where there is none with this id. */
export async function trustCertificate(trx: Db, id: string, { tenantId, by, at }: Decision): Promise<boolean> {
  const changed = await trx
    .updateTable('opcua_certificate')
    .set({ state: 'trusted', decided_at: at, decided_by: by, updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst();
  return changed !== undefined;
}

/** Keeps a certificate that a person gave as trusted, seen before or not; returns its id. */
export async function insertTrustedCertificate(
  trx: Db,
  { fingerprint, der }: { fingerprint: string; der: Buffer },
  { tenantId, by, at }: Decision,
): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    insert into opcua_certificate (id, tenant_id, fingerprint, certificate_der, state, decided_at, decided_by, created_at, updated_at)
    values (${newId()}, ${tenantId}, ${fingerprint}, ${der}, 'trusted', ${at}, ${by}, ${at}, ${at})
    on conflict (tenant_id, fingerprint) do update set state = 'trusted', decided_at = excluded.decided_at,
      decided_by = excluded.decided_by,
      updated_at = greatest(excluded.updated_at, date_trunc('milliseconds', opcua_certificate.updated_at) + interval '1 millisecond')
    returning id`.execute(trx);
  return (rows[0] as { id: string }).id;
}

/** When a certificate has changed last, which then is held until the transaction ends; undefined where there is none. */
export async function lockCertificate(trx: Db, { tenantId, id }: Which): Promise<Date | undefined> {
  const row = await trx
    .selectFrom('opcua_certificate')
    .select('updated_at')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
  return row?.updated_at;
}

/** Forgets a certificate; connections to where it was seen are made anew, and find that it is not trusted. */
export async function deleteCertificate(trx: Db, { tenantId, id }: Which): Promise<void> {
  await trx.deleteFrom('opcua_certificate').where('tenant_id', '=', tenantId).where('id', '=', id).execute();
  // Where a trusted one is in use is not written down anywhere: every connection asks again.
  await trx
    .updateTable('opcua_connection')
    .set({ version: sql`version + 1`, epoch: sql`epoch + 1` })
    .where('tenant_id', '=', tenantId)
    .execute();
}

type Row = {
  id: string;
  fingerprint: string;
  certificate_der: Buffer;
  state: string;
  endpoint_url: string | null;
  reason: string | null;
  seen_at: Date | null;
  decided_at: Date | null;
  created_at: Date;
  updated_at: Date;
};

function toCertificate({ certificate_der, fingerprint, ...row }: Row): OpcuaCertificate {
  const said = readCertificate(certificate_der);
  if (!said) throw new Error(`the certificate ${fingerprint} that is stored cannot be read`);
  return OpcuaCertificate.parse({
    ...row,
    fingerprint,
    subject: said.subject,
    issuer: said.issuer,
    application_uri: said.application_uri,
    valid_from: formatInstant(said.validFrom),
    valid_to: formatInstant(said.validTo),
    seen_at: row.seen_at && formatInstant(row.seen_at),
    decided_at: row.decided_at && formatInstant(row.decided_at),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
