import type { Area } from '../../access/api-key.ts';
import type { Below, Writing } from '../../access/child-routes.ts';
import type { Which } from '../../access/collection-routes.ts';
import { changesBetween, type NewEvent } from '../../events/event.ts';
import { appendEvent } from '../../events/store.ts';
import { safeNameOf } from '../../files/file-name.ts';
import { dropFiles } from '../../files/file-store.ts';
import type { Files } from '../../files/files.ts';
import type { ReceivedFile } from '../../files/receive-file.ts';
import type { Db } from '../../platform/database.ts';
import { requireMatch } from '../../platform/etag.ts';
import { refusals } from '../../platform/refusals.ts';
import { addToWorkOrder } from '../count-store.ts';
import { holdOrder, partEvent } from '../parts/part.ts';
import type { HeldWorkOrder } from '../store.ts';
import type { Attachment, AttachmentChange, AttachmentFields } from './attachment.ts';
import { deleteAttachment, findAttachment, insertAttachment, updateAttachment } from './attachment-store.ts';

type Given = { readonly fileId: string; readonly file: ReceivedFile; readonly fields: AttachmentFields };

/** Attaches a file that is kept; run it in a transaction, which claims the file. */
export async function attach(
  trx: Db,
  where: Writing,
  { files, given }: { files: Files; given: Given },
): Promise<Attachment> {
  const { area, id: orderId, at } = where;
  const { tenantId, userId } = area.caller;
  const { file, fields } = given;
  const order = await holdOrder(trx, area, orderId);
  await files.claim(trx, { tenantId, ids: [given.fileId] });
  const id = await insertAttachment(
    trx,
    { tenantId, orderId },
    {
      fileId: given.fileId,
      name: safeNameOf(fields.name || file.fileName),
      createdBy: userId,
      externalId: fields.external_id ?? null,
      metadata: fields.metadata ?? {},
      at,
    },
  );
  await addToWorkOrder(trx, { tenantId, id: orderId, at }, { attachment_count: 1 });
  const { attachment } = await getAttachment(trx, where, id);
  await appendEvent(trx, eventOf(order, area, { type: 'attachment.created', attachment }));
  return attachment;
}

/** Changes what is said of an attachment; run it in a transaction. Its bytes never change. */
export async function changeAttachment(
  trx: Db,
  where: Writing,
  { id, ifMatch, body }: Which & { body: AttachmentChange },
): Promise<Attachment> {
  const { area, id: orderId, at } = where;
  const { tenantId } = area.caller;
  const order = await holdOrder(trx, area, orderId);
  const { attachment: before } = await getAttachment(trx, where, id);
  requireMatch(ifMatch, before.updated_at);
  if (Object.keys(body).length === 0) return before;
  const { name, external_id, metadata } = body;
  const columns = {
    ...(name === undefined ? {} : { name: safeNameOf(name) }),
    ...(external_id === undefined ? {} : { external_id }),
    ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
  };
  await updateAttachment(trx, { tenantId, orderId }, { id, columns, at });
  const { attachment } = await getAttachment(trx, where, id);
  const changes = changesBetween(saidOf(before), saidOf(attachment));
  if (changes.length > 0)
    await appendEvent(trx, { ...eventOf(order, area, { type: 'attachment.updated', attachment }), changes });
  return attachment;
}

/** Removes an attachment; run it in a transaction. Its bytes go after the commit. */
export async function removeAttachment(trx: Db, where: Writing, { id, ifMatch }: Which): Promise<void> {
  const { area, id: orderId, at } = where;
  const { tenantId } = area.caller;
  const order = await holdOrder(trx, area, orderId);
  const { attachment, fileId } = await getAttachment(trx, where, id);
  requireMatch(ifMatch, attachment.updated_at);
  await deleteAttachment(trx, { tenantId, orderId }, id);
  await dropFiles(trx, { tenantId, ids: [fileId] });
  await addToWorkOrder(trx, { tenantId, id: orderId, at }, { attachment_count: -1 });
  await appendEvent(trx, eventOf(order, area, { type: 'attachment.deleted', attachment }));
}

/** One attachment, and its file. Throws attachment_not_found. */
export async function getAttachment(db: Db, { area, id: orderId }: Below, id: string) {
  const found = await findAttachment(db, { tenantId: area.caller.tenantId, orderId }, id);
  if (!found) throw refusals.attachmentNotFound(id);
  return found;
}

function saidOf({ name, external_id, metadata }: Attachment) {
  return { name, external_id, metadata };
}

type Told = { readonly type: NewEvent['type']; readonly attachment: Attachment };

function eventOf(order: HeldWorkOrder, area: Area, { type, attachment }: Told): NewEvent {
  const { id, name, media_type, bytes, sha256 } = attachment;
  return partEvent(order, area, { type, data: { id, name, media_type, bytes, sha256 } });
}
