import type { Area } from '../../access/api-key.ts';
import type { Below, Writing } from '../../access/child-routes.ts';
import type { Which } from '../../access/collection-routes.ts';
import { changesBetween, type NewEvent } from '../../events/event.ts';
import { appendEvent } from '../../events/store.ts';
import { safeNameOf } from '../../files/file-name.ts';
import { dropFiles } from '../../files/file-store.ts';
import type { Files } from '../../files/files.ts';
import type { ReceivedFile } from '../../files/receive-file.ts';
import type { Thumbnail } from '../../files/thumbnail.ts';
import type { Db } from '../../platform/database.ts';
import { requireMatch } from '../../platform/etag.ts';
import { refusals } from '../../platform/refusals.ts';
import { addToWorkOrder } from '../count-store.ts';
import { holdOrder, partEvent } from '../parts/part.ts';
import type { HeldWorkOrder } from '../store.ts';
import type { Photo, PhotoChange, PhotoFields } from './photo.ts';
import { deletePhoto, findPhoto, insertPhoto, updatePhoto } from './photo-store.ts';

type Given = {
  readonly file: ReceivedFile;
  readonly thumbnail: Thumbnail;
  readonly fields: PhotoFields;
  readonly fileId: string;
  readonly thumbnailId: string;
};

/** Adds a photo whose files are kept; run it in a transaction, which claims them. */
export async function addPhoto(
  trx: Db,
  where: Writing,
  { files, given }: { files: Files; given: Given },
): Promise<Photo> {
  const { area, id: orderId, at } = where;
  const { tenantId, userId } = area.caller;
  const { file, fields, fileId, thumbnailId } = given;
  const order = await holdOrder(trx, area, orderId);
  await files.claim(trx, { tenantId, ids: [fileId, thumbnailId] });
  const id = await insertPhoto(
    trx,
    { tenantId, orderId },
    {
      ...{ fileId, thumbnailId, at },
      kind: fields.kind ?? 'other',
      name: safeNameOf(fields.name || file.fileName, 'photo'),
      caption: fields.caption ?? '',
      width: given.thumbnail.width,
      height: given.thumbnail.height,
      createdBy: userId,
      externalId: fields.external_id ?? null,
      metadata: fields.metadata ?? {},
    },
  );
  await addToWorkOrder(trx, { tenantId, id: orderId, at }, { photo_count: 1 });
  const { photo } = await getPhoto(trx, where, id);
  await appendEvent(trx, eventOf(order, area, { type: 'photo.created', photo }));
  return photo;
}

/** Changes what is said of a photo; run it in a transaction. */
export async function changePhoto(
  trx: Db,
  where: Writing,
  { id, ifMatch, body }: Which & { body: PhotoChange },
): Promise<Photo> {
  const { area, id: orderId, at } = where;
  const { tenantId } = area.caller;
  const order = await holdOrder(trx, area, orderId);
  const { photo: before } = await getPhoto(trx, where, id);
  requireMatch(ifMatch, before.updated_at);
  if (Object.keys(body).length === 0) return before;
  const { kind, caption, external_id, metadata } = body;
  const columns = {
    ...(kind === undefined ? {} : { kind }),
    ...(caption === undefined ? {} : { caption }),
    ...(external_id === undefined ? {} : { external_id }),
    ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
  };
  await updatePhoto(trx, { tenantId, orderId }, { id, columns, at });
  const { photo } = await getPhoto(trx, where, id);
  const changes = changesBetween(saidOf(before), saidOf(photo));
  if (changes.length > 0)
    await appendEvent(trx, { ...eventOf(order, area, { type: 'photo.updated', photo }), changes });
  return photo;
}

/**
 * Removes a photo; run it in a transaction. Its bytes go after the commit. Throws work_order_ended for the last one of a completed
 * work order that had to have one.
 */
export async function removePhoto(trx: Db, where: Writing, { id, ifMatch }: Which): Promise<void> {
  const { area, id: orderId, at } = where;
  const { tenantId } = area.caller;
  const order = await holdOrder(trx, area, orderId);
  const { photo, fileId, thumbnailId } = await getPhoto(trx, where, id);
  requireMatch(ifMatch, photo.updated_at);
  if (order.requires_photo && order.photo_count === 1 && order.status === 'completed')
    throw refusals.workOrderEnded(order.status);
  await deletePhoto(trx, { tenantId, orderId }, id);
  await dropFiles(trx, { tenantId, ids: [fileId, thumbnailId] });
  await addToWorkOrder(trx, { tenantId, id: orderId, at }, { photo_count: -1 });
  await appendEvent(trx, eventOf(order, area, { type: 'photo.deleted', photo }));
}

/** One photo, and its files. Throws photo_not_found. */
export async function getPhoto(db: Db, { area, id: orderId }: Below, id: string) {
  const found = await findPhoto(db, { tenantId: area.caller.tenantId, orderId }, id);
  if (!found) throw refusals.photoNotFound(id);
  return found;
}

function saidOf({ kind, caption, external_id, metadata }: Photo) {
  return { kind, caption, external_id, metadata };
}

type Told = { readonly type: NewEvent['type']; readonly photo: Photo };

function eventOf(order: HeldWorkOrder, area: Area, { type, photo }: Told): NewEvent {
  const { id, name, kind, media_type, bytes, sha256 } = photo;
  return partEvent(order, area, { type, data: { id, name, kind, media_type, bytes, sha256 } });
}
