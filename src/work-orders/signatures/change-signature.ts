import type { Area } from '../../access/api-key.ts';
import type { Below, Writing } from '../../access/child-routes.ts';
import type { Which } from '../../access/collection-routes.ts';
import type { NewEvent } from '../../events/event.ts';
import { appendEvent } from '../../events/store.ts';
import { dropFiles } from '../../files/file-store.ts';
import type { Files } from '../../files/files.ts';
import type { Db } from '../../platform/database.ts';
import { requireMatch } from '../../platform/etag.ts';
import { parseInstant } from '../../platform/instant.ts';
import { refusals } from '../../platform/refusals.ts';
import { addToWorkOrder } from '../count-store.ts';
import { holdOrder, partEvent, requireOrder } from '../parts/part.ts';
import type { HeldWorkOrder } from '../store.ts';
import type { Signature, SignatureFields } from './signature.ts';
import { deleteSignature, findSignature, insertSignature } from './signature-store.ts';
import { hashOf, signedDocumentOf } from './signed-document.ts';

/** Clocks of telephones differ from ours by so much. */
const aheadMsMax = 300_000;

/**
 * Adds a signature whose picture is kept, under the work order as it is now; run it in a transaction, which claims the picture.
 * Throws validation_failed for an instant in the future.
 */
export async function sign(
  trx: Db,
  where: Writing,
  { files, fileId, fields }: { files: Files; fileId: string; fields: SignatureFields },
): Promise<Signature> {
  const { area, id: orderId, at } = where;
  const { tenantId, userId } = area.caller;
  const order = await holdOrder(trx, area, orderId);
  await files.claim(trx, { tenantId, ids: [fileId] });
  const { workOrder } = await requireOrder(trx, area, orderId);
  const document = await signedDocumentOf(trx, tenantId, workOrder);
  const id = await insertSignature(
    trx,
    { tenantId, orderId },
    {
      ...{ fileId, document, documentSha256: hashOf(document), at },
      signerName: fields.signer_name,
      role: fields.role ?? '',
      signedAt: signedAtOf(fields, order.time_zone, at),
      createdBy: userId,
      externalId: fields.external_id ?? null,
      metadata: fields.metadata ?? {},
    },
  );
  await addToWorkOrder(trx, { tenantId, id: orderId, at }, { signature_count: 1 });
  const { signature } = await getSignature(trx, where, id);
  await appendEvent(trx, eventOf(order, area, { type: 'signature.created', signature }));
  return signature;
}

/**
 * Removes a signature; run it in a transaction. Throws work_order_ended for the last one of a completed work order that had to have
 * one.
 */
export async function removeSignature(trx: Db, where: Writing, { id, ifMatch }: Which): Promise<void> {
  const { area, id: orderId, at } = where;
  const { tenantId } = area.caller;
  const order = await holdOrder(trx, area, orderId);
  const { signature, fileId } = await getSignature(trx, where, id);
  requireMatch(ifMatch, signature.updated_at);
  if (order.requires_signature && order.signature_count === 1 && order.status === 'completed')
    throw refusals.workOrderEnded(order.status);
  await deleteSignature(trx, { tenantId, orderId }, id);
  await dropFiles(trx, { tenantId, ids: [fileId] });
  await addToWorkOrder(trx, { tenantId, id: orderId, at }, { signature_count: -1 });
  await appendEvent(trx, eventOf(order, area, { type: 'signature.deleted', signature }));
}

/** One signature, its picture, and what was signed. Throws signature_not_found. */
export async function getSignature(db: Db, { area, id: orderId }: Below, id: string) {
  const found = await findSignature(db, { tenantId: area.caller.tenantId, orderId }, id);
  if (!found) throw refusals.signatureNotFound(id);
  return found;
}

function signedAtOf({ signed_at: text }: SignatureFields, timeZone: string, at: Date): Date {
  const given = text === undefined ? at : (parseInstant(text, timeZone) ?? at);
  if (given.getTime() > at.getTime() + aheadMsMax)
    throw refusals.invalidBody('/signed_at', 'conflict', 'is in the future');
  return given;
}

type Told = { readonly type: NewEvent['type']; readonly signature: Signature };

function eventOf(order: HeldWorkOrder, area: Area, { type, signature }: Told): NewEvent {
  const { id, signer_name, role, signed_at, document_sha256 } = signature;
  return partEvent(order, area, { type, data: { id, signer_name, role, signed_at, document_sha256 } });
}
