import { sql } from 'kysely';
import type { NewEvent } from '../events/event.ts';
import type { Db } from '../platform/database.ts';
import { updateHeld } from './held-store.ts';

/**
 * Adds a line to the description of the work orders that insights led to; they stand, whatever became of the insights. A line
 * that is there stays the only one: a repair goes through the same effects again. Returns what is to be told of them.
 */
export async function noteOnWorkOrders(trx: Db, insightIds: readonly string[], note: string): Promise<NewEvent[]> {
  if (insightIds.length === 0) return [];
  const due = await trx
    .selectFrom('work_order')
    .selectAll()
    .select(sql<string>`(select rule_id from insight where insight.id = work_order.insight_id)`.as('rule_id'))
    .where('insight_id', 'in', [...insightIds])
    .where(sql<boolean>`position(${note}::text in description) = 0`)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
  return updateHeld(trx, due, {
    columns: { description: sql`description || ${`\n\nNote: ${note}`}` },
    actorOf: ({ rule_id: id }) => ({ kind: 'rule', id }),
  });
}
