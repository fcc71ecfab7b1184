import { sql, type UpdateObject } from 'kysely';
import type { Actor, NewEvent } from '../events/event.ts';
import type { Db } from '../platform/database.ts';
import type { DB } from '../platform/schema.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import { changedEvents, type WorkOrderState } from './work-order-events.ts';

type Change<Row> = {
  readonly columns: UpdateObject<DB, 'work_order'>;
  /** Who changes it. */
  readonly actorOf: (row: Row) => Actor;
};

/** Changes work orders that the transaction holds, all in one way; returns what is to be told of those that are in a list. */
export async function updateHeld<Row extends WorkOrderState>(
  trx: Db,
  held: readonly Row[],
  { columns, actorOf }: Change<Row>,
): Promise<NewEvent[]> {
  if (held.length === 0) return [];
  const changed = await trx
    .updateTable('work_order')
    .set({ ...columns, updated_at: laterThanBefore(new Date()) })
    .where(sql<boolean>`id = any(${held.map(({ id }) => id)}::uuid[])`)
    .returningAll()
    .execute();
  const after = new Map(changed.map((row) => [row.id, row]));
  return held
    .filter((before) => before.deleted_at === null)
    .flatMap((before) => changedEvents(before, after.get(before.id) ?? before, actorOf(before)));
}
