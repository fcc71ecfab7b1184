import { childRoutes } from '../../access/child-routes.ts';
import { discardFile } from '../../files/receive-file.ts';
import { makeThumbnail } from '../../files/thumbnail.ts';
import type { Mount, RouteScope } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { fileRoute, uploadRoute } from '../parts/file-routes.ts';
import { orderOf, workOrders } from '../parts/part.ts';
import type { PartNeeds } from '../parts/part-needs.ts';
import { addPhoto, changePhoto, getPhoto, removePhoto } from './change-photo.ts';
import { Photo, PhotoChange, PhotoFields, PhotoQuery, photoForm, photoList } from './photo.ts';
import { listPhotos } from './photo-store.ts';

const named = { path: '/photos', idName: 'photo_id', noun: 'Photo', nouns: 'Photos' };

/** Photos of a work order: `/work-orders/{id}/photos`. */
export function photoRoutes(app: RouteScope, mount: Mount, needs: PartNeeds): void {
  childRoutes(app, mount, needs, {
    ...named,
    parent: workOrders,
    shown: Photo,
    list: {
      summary: 'List the photos of a work order',
      of: photoList,
      query: PhotoQuery,
      find: (db, below, asked) => listPhotos(db, orderOf(below), asked),
    },
    one: {
      summary: 'Get what is known of a photo',
      get: async (db, below, id) => (await getPhoto(db, below, id)).photo,
    },
    change: { summary: 'Change what is said of a photo', body: PhotoChange, apply: changePhoto },
    removal: { summary: 'Remove a photo of a work order', remove: removePhoto },
  });
  takingRoute(app, mount, needs);
  sendingRoutes(app, mount, needs);
}

function takingRoute(app: RouteScope, mount: Mount, needs: PartNeeds): void {
  const { files } = needs;
  uploadRoute(app, mount, needs, {
    ...named,
    summary: 'Add a photo to a work order',
    shown: Photo,
    form: { file: 'file', fields: PhotoFields, body: photoForm },
    take: async ({ file, fields }, keep, { tenantId }) => {
      const thumbnail = await makeThumbnail(file, { party: tenantId, folder: files.incoming, part: 'file' });
      try {
        return await keep([file, thumbnail.file], (trx, writing, [fileId = '', thumbnailId = '']) =>
          addPhoto(trx, writing, { files, given: { file, thumbnail, fields, fileId, thumbnailId } }),
        );
      } finally {
        await discardFile(thumbnail.file);
      }
    },
  });
}

function sendingRoutes(app: RouteScope, mount: Mount, needs: PartNeeds): void {
  const gone = refusals.photoNotFound;
  fileRoute(app, mount, needs, {
    ...{ ...named, gone, below: '/download', operation: 'downloadPhoto', summary: 'Download a photo as it was taken' },
    find: async (db, below, id) => {
      const { photo, fileId } = await getPhoto(db, below, id);
      return { fileId, name: photo.name };
    },
  });
  fileRoute(app, mount, needs, {
    ...{ ...named, gone, below: '/thumbnail', operation: 'getPhotoThumbnail' },
    summary: 'Get a photo small, as a JPEG of at most 480 by 480 pixels',
    find: async (db, below, id) => {
      const { photo, thumbnailId: fileId } = await getPhoto(db, below, id);
      return { fileId, name: photo.name, disposition: 'inline' };
    },
  });
}
