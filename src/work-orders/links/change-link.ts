import { type Area, maySee } from '../../access/api-key.ts';
import type { Below, Writing } from '../../access/child-routes.ts';
import type { Which } from '../../access/collection-routes.ts';
import type { EventType } from '../../events/event.ts';
import { appendEvents } from '../../events/store.ts';
import type { Db } from '../../platform/database.ts';
import { requireMatch } from '../../platform/etag.ts';
import { refusals } from '../../platform/refusals.ts';
import { holdOrder, partEvent } from '../parts/part.ts';
import { findWorkOrder, type HeldWorkOrder } from '../store.ts';
import { inverseOf, type LinkBody, type WorkOrderLink } from './link.ts';
import { deleteLink, findLink, insertLink } from './link-store.ts';

/**
 * Links a work order to another one; run it in a transaction. Throws validation_failed for another one that is not there for this
 * caller, or is the same, and work_order_link_exists.
 */
export async function addLink(trx: Db, { area, id: orderId, at }: Writing, body: LinkBody): Promise<WorkOrderLink> {
  const { caller } = area;
  const order = await holdOrder(trx, area, orderId);
  const other = await findWorkOrder(trx, { ...area, site: null }, body.work_order_id);
  if (!other || !maySee(caller, other.siteId)) {
    throw refusals.invalidBody('/work_order_id', 'not_found', 'there is no such work order');
  }
  const otherId = other.workOrder.id;
  if (otherId === order.id) {
    throw refusals.invalidBody('/work_order_id', 'conflict', 'a work order is not linked to itself');
  }
  const id = await insertLink(trx, {
    ...{ tenantId: caller.tenantId, kind: body.kind, orderId: order.id, otherId, createdBy: caller.userId, at },
    ...{ externalId: body.external_id ?? null, metadata: body.metadata ?? {} },
  });
  if (id === undefined) throw refusals.workOrderLinkExists(body.kind, otherId);
  const link = await getLink(trx, { area, id: order.id }, id);
  await tellBoth(trx, area, { type: 'link.created', order, other, link });
  return link;
}

/** Takes a link away, for both; run it in a transaction. Throws link_not_found and precondition_failed. */
export async function removeLink(trx: Db, { area, ...below }: Writing, { id, ifMatch }: Which): Promise<void> {
  const order = await holdOrder(trx, area, below.id);
  const link = await getLink(trx, { area, id: order.id }, id);
  requireMatch(ifMatch, link.updated_at);
  // Somebody may take it away from the other side at the same time.
  if (!(await deleteLink(trx, { tenantId: area.caller.tenantId, id }))) throw refusals.linkNotFound(id);
  const other = await findWorkOrder(trx, { ...area, site: null }, link.work_order_id);
  if (!other) throw refusals.workOrderNotFound(link.work_order_id);
  await tellBoth(trx, area, { type: 'link.deleted', order, other, link });
}

/** One link. Throws link_not_found. */
export async function getLink(db: Db, { area, id: orderId }: Below, id: string): Promise<WorkOrderLink> {
  const link = await findLink(db, { caller: area.caller, orderId }, id);
  if (!link) throw refusals.linkNotFound(id);
  return link;
}

type Told = {
  readonly type: EventType;
  readonly order: HeldWorkOrder;
  readonly other: NonNullable<Awaited<ReturnType<typeof findWorkOrder>>>;
  readonly link: WorkOrderLink;
};

/** Each of the two is told of, and what it is to the other; of that one its id alone, since who hears it may not see it. */
async function tellBoth(trx: Db, area: Area, { type, order, other, link }: Told) {
  const { id, kind, work_order_id: otherId } = link;
  const { siteId: site_id, workOrder } = other;
  const there = { id: otherId, tenant_id: order.tenant_id, site_id, asset_id: workOrder.asset_id };
  await appendEvents(trx, [
    partEvent(order, area, { type, data: { id, kind, work_order_id: otherId } }),
    partEvent(there, area, { type, data: { id, kind: inverseOf[kind], work_order_id: order.id } }),
  ]);
}
