import { childRoutes } from '../../access/child-routes.ts';
import { requirePicture } from '../../files/thumbnail.ts';
import type { Mount, RouteScope } from '../../platform/mount.ts';
import { refusals } from '../../platform/refusals.ts';
import { fileRoute, uploadRoute } from '../parts/file-routes.ts';
import { orderOf, requireOrder, workOrders } from '../parts/part.ts';
import { type PartNeeds, partRead, partTags } from '../parts/part-needs.ts';
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

const named = { path: '/signatures', idName: 'signature_id', noun: 'Signature', nouns: 'Signatures' } as const;

/** Signatures under a work order: `/work-orders/{id}/signatures`. */
export function signatureRoutes(app: RouteScope, mount: Mount, needs: PartNeeds): void {
  childRoutes(app, mount, needs, {
    ...named,
    parent: workOrders,
    shown: Signature,
    list: {
      summary: 'List the signatures under a work order',
      of: signatureList,
      query: SignatureQuery,
      find: (db, below, asked) => listSignatures(db, orderOf(below), asked),
    },
    one: {
      summary: 'Get one signature under a work order',
      get: async (db, below, id) => (await getSignature(db, below, id)).signature,
    },
    removal: { summary: 'Remove a signature under a work order', remove: removeSignature },
  });
  uploadRoute(app, mount, needs, {
    ...named,
    summary: 'Sign a work order as it is now',
    shown: Signature,
    form: { file: 'image', fields: SignatureFields, body: signatureForm },
    take: async ({ file, fields }, keep, { tenantId }) => {
      await requirePicture(file, { party: tenantId, part: 'image' });
      return keep([file], (trx, writing, [fileId = '']) => sign(trx, writing, { files: needs.files, fileId, fields }));
    },
  });
  fileRoute(app, mount, needs, {
    ...named,
    below: '/download',
    operation: 'downloadSignature',
    summary: 'Download the picture of a signature',
    find: async (db, below, id) => {
      const { signature, fileId } = await getSignature(db, below, id);
      return { fileId, name: `signature ${signature.signer_name}` };
    },
    gone: refusals.signatureNotFound,
  });
  documentRoute(app, mount, needs);
}

function documentRoute(app: RouteScope, mount: Mount, { db, shell }: PartNeeds): void {
  const child = mount.child('work-orders', named.path, named.idName);
  const schema = {
    operationId: mount.operationId('getSignedDocument'),
    summary: 'Get what was signed, and whether the work order still is that',
    tags: partTags,
    params: child.memberParams,
    response: { 200: mount.oneOf(SignedDocument) },
  };
  app.get(child.member('/document'), { config: partRead, schema }, async (request, reply) => {
    const { area } = request;
    const { id, signature_id } = request.params;
    const { workOrder } = await requireOrder(db, area, id);
    const { signature, document } = await getSignature(db, { area, id }, signature_id);
    const is_unchanged = (await signedDocumentOf(db, area.caller.tenantId, workOrder)) === document;
    const { document_sha256 } = signature;
    return shell.send(request, reply, mount.found({ document, document_sha256, is_unchanged }));
  });
}
