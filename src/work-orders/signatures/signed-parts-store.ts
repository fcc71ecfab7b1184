import type { Db } from '../../platform/database.ts';

/** Everything of a work order that is signed with it, in the order in which it came to be. */
export async function listSignedParts(db: Db, { tenantId, orderId }: { tenantId: string; orderId: string }) {
  const tasks = await db
    .selectFrom('work_order_task')
    .select(['id', 'position', 'title', 'kind', 'unit', 'value', 'note', 'done_at', 'done_by'])
    .where('tenant_id', '=', tenantId)
    .where('work_order_id', '=', orderId)
    .orderBy('position')
    .orderBy('id')
    .execute();
  const labor = await db
    .selectFrom('labor_entry')
    .select(['id', 'user_id', 'started_at', 'ended_at', 'minutes', 'note'])
    .where('tenant_id', '=', tenantId)
    .where('work_order_id', '=', orderId)
    .orderBy('id')
    .execute();
  const photos = await db
    .selectFrom('work_order_photo as photo')
    .innerJoin('file', 'file.id', 'photo.file_id')
    .select(['photo.id', 'photo.kind', 'photo.caption', 'file.sha256'])
    .where('photo.tenant_id', '=', tenantId)
    .where('photo.work_order_id', '=', orderId)
    .orderBy('photo.id')
    .execute();
  const attachments = await db
    .selectFrom('work_order_attachment as attachment')
    .innerJoin('file', 'file.id', 'attachment.file_id')
    .select(['attachment.id', 'attachment.name', 'file.sha256'])
    .where('attachment.tenant_id', '=', tenantId)
    .where('attachment.work_order_id', '=', orderId)
    .orderBy('attachment.id')
    .execute();
  return { tasks, labor, photos, attachments };
}
