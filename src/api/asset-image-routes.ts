/** The picture of a piece of equipment: set by a form, sent as it came or small, and taken away. */
import type { FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Asset } from '../assets/asset.ts';
import type { KeptImage } from '../assets/asset-image.ts';
import { findImage } from '../assets/asset-image-store.ts';
import { getAsset } from '../assets/change-asset.ts';
import { changeImage } from '../assets/change-image.ts';
import { getPresentAsset } from '../assets/get-asset.ts';
import { safeNameOf, withEnding } from '../files/file-name.ts';
import { dropFiles, findFile } from '../files/file-store.ts';
import type { Files } from '../files/files.ts';
import { mediaTypes } from '../files/media-types.ts';
import { discardFile, type ReceivedFile } from '../files/receive-file.ts';
import { takeForms } from '../files/take-forms.ts';
import { makeThumbnail } from '../files/thumbnail.ts';
import type { Db } from '../platform/database.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../platform/mount.ts';
import { refusals } from '../platform/refusals.ts';
import { FileHeaders, sentFile } from '../work-orders/parts/file-shown.ts';
import { formOf } from '../work-orders/parts/form.ts';

type Needs = { readonly db: Db; readonly shell: Shell; readonly files: Files };

const tags = ['Assets'];
const read = { scope: 'assets:read' } as const;
const write = { scope: 'assets:write' } as const;

/** `/assets/{id}/image`, and below it `/thumbnail`. */
export function assetImageRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  takeForms(app, (scope) => settingRoute(scope, mount, needs));
  sendingRoutes(app, mount, needs);
  removalRoute(app, mount, needs);
}

const Nothing = z.strictObject({});
const form = { file: 'file', fields: Nothing };

function settingRoute(app: RouteScope, mount: Mount, { db, shell, files }: Needs): void {
  const schema = {
    operationId: mount.operationId('setAssetImage'),
    summary: 'Give a piece of equipment a picture, in the place of the one that it has',
    description:
      'Idempotent: the same picture twice leaves what it left the first time. The body is `multipart/form-data` with one file, whose type is told by its content.',
    tags,
    consumes: ['multipart/form-data'],
    params: mount.memberParams,
    body: formOf(Nothing, 'file', 'A picture: JPEG, PNG, WebP, GIF, AVIF or TIFF.'),
    response: { 200: mount.oneOf(Asset) },
  };
  app.put(mount.member('assets', '/image'), { config: { ...write, streams: true }, schema }, async (request, reply) => {
    const { area, params, headers } = request;
    const { tenantId } = area.caller;
    // Before a byte of it is taken.
    await getPresentAsset(db, area, params.id);
    const save = (image: KeptImage) =>
      shell.transact(request, reply, async (trx) => {
        await files.claim(trx, { tenantId, ids: filesOf(image) });
        const which = { id: params.id, ifMatch: headers['if-match'], at: shell.now(), image };
        const had = await changeImage(trx, area, which);
        if (had) await dropFiles(trx, { tenantId, ids: filesOf(had) });
        return mount.one(await getAsset(trx, area, params.id));
      });
    return files.receive(request, form, async ({ file }) => {
      const thumbnail = await makeThumbnail(file, { party: tenantId, folder: files.incoming, part: form.file });
      try {
        const kept = {
          files: [file, thumbnail.file],
          use: ([id = '', small = '']: readonly string[]) =>
            save({
              ...shownOf(file),
              width: thumbnail.width,
              height: thumbnail.height,
              file_id: id,
              thumbnail_id: small,
            }),
        };
        return await files.keep(db, tenantId, kept);
      } finally {
        await discardFile(thumbnail.file);
      }
    });
  });
}

function sendingRoutes(app: RouteScope, mount: Mount, { db, files }: Needs): void {
  const find = async ({ area }: FastifyRequest, id: string) => {
    const { asset } = await getPresentAsset(db, area, id);
    const image = await findImage(db, { tenantId: area.caller.tenantId, id: asset.id });
    if (!image) throw refusals.assetImageNotFound(id);
    return { asset, image };
  };
  const common = { tags, params: mount.memberParams, headers: FileHeaders, response: sentFile };
  for (const { below, operationId, summary, fileOf } of pictures) {
    const schema = { operationId: mount.operationId(operationId), summary, ...common };
    app.get(mount.member('assets', below), { config: read, schema }, async (request, reply) => {
      const { params, area } = request;
      const { asset, image } = await find(request, params.id);
      const file = await findFile(db, area.caller.tenantId, fileOf(image));
      if (!file) throw refusals.assetImageNotFound(params.id);
      const name = withEnding(safeNameOf(asset.name, 'picture'), mediaTypes[file.mediaType] ?? []);
      return files.send(request, reply, { file, name, disposition: 'inline' });
    });
  }
}

const pictures = [
  {
    below: '/image',
    operationId: 'getAssetImage',
    summary: 'Get the picture of a piece of equipment',
    fileOf: ({ file_id }: KeptImage) => file_id,
  },
  {
    below: '/image/thumbnail',
    operationId: 'getAssetThumbnail',
    summary: 'Get the picture of a piece of equipment small, as a JPEG of at most 480 by 480 pixels',
    fileOf: ({ thumbnail_id }: KeptImage) => thumbnail_id,
  },
] as const;

function removalRoute(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const schema = {
    operationId: mount.operationId('deleteAssetImage'),
    summary: 'Take the picture of a piece of equipment away',
    tags,
    params: mount.memberParams,
    response: { 204: { description: 'Deleted.' } },
  };
  app.delete(mount.member('assets', '/image'), { config: write, schema }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, params, headers } = request;
      const which = { id: params.id, ifMatch: headers['if-match'], at: shell.now(), image: null };
      const had = await changeImage(trx, area, which);
      if (had) await dropFiles(trx, { tenantId: area.caller.tenantId, ids: filesOf(had) });
      return deleted;
    }),
  );
}

function filesOf({ file_id, thumbnail_id }: KeptImage): string[] {
  return [file_id, thumbnail_id];
}

function shownOf({ mediaType, bytes, sha256 }: ReceivedFile) {
  return { media_type: mediaType, bytes, sha256: sha256.toString('hex') };
}
