import { readerOf } from '../../access/listing.ts';
import { findFile } from '../../files/file-store.ts';
import { takeForms } from '../../files/take-forms.ts';
import { requirePicture } from '../../files/thumbnail.ts';
import { deleted, type Mount, type RouteScope } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { FileHeaders, sentFile } from '../parts/file-shown.ts';
import { aboutForm } from '../parts/form.ts';
import { requireOrder } from '../parts/part.ts';
import { type PartNeeds, partRead, partTags, partUpload, partWrite } from '../parts/part-needs.ts';
import { getSignature, removeSignature, sign } from './change-signature.ts';
import {
  Signature,
  SignatureFields,
  SignatureQuery,
  SignedDocument,
  signatureForm,
  signatureList,
} from './signature.ts';
import { listSignatures } from './signature-store.ts';
import { signedDocumentOf } from './signed-document.ts';

/** Signatures under a work order: `/work-orders/{id}/signatures`. */
export function signatureRoutes(app: RouteScope, mount: Mount, needs: PartNeeds): void {
  readingRoutes(app, mount, needs);
  contentRoutes(app, mount, needs);
  takeForms(app, (scope) => signingRoute(scope, mount, needs));
  removingRoute(app, mount, needs);
}

const childOf = (mount: Mount) => mount.child('work-orders', '/signatures', 'signature_id');

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: PartNeeds): void {
  const child = childOf(mount);
  const list = {
    operationId: mount.operationId('listSignatures'),
    summary: 'List the signatures under a work order',
    tags: partTags,
    params: child.listParams,
    querystring: SignatureQuery,
    response: { 200: mount.pageOf(Signature) },
  };
  app.get(child.list, { config: partRead, schema: list }, async (request, reply) => {
    const { area } = request;
    const { id: orderId } = request.params;
    await requireOrder(db, area, orderId);
    const { page, filter } = paging.list(signatureList, request.query, readerOf(area, orderId));
    const rows = await listSignatures(db, { tenantId: area.caller.tenantId, orderId }, { filter, page });
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: mount.operationId('getSignature'),
    summary: 'Get one signature under a work order',
    tags: partTags,
    params: child.memberParams,
    response: { 200: mount.oneOf(Signature) },
  };
  app.get(child.member(), { config: partRead, schema: one }, async (request, reply) => {
    const { id: orderId, signature_id: id } = request.params;
    await requireOrder(db, request.area, orderId);
    const { signature } = await getSignature(db, { area: request.area, orderId }, id);
    return shell.send(request, reply, mount.one(signature));
  });
}

function contentRoutes(app: RouteScope, mount: Mount, { db, shell, files }: PartNeeds): void {
  const child = childOf(mount);
  const download = {
    operationId: mount.operationId('downloadSignature'),
    summary: 'Download the picture of a signature',
    tags: partTags,
    params: child.memberParams,
    headers: FileHeaders,
    response: sentFile,
  };
  app.get(child.member('/download'), { config: partRead, schema: download }, async (request, reply) => {
    const { area } = request;
    const { id: orderId, signature_id: id } = request.params;
    await requireOrder(db, area, orderId);
    const { signature, fileId } = await getSignature(db, { area, orderId }, id);
    const file = await findFile(db, area.caller.tenantId, fileId);
    if (!file) throw refusals.signatureNotFound(id);
    return files.send(request, reply, { file, name: `signature ${signature.signer_name}` });
  });
  const document = {
    operationId: mount.operationId('getSignedDocument'),
    summary: 'Get what was signed, and whether the work order still is that',
    tags: partTags,
    params: child.memberParams,
    response: { 200: mount.oneOf(SignedDocument) },
  };
  app.get(child.member('/document'), { config: partRead, schema: document }, async (request, reply) => {
    const { area } = request;
    const { id: orderId, signature_id: id } = request.params;
    const { workOrder } = await requireOrder(db, area, orderId);
    const { signature, document } = await getSignature(db, { area, orderId }, id);
    const is_unchanged = (await signedDocumentOf(db, area.caller.tenantId, workOrder)) === document;
    const { document_sha256 } = signature;
    return shell.send(request, reply, mount.found({ document, document_sha256, is_unchanged }));
  });
}

function signingRoute(scope: RouteScope, mount: Mount, { db, shell, files }: PartNeeds): void {
  const child = childOf(mount);
  const schema = {
    operationId: mount.operationId('createSignature'),
    summary: 'Sign a work order as it is now',
    description: aboutForm,
    tags: partTags,
    consumes: ['multipart/form-data'],
    params: child.listParams,
    body: signatureForm,
    response: { 201: mount.oneOf(Signature) },
  };
  scope.post(child.list, { config: partUpload, schema }, async (request, reply) => {
    const { area } = request;
    const { id: orderId } = request.params;
    // Before a byte of it is taken.
    await requireOrder(db, area, orderId);
    return files.receive(request, { file: 'image', fields: SignatureFields }, async ({ file, fields }) => {
      await requirePicture(file, { party: area.caller.tenantId, part: 'image' });
      return files.keep(db, area.caller.tenantId, {
        files: [file],
        use: ([fileId = '']) =>
          shell.transact(request, reply, async (trx) => {
            const where = { area, orderId, at: shell.now() };
            return mount.created(request, await sign(trx, where, { files, fileId, fields }));
          }),
      });
    });
  });
}

function removingRoute(app: RouteScope, mount: Mount, { shell }: PartNeeds): void {
  const child = childOf(mount);
  const removal = {
    operationId: mount.operationId('deleteSignature'),
    summary: 'Remove a signature under a work order',
    tags: partTags,
    params: child.memberParams,
    response: { 204: { description: 'Deleted.' } },
  };
  app.delete(child.member(), { config: partWrite, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area } = request;
      const { id: orderId, signature_id: id } = request.params;
      await removeSignature(trx, { area, orderId, at: shell.now() }, { id, ifMatch: request.headers['if-match'] });
      return deleted;
    }),
  );
}
