import { personOf } from '../../access/person.ts';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { formatInstant } from '../../platform/instant.ts';
import { narrowed, readPage } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import { laterThanBefore } from '../../platform/version-store.ts';
import { fileColumns, shownFile } from '../parts/file-shown.ts';
import { Attachment, type AttachmentFilter } from './attachment.ts';

/** A work order of a tenant. */
type Order = { readonly tenantId: string; readonly orderId: string };

/** The attachments of one work order. */
export async function listAttachments(
  db: Db,
  order: Order,
  { filter, page }: { filter: AttachmentFilter; page: ListRequest },
): Promise<Rows<Attachment>> {
  let attachments = attachmentsOf(db, order);
  if (filter.media_type !== undefined) attachments = attachments.where('file.media_type', '=', filter.media_type);
  if (filter.external_id !== undefined)
    attachments = attachments.where('work_order_attachment.external_id', '=', filter.external_id);
  const found = narrowed(attachments, page);
  return readPage({ found, shown: shown(found) }, page, toAttachment);
}

/** One attachment of a work order, and its file. */
export async function findAttachment(
  db: Db,
  order: Order,
  id: string,
): Promise<{ attachment: Attachment; fileId: string } | undefined> {
  const row = await shown(attachmentsOf(db, order)).where('work_order_attachment.id', '=', id).executeTakeFirst();
  return row && { attachment: toAttachment(row), fileId: row.file_id };
}

export type NewAttachment = {
  readonly fileId: string;
  readonly name: string;
  readonly createdBy: string | null;
  readonly externalId: string | null;
  readonly metadata: Record<string, unknown>;
  readonly at: Date;
};

/** Inserts an attachment and gives its id. */
export async function insertAttachment(
  trx: Db,
  { tenantId, orderId }: Order,
  attachment: NewAttachment,
): Promise<string> {
  const id = newId();
  await trx
    .insertInto('work_order_attachment')
    .values({
      ...{ id, tenant_id: tenantId, work_order_id: orderId },
      file_id: attachment.fileId,
      name: attachment.name,
      created_by: attachment.createdBy,
      external_id: attachment.externalId,
      metadata: JSON.stringify(attachment.metadata),
      created_at: attachment.at,
      updated_at: attachment.at,
    })
    .execute();
  return id;
}

export type AttachmentColumns = {
  readonly name?: string;
  readonly external_id?: string | null;
  readonly metadata?: string;
};

/** Changes what is said of an attachment. */
export async function updateAttachment(
  trx: Db,
  { tenantId, orderId }: Order,
  { id, columns, at }: { id: string; columns: AttachmentColumns; at: Date },
): Promise<void> {
  await trx
    .updateTable('work_order_attachment')
    .set({ ...columns, updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('work_order_id', '=', orderId)
    .where('id', '=', id)
    .execute();
}

/** Removes an attachment; its file is the caller's to give up. */
export async function deleteAttachment(trx: Db, { tenantId, orderId }: Order, id: string): Promise<void> {
  await trx
    .deleteFrom('work_order_attachment')
    .where('tenant_id', '=', tenantId)
    .where('work_order_id', '=', orderId)
    .where('id', '=', id)
    .execute();
}

function attachmentsOf(db: Db, { tenantId, orderId }: Order) {
  return db
    .selectFrom('work_order_attachment')
    .innerJoin('file', 'file.id', 'work_order_attachment.file_id')
    .where('work_order_attachment.tenant_id', '=', tenantId)
    .where('work_order_attachment.work_order_id', '=', orderId);
}

function shown(attachments: ReturnType<typeof attachmentsOf>) {
  return attachments
    .leftJoin('app_user as creator', 'creator.id', 'work_order_attachment.created_by')
    .selectAll('work_order_attachment')
    .select(fileColumns)
    .select(['creator.username', 'creator.email']);
}

type Row = Awaited<ReturnType<ReturnType<typeof shown>['executeTakeFirstOrThrow']>>;

function toAttachment(row: Row): Attachment {
  return Attachment.parse({
    ...row,
    ...shownFile(row),
    created_by_detail: personOf(row.created_by, row.username, row.email),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
