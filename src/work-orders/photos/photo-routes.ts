import type { FastifyReply, FastifyRequest } from 'fastify';
import { readerOf } from '../../access/listing.ts';
import { findFile } from '../../files/file-store.ts';
import { discardFile } from '../../files/receive-file.ts';
import type { ReceivedForm } from '../../files/receive-form.ts';
import { takeForms } from '../../files/take-forms.ts';
import { makeThumbnail } from '../../files/thumbnail.ts';
import { deleted, type Mount, type RouteScope } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { FileHeaders, sentFile } from '../parts/file-shown.ts';
import { aboutForm } from '../parts/form.ts';
import { requireOrder } from '../parts/part.ts';
import { type PartNeeds, partRead, partTags, partUpload, partWrite } from '../parts/part-needs.ts';
import { addPhoto, changePhoto, getPhoto, removePhoto } from './change-photo.ts';
import { Photo, PhotoChange, PhotoFields, PhotoQuery, photoForm, photoList } from './photo.ts';
import { listPhotos } from './photo-store.ts';

/** Photos of a work order: `/work-orders/{id}/photos`. */
export function photoRoutes(app: RouteScope, mount: Mount, needs: PartNeeds): void {
  readingRoutes(app, mount, needs);
  bytesRoutes(app, mount, needs);
  takeForms(app, (scope) => uploadRoute(scope, mount, needs));
  changingRoutes(app, mount, needs);
}

const childOf = (mount: Mount) => mount.child('work-orders', '/photos', 'photo_id');

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: PartNeeds): void {
  const child = childOf(mount);
  const list = {
    operationId: mount.operationId('listPhotos'),
    summary: 'List the photos of a work order',
    tags: partTags,
    params: child.listParams,
    querystring: PhotoQuery,
    response: { 200: mount.pageOf(Photo) },
  };
  app.get(child.list, { config: partRead, schema: list }, async (request, reply) => {
    const { area } = request;
    const { id: orderId } = request.params;
    await requireOrder(db, area, orderId);
    const { page, filter } = paging.list(photoList, request.query, readerOf(area, orderId));
    const rows = await listPhotos(db, { tenantId: area.caller.tenantId, orderId }, { filter, page });
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: mount.operationId('getPhoto'),
    summary: 'Get what is known of a photo',
    tags: partTags,
    params: child.memberParams,
    response: { 200: mount.oneOf(Photo) },
  };
  app.get(child.member(), { config: partRead, schema: one }, async (request, reply) => {
    const { id: orderId, photo_id: id } = request.params;
    await requireOrder(db, request.area, orderId);
    const { photo } = await getPhoto(db, { area: request.area, orderId }, id);
    return shell.send(request, reply, mount.one(photo));
  });
}

function bytesRoutes(app: RouteScope, mount: Mount, { db, files }: PartNeeds): void {
  const child = childOf(mount);
  const find = async ({ area }: FastifyRequest, { id: orderId, photo_id: id }: { id: string; photo_id: string }) => {
    await requireOrder(db, area, orderId);
    const { photo, fileId, thumbnailId } = await getPhoto(db, { area, orderId }, id);
    const fileOf = async (which: string) => {
      const file = await findFile(db, area.caller.tenantId, which);
      if (!file) throw refusals.photoNotFound(id);
      return file;
    };
    return { photo, photoFile: () => fileOf(fileId), thumbnailFile: () => fileOf(thumbnailId) };
  };
  const common = { tags: partTags, params: child.memberParams, headers: FileHeaders, response: sentFile };
  const download = { operationId: mount.operationId('downloadPhoto'), summary: 'Download a photo as it was taken' };
  app.get(
    child.member('/download'),
    { config: partRead, schema: { ...download, ...common } },
    async (request, reply) => {
      const { photo, photoFile } = await find(request, request.params);
      return files.send(request, reply, { file: await photoFile(), name: photo.name });
    },
  );
  const small = {
    operationId: mount.operationId('getPhotoThumbnail'),
    summary: 'Get a photo small, as a JPEG of at most 480 by 480 pixels',
  };
  app.get(child.member('/thumbnail'), { config: partRead, schema: { ...small, ...common } }, async (request, reply) => {
    const { photo, thumbnailFile } = await find(request, request.params);
    return files.send(request, reply, { file: await thumbnailFile(), name: photo.name, disposition: 'inline' });
  });
}

function uploadRoute(scope: RouteScope, mount: Mount, needs: PartNeeds): void {
  const child = childOf(mount);
  const schema = {
    operationId: mount.operationId('createPhoto'),
    summary: 'Add a photo to a work order',
    description: aboutForm,
    tags: partTags,
    consumes: ['multipart/form-data'],
    params: child.listParams,
    body: photoForm,
    response: { 201: mount.oneOf(Photo) },
  };
  scope.post(child.list, { config: partUpload, schema }, async (request, reply) => {
    const { id: orderId } = request.params;
    // Before a byte of it is taken.
    await requireOrder(needs.db, request.area, orderId);
    return needs.files.receive(request, { file: 'file', fields: PhotoFields }, (form) =>
      take({ request, reply, mount, orderId }, form, needs),
    );
  });
}

type Taking = {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly mount: Mount;
  readonly orderId: string;
};

async function take(
  { request, reply, mount, orderId }: Taking,
  { file, fields }: ReceivedForm<PhotoFields>,
  { db, shell, files }: PartNeeds,
): Promise<FastifyReply> {
  const { area } = request;
  const { tenantId } = area.caller;
  const thumbnail = await makeThumbnail(file, { party: tenantId, folder: files.incoming, part: 'file' });
  try {
    return await files.keep(db, tenantId, {
      files: [file, thumbnail.file],
      use: ([fileId = '', thumbnailId = '']) =>
        shell.transact(request, reply, async (trx) => {
          const given = { file, thumbnail, fields, fileId, thumbnailId };
          return mount.created(request, await addPhoto(trx, { area, orderId, at: shell.now() }, { files, given }));
        }),
    });
  } finally {
    await discardFile(thumbnail.file);
  }
}

function changingRoutes(app: RouteScope, mount: Mount, { shell }: PartNeeds): void {
  const child = childOf(mount);
  const change = {
    operationId: mount.operationId('changePhoto'),
    summary: 'Change what is said of a photo',
    tags: partTags,
    params: child.memberParams,
    body: PhotoChange,
    response: { 200: mount.oneOf(Photo) },
  };
  app.patch(child.member(), { config: partWrite, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body } = request;
      const { id: orderId, photo_id: id } = request.params;
      const which = { id, ifMatch: request.headers['if-match'], body };
      return mount.one(await changePhoto(trx, { area, orderId, at: shell.now() }, which));
    }),
  );
  const removal = {
    operationId: mount.operationId('deletePhoto'),
    summary: 'Remove a photo of a work order',
    tags: partTags,
    params: child.memberParams,
    response: { 204: { description: 'Deleted.' } },
  };
  app.delete(child.member(), { config: partWrite, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area } = request;
      const { id: orderId, photo_id: id } = request.params;
      await removePhoto(trx, { area, orderId, at: shell.now() }, { id, ifMatch: request.headers['if-match'] });
      return deleted;
    }),
  );
}
