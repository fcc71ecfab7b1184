import { sql, type UpdateObject } from 'kysely';
import type { Actor } from '../events/event.ts';
import { appendEvents } from '../events/store.ts';
import type { Db } from '../platform/database.ts';
import type { DB } from '../platform/schema.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import { changedEvents, type WorkOrderState } from './work-order-events.ts';

type Change<Row> = {
  readonly columns: UpdateObject<DB, 'work_order'>;
  /** Who changes it. */
  readonly actorOf: (row: Row) => Actor;
};

/** Changes work orders that the transaction holds, all in one way; each that is in a list is told as an event. */
export async function updateHeld<Row extends WorkOrderState>(
  trx: Db,
  held: readonly Row[],
  { columns, actorOf }: Change<Row>,
): Promise<void> {
  if (held.length === 0) return;
  const changed = await trx
    .updateTable('work_order')
    .set({ ...columns, updated_at: laterThanBefore(new Date()) })
    .where(sql<boolean>`id = any(${held.map(({ id }) => id)}::uuid[])`)
    .returningAll()
    .execute();
  const after = new Map(changed.map((row) => [row.id, row]));
  const events = held
    .filter((before) => before.deleted_at === null)
    .flatMap((before) => changedEvents(before, after.get(before.id) ?? before, actorOf(before)));
  await appendEvents(trx, events);
}
