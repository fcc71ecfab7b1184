/** What belongs to a work order (a file, a task, an hour) and comes and goes with its own events, but never without its work order. */
import { type Area, requireSite } from '../../access/api-key.ts';
import type { Below, Parent } from '../../access/child-routes.ts';
import { actorOf, type Change, type EventType, type NewEvent } from '../../events/event.ts';
import type { Db } from '../../platform/database.ts';
import { refusals } from '../../platform/refusals.ts';
import { stands } from '../status.ts';
import { findWorkOrder, type HeldWorkOrder, lockWorkOrder } from '../store.ts';

/** Throws work_order_not_found or site_forbidden unless the caller sees the work order. */
export async function requireOrder(db: Db, area: Area, id: string) {
  const found = await findWorkOrder(db, area, id);
  if (!found) throw refusals.workOrderNotFound(id);
  requireSite(area.caller, found.siteId);
  return found;
}

/** The same, held until the transaction ends: what is added to it is not added to one that is deleted meanwhile. */
export async function holdOrder(trx: Db, area: Area, id: string): Promise<HeldWorkOrder> {
  const row = await lockWorkOrder(trx, area, id);
  if (!row) throw refusals.workOrderNotFound(id);
  requireSite(area.caller, row.site_id);
  return row;
}

/** Work orders as what their parts belong to. */
export const workOrders: Parent = {
  collection: 'work-orders',
  tag: 'Work orders',
  scopes: { read: 'work-orders:read', write: 'work-orders:write' },
  find: requireOrder,
};

/** What a part is kept under. */
export function orderOf({ area, id }: Below): { tenantId: string; orderId: string } {
  return { tenantId: area.caller.tenantId, orderId: id };
}

/** Throws work_order_ended unless people work on it still. */
export function requireStanding({ status }: Pick<HeldWorkOrder, 'status'>): void {
  if (!stands(status)) throw refusals.workOrderEnded(status);
}

type PartEvent = {
  readonly type: EventType;
  readonly data: Readonly<Record<string, unknown>>;
  readonly changes?: readonly Change[];
};

/** What has happened to a part, told of its work order. */
export function partEvent(
  order: Pick<HeldWorkOrder, 'id' | 'tenant_id' | 'site_id' | 'asset_id'>,
  { caller }: Area,
  { type, data, changes = [] }: PartEvent,
): NewEvent {
  return {
    tenantId: order.tenant_id,
    siteId: order.site_id,
    assetId: order.asset_id,
    subject: { kind: 'work_order', id: order.id },
    actor: actorOf(caller),
    type,
    changes,
    data,
  };
}
