import { createHash } from 'node:crypto';
import type { Db } from '../../platform/database.ts';
import type { WorkOrder } from '../work-order.ts';
import { listSignedParts } from './signed-parts-store.ts';

/**
 * What is signed of a work order: what is to be done, what was found and done, and all that was collected on the way. Its status is
 * not: a signature is what lets it change.
 */
export async function signedDocumentOf(db: Db, tenantId: string, order: WorkOrder): Promise<string> {
  const { id, number, title, description, type, priority, category, due_date, failure, resolution } = order;
  const { asset_id, equipment_uri, location_uri } = order;
  const { tasks, labor, photos, attachments } = await listSignedParts(db, { tenantId, orderId: id });
  const withHash = <T extends { sha256: Buffer }>({ sha256, ...row }: T) => ({
    ...row,
    sha256: sha256.toString('hex'),
  });
  return canonical({
    work_order: {
      ...{ id, number, title, description, type, priority, category, due_date, failure, resolution },
      ...{ asset_id, equipment_uri, location_uri },
    },
    tasks,
    labor,
    photos: photos.map(withHash),
    attachments: attachments.map(withHash),
  });
}

/** The hash of a text in UTF-8. */
export function hashOf(document: string): Buffer {
  return createHash('sha256').update(document).digest();
}

/** JSON whose keys are sorted, so that equal things are equal texts. */
function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) => {
    if (inner === null || typeof inner !== 'object' || Array.isArray(inner)) return inner;
    return Object.fromEntries(Object.entries(inner).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
