import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { laterThanBefore } from '../platform/version-store.ts';

/** How much hangs on a work order, each as a difference. */
export type WorkOrderCounts = Partial<
  Record<
    | 'comment_count'
    | 'attachment_count'
    | 'photo_count'
    | 'signature_count'
    | 'task_count'
    | 'task_done_count'
    | 'task_missing_count'
    | 'labor_minutes',
    number
  >
>;

/**
 * Notes what was added to a work order, or with negative numbers taken away, in the transaction that does so. It is another version
 * of the work order then, since it shows the counts; where none of them changes it stays as it is.
 */
export async function addToWorkOrder(
  trx: Db,
  { tenantId, id, at }: { tenantId: string; id: string; at: Date },
  counts: WorkOrderCounts,
): Promise<void> {
  if (Object.values(counts).every((difference) => difference === 0)) return;
  const sums = Object.entries(counts).map(([name, difference]) => [
    name,
    sql<number>`${sql.ref(name)} + ${difference}::integer`,
  ]);
  await trx
    .updateTable('work_order')
    .set({ ...Object.fromEntries(sums), updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}
