import { personOf } from '../../access/person.ts';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { formatInstant } from '../../platform/instant.ts';
import { narrowed, readPage } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import { fileColumns, shownFile } from '../parts/file-shown.ts';
import { Signature, type SignatureFilter } from './signature.ts';

/** A work order of a tenant. */
type Order = { readonly tenantId: string; readonly orderId: string };

/** The signatures under one work order. */
export async function listSignatures(
  db: Db,
  order: Order,
  { filter, page }: { filter: SignatureFilter; page: ListRequest },
): Promise<Rows<Signature>> {
  let signatures = signaturesOf(db, order);
  if (filter.external_id !== undefined)
    signatures = signatures.where('work_order_signature.external_id', '=', filter.external_id);
  const found = narrowed(signatures, page);
  return readPage({ found, shown: shown(found) }, page, toSignature);
}

export type FoundSignature = { readonly signature: Signature; readonly fileId: string; readonly document: string };

/** One signature, its picture, and what was signed. */
export async function findSignature(db: Db, order: Order, id: string): Promise<FoundSignature | undefined> {
  const row = await shown(signaturesOf(db, order)).where('work_order_signature.id', '=', id).executeTakeFirst();
  return row && { signature: toSignature(row), fileId: row.file_id, document: row.document };
}

export type NewSignature = {
  readonly fileId: string;
  readonly signerName: string;
  readonly role: string;
  readonly signedAt: Date;
  readonly document: string;
  readonly documentSha256: Buffer;
  readonly createdBy: string | null;
  readonly externalId: string | null;
  readonly metadata: Record<string, unknown>;
  readonly at: Date;
};

/** Inserts a signature and gives its id. */
export async function insertSignature(trx: Db, { tenantId, orderId }: Order, signature: NewSignature): Promise<string> {
  const id = newId();
  await trx
    .insertInto('work_order_signature')
    .values({
      ...{ id, tenant_id: tenantId, work_order_id: orderId },
      file_id: signature.fileId,
      signer_name: signature.signerName,
      role: signature.role,
      signed_at: signature.signedAt,
      document: signature.document,
      document_sha256: signature.documentSha256,
      created_by: signature.createdBy,
      external_id: signature.externalId,
      metadata: JSON.stringify(signature.metadata),
      created_at: signature.at,
      updated_at: signature.at,
    })
    .execute();
  return id;
}

/** Removes a signature; its picture is the caller's to give up. */
export async function deleteSignature(trx: Db, { tenantId, orderId }: Order, id: string): Promise<void> {
  await trx
    .deleteFrom('work_order_signature')
    .where('tenant_id', '=', tenantId)
    .where('work_order_id', '=', orderId)
    .where('id', '=', id)
    .execute();
}

function signaturesOf(db: Db, { tenantId, orderId }: Order) {
  return db
    .selectFrom('work_order_signature')
    .innerJoin('file', 'file.id', 'work_order_signature.file_id')
    .where('work_order_signature.tenant_id', '=', tenantId)
    .where('work_order_signature.work_order_id', '=', orderId);
}

function shown(signatures: ReturnType<typeof signaturesOf>) {
  return signatures
    .leftJoin('app_user as creator', 'creator.id', 'work_order_signature.created_by')
    .selectAll('work_order_signature')
    .select(fileColumns)
    .select(['creator.username', 'creator.email']);
}

type Row = Awaited<ReturnType<ReturnType<typeof shown>['executeTakeFirstOrThrow']>>;

function toSignature(row: Row): Signature {
  return Signature.parse({
    ...row,
    ...shownFile(row),
    document_sha256: row.document_sha256.toString('hex'),
    created_by_detail: personOf(row.created_by, row.username, row.email),
    signed_at: formatInstant(row.signed_at),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
