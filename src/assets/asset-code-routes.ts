import { toString as drawCode } from 'qrcode';
import { z } from 'zod';
import { requireSite } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { text, wholeNumber } from '../platform/fields.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import { refusals } from '../platform/refusals.ts';
import { Asset } from './asset.ts';
import { findAssetByCode } from './asset-code-store.ts';
import { getPresentAsset } from './get-asset.ts';

type Needs = { readonly db: Db; readonly shell: Shell; readonly publicUrl: string };

const config = { scope: 'assets:read' } as const;
const tags = ['Assets'];

/** What is printed on equipment, and what is found by it. */
export function assetCodeRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  byCodeRoute(app, mount, needs);
  qrRoute(app, mount, needs);
}

function byCodeRoute(app: RouteScope, mount: Mount, { db, shell, publicUrl }: Needs): void {
  const code = text(500).min(1).describe('What was scanned: a barcode, the link of a QR code, or an id.');
  const params = (mount.listParams as unknown as z.ZodObject).extend({ code }) as unknown as z.ZodType<{
    code: string;
  }>;
  const schema = {
    operationId: mount.operationId('getAssetByCode'),
    summary: 'Get the piece of equipment on which a code is printed',
    description: 'Safe: it changes nothing. A code of what was merged into another piece gives that one.',
    tags,
    params,
    response: { 200: mount.oneOf(Asset) },
  };
  app.get(mount.list('assets/by-code/:code'), { config, schema }, async (request, reply) => {
    const { area } = request;
    const given = request.params.code;
    const link = linkOf(publicUrl, '');
    const found = await findAssetByCode(db, area, given.startsWith(link) ? given.slice(link.length) : given);
    if (!found) throw refusals.assetNotFound(`with the code ${given}`);
    requireSite(area.caller, found.siteId);
    return shell.send(request, reply, mount.one(found.asset));
  });
}

const sizeDefault = 256;

function qrRoute(app: RouteScope, mount: Mount, { db, publicUrl }: Needs): void {
  const svg = {
    description: 'The code as a picture.',
    content: { 'image/svg+xml': { schema: z.string() } },
  };
  const schema = {
    operationId: mount.operationId('getAssetQrCode'),
    summary: 'Get a QR code with the link to a piece of equipment, to be printed on it',
    tags,
    params: mount.memberParams,
    querystring: z.strictObject({
      size: wholeNumber({ min: 64, max: 4_096, default: sizeDefault }).describe('Its width and height in pixels.'),
    }),
    response: { 200: svg },
  };
  app.get(mount.member('assets', '/qr.svg'), { config, schema }, async (request, reply) => {
    const { asset } = await getPresentAsset(db, request.area, request.params.id);
    const { size: width = sizeDefault } = request.query;
    const picture = await drawCode(linkOf(publicUrl, asset.id), {
      type: 'svg',
      errorCorrectionLevel: 'M',
      margin: 4,
      width,
    });
    return reply.type('image/svg+xml; charset=utf-8').send(picture);
  });
}

/** The link to a piece of equipment for people, which leads to it whatever becomes of its name. */
function linkOf(publicUrl: string, id: string): string {
  return `${publicUrl}/assets/${id}`;
}
