import { sql } from 'kysely';
import type { NewEvent } from '../../events/event.ts';
import type { Db } from '../../platform/database.ts';
import { updateHeld } from '../held-store.ts';

const opening = '\n\nNote: The fault has come back ';

/**
 * Notes on the work orders of an insight when its fault came back: one line, which says so of the last time, however often a fault
 * comes and goes. Returns what is to be told of that; nothing for those that say so already.
 */
export async function noteReturn(trx: Db, insightId: string, when: string): Promise<NewEvent[]> {
  const noted = sql<string>`regexp_replace(description, ${`${opening}[^\n]*`}, '', 'g') || ${`${opening}${when}`}`;
  const due = await trx
    .selectFrom('work_order')
    .selectAll()
    .select(sql<string | null>`(select rule_id from insight where insight.id = work_order.insight_id)`.as('rule_id'))
    .where('insight_id', '=', insightId)
    .where('deleted_at', 'is', null)
    .where(sql<boolean>`description <> ${noted}`)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
  return updateHeld(trx, due, {
    columns: { description: noted },
    actorOf: ({ rule_id: id }) => (id === null ? { kind: 'system' } : { kind: 'rule', id }),
  });
}
