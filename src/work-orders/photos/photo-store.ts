import { personOf } from '../../access/person.ts';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { formatInstant } from '../../platform/instant.ts';
import { narrowed, readPage } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import { laterThanBefore } from '../../platform/version-store.ts';
import { fileColumns, shownFile } from '../parts/file-shown.ts';
import { Photo, type PhotoFilter } from './photo.ts';

/** A work order of a tenant. */
type Order = { readonly tenantId: string; readonly orderId: string };

/** The photos of one work order. */
export async function listPhotos(
  db: Db,
  order: Order,
  { filter, page }: { filter: PhotoFilter; page: ListRequest },
): Promise<Rows<Photo>> {
  let photos = photosOf(db, order);
  if (filter.kind !== undefined) photos = photos.where('work_order_photo.kind', '=', filter.kind);
  if (filter.external_id !== undefined) photos = photos.where('work_order_photo.external_id', '=', filter.external_id);
  const found = narrowed(photos, page);
  return readPage({ found, shown: shown(found) }, page, toPhoto);
}

/** One photo of a work order, and its two files. */
export async function findPhoto(
  db: Db,
  order: Order,
  id: string,
): Promise<{ photo: Photo; fileId: string; thumbnailId: string } | undefined> {
  const row = await shown(photosOf(db, order)).where('work_order_photo.id', '=', id).executeTakeFirst();
  return row && { photo: toPhoto(row), fileId: row.file_id, thumbnailId: row.thumbnail_id };
}

export type NewPhoto = {
  readonly fileId: string;
  readonly thumbnailId: string;
  readonly kind: Photo['kind'];
  readonly name: string;
  readonly caption: string;
  readonly width: number;
  readonly height: number;
  readonly createdBy: string | null;
  readonly externalId: string | null;
  readonly metadata: Record<string, unknown>;
  readonly at: Date;
};

/** Inserts a photo and gives its id. */
export async function insertPhoto(trx: Db, { tenantId, orderId }: Order, photo: NewPhoto): Promise<string> {
  const id = newId();
  await trx
    .insertInto('work_order_photo')
    .values({
      ...{ id, tenant_id: tenantId, work_order_id: orderId },
      file_id: photo.fileId,
      thumbnail_id: photo.thumbnailId,
      kind: photo.kind,
      name: photo.name,
      caption: photo.caption,
      width: photo.width,
      height: photo.height,
      created_by: photo.createdBy,
      external_id: photo.externalId,
      metadata: JSON.stringify(photo.metadata),
      created_at: photo.at,
      updated_at: photo.at,
    })
    .execute();
  return id;
}

export type PhotoColumns = {
  readonly kind?: Photo['kind'];
  readonly caption?: string;
  readonly external_id?: string | null;
  readonly metadata?: string;
};

/** Changes what is said of a photo. */
export async function updatePhoto(
  trx: Db,
  { tenantId, orderId }: Order,
  { id, columns, at }: { id: string; columns: PhotoColumns; at: Date },
): Promise<void> {
  await trx
    .updateTable('work_order_photo')
    .set({ ...columns, updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('work_order_id', '=', orderId)
    .where('id', '=', id)
    .execute();
}

/** Removes a photo; its files are the caller's to give up. */
export async function deletePhoto(trx: Db, { tenantId, orderId }: Order, id: string): Promise<void> {
  await trx
    .deleteFrom('work_order_photo')
    .where('tenant_id', '=', tenantId)
    .where('work_order_id', '=', orderId)
    .where('id', '=', id)
    .execute();
}

function photosOf(db: Db, { tenantId, orderId }: Order) {
  return db
    .selectFrom('work_order_photo')
    .innerJoin('file', 'file.id', 'work_order_photo.file_id')
    .where('work_order_photo.tenant_id', '=', tenantId)
    .where('work_order_photo.work_order_id', '=', orderId);
}

function shown(photos: ReturnType<typeof photosOf>) {
  return photos
    .leftJoin('app_user as creator', 'creator.id', 'work_order_photo.created_by')
    .selectAll('work_order_photo')
    .select(fileColumns)
    .select(['creator.username', 'creator.email']);
}

type Row = Awaited<ReturnType<ReturnType<typeof shown>['executeTakeFirstOrThrow']>>;

function toPhoto(row: Row): Photo {
  return Photo.parse({
    ...row,
    ...shownFile(row),
    created_by_detail: personOf(row.created_by, row.username, row.email),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
