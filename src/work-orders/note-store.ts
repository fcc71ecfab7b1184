import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { laterThanBefore } from '../platform/version-store.ts';

/**
 * Adds a line to the description of the work orders that insights led to; they stand, whatever became of the insights. A line
 * that is there stays the only one: a repair goes through the same effects again.
 */
export async function noteOnWorkOrders(trx: Db, insightIds: readonly string[], note: string): Promise<void> {
  if (insightIds.length === 0) return;
  await trx
    .updateTable('work_order')
    .set({ description: sql`description || ${`\n\nNote: ${note}`}`, updated_at: laterThanBefore(new Date()) })
    .where('insight_id', 'in', [...insightIds])
    .where(sql<boolean>`position(${note}::text in description) = 0`)
    .execute();
}
