/**
 * What time alone changes about work orders: a promise is at risk, then breached; a deadline passes. Any number of processes may
 * follow the clock; each work order is told of once.
 */
import { appendEvents } from '../../events/store.ts';
import type { Db } from '../../platform/database.ts';
import { settle } from '../settle.ts';
import { updateWorkOrders } from '../store.ts';
import { changedEvents, type WorkOrderState } from '../work-order-events.ts';
import { lockDue } from './clock-store.ts';

const atOnce = 500;

/** Brings work orders up to the instant `at`, some hundred a transaction; ends early once `closing` is aborted. */
export async function followClock(db: Db, { at, closing }: { at: Date; closing: AbortSignal }): Promise<void> {
  for (let found = atOnce; found >= atOnce && !closing.aborted; ) {
    found = await db.transaction().execute(async (trx) => {
      const due = await lockDue(trx, { at, limit: atOnce });
      for (const [tenantId, held] of Map.groupBy(due, ({ tenant_id }) => tenant_id)) {
        await settleAt(trx, { tenantId, held, at });
      }
      return due.length;
    });
  }
}

type Due = { readonly tenantId: string; readonly held: readonly WorkOrderState[]; readonly at: Date };

async function settleAt(trx: Db, { tenantId, held, at }: Due): Promise<void> {
  const changes = held
    .map((before) => ({ before, columns: settle(before, {}, { change: {}, at }) }))
    // Another process may have been here between our look and our lock.
    .filter(({ before, columns }) => isOther(before, { ...before, ...columns }));
  const after = new Map((await updateWorkOrders(trx, { tenantId, at }, changes)).map((row) => [row.id, row]));
  const events = held.flatMap((before) => changedEvents(before, after.get(before.id) ?? before, { kind: 'system' }));
  await appendEvents(trx, events);
}

function isOther(before: WorkOrderState, after: WorkOrderState): boolean {
  const sameTime = (one: Date | null, other: Date | null) => one?.getTime() === other?.getTime();
  return (
    before.sla_status !== after.sla_status ||
    !sameTime(before.sla_next_at, after.sla_next_at) ||
    !sameTime(before.overdue_at, after.overdue_at)
  );
}
