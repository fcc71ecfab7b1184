import { type Area, requireSite } from '../access/api-key.ts';
import { findDefaultSite } from '../assets/store.ts';
import { actorOf } from '../events/event.ts';
import { appendEvent } from '../events/store.ts';
import { recordInsightEvents } from '../insights/insight-events.ts';
import { startInsight } from '../insights/store.ts';
import type { Db } from '../platform/database.ts';
import { dateIn, parseInstant } from '../platform/instant.ts';
import type { Mount } from '../platform/mount.ts';
import { refusals } from '../platform/refusals.ts';
import { type DueDate, parseDueDate } from './due-date.ts';
import {
  checkAssignee,
  checkParent,
  type Equipment,
  type Place,
  resolveEquipment,
  resolveEquipmentOf,
  resolveInsight,
} from './links.ts';
import { progressAfter, unstarted } from './status.ts';
import { findWorkOrder, insertWorkOrder } from './store.ts';
import { defaultsOf, type WorkOrder, type WorkOrderBody } from './work-order.ts';
import { createdEvent } from './work-order-events.ts';

type Creation = { readonly area: Area; readonly mount: Mount['name']; readonly body: WorkOrderBody; readonly at: Date };

/**
 * Creates a work order from a request's body, and moves its insight from open to in_progress; run it in a transaction.
 * Throws validation_failed for what does not fit together, site_forbidden where the work order would lie out of the key's
 * sites.
 */
export async function createWorkOrder(trx: Db, { area, mount, body, at }: Creation): Promise<WorkOrder> {
  const { tenantId, timeZone, userId } = area.caller;
  const type = typeOf(body) ?? 'reactive';
  const insight = body.insight ? await resolveInsight(trx, area, body.insight) : undefined;
  const isFollowed = insight && !named(body);
  const equipment = await (isFollowed
    ? resolveEquipmentOf(trx, area, insight.insight)
    : resolveEquipment(trx, area, body));
  const site = await siteOf(trx, area, equipment, insight);
  if (insight && insight.siteId !== site.siteId) {
    throw refusals.invalidBody('/insight', 'other_site', 'the insight is of another site than the equipment');
  }
  if (body.assigned_to) await checkAssignee(trx, area, body.assigned_to);
  if (body.parent) await checkParent(trx, area, { id: null, parentId: body.parent });
  const completed = body.completed_at ? parseInstant(body.completed_at, site.timeZone) : undefined;
  const { dueToday, priority } = defaultsOf[mount];
  const dueDefault = dueToday ? dateIn(timeZone, at) : null;

  // The insight before the counter, as rules lock them: the other way round the two could wait for each other for ever.
  const actor = actorOf(area.caller);
  if (insight) {
    const { id } = insight.insight;
    await recordInsightEvents(trx, { ids: [id], actor }, async () => {
      await startInsight(trx, { tenantId, id, at });
      return [];
    });
  }
  const inserted = await insertWorkOrder(trx, {
    tenantId,
    siteId: site.siteId,
    title: body.title,
    description: body.description,
    priority: body.priority ?? priority,
    type,
    category: body.category,
    assetId: equipment.assetId,
    equipmentUri: equipment.uri,
    locationUri: body.location_uri || equipment.locationUri,
    createdBy: userId,
    assignedTo: body.assigned_to,
    requesterName: body.requester_name,
    requesterEmail: body.requester_email,
    due: dueOf(body.due_date === undefined ? dueDefault : body.due_date, site.timeZone),
    insightId: insight?.insight.id,
    parentId: body.parent,
    source: 'api',
    progress: progressAfter(unstarted, { status: body.status, completed_at: completed }, at),
    externalId: body.external_id,
    metadata: body.metadata,
    at,
  });
  if (inserted) await appendEvent(trx, createdEvent(inserted, actor));
  const created = inserted && (await findWorkOrder(trx, area, inserted.id));
  if (!created) throw new Error('a work order that was inserted cannot be found in its own transaction');
  return created.workOrder;
}

/** The type under either of its names; throws when both are given and differ. */
export function typeOf({ type, wo_type }: Pick<WorkOrderBody, 'type' | 'wo_type'>) {
  if (type !== undefined && wo_type !== undefined && type !== wo_type) {
    throw refusals.invalidBody('/wo_type', 'conflict', 'type and wo_type are two names of one property, and differ');
  }
  return type ?? wo_type;
}

/** The deadline of a text that the schema has let through. */
export function dueOf(text: string | null, timeZone: string): DueDate | null {
  return (text !== null && parseDueDate(text, timeZone)) || null;
}

function named({ asset_id, equipment_uri }: WorkOrderBody): boolean {
  return Boolean(asset_id || equipment_uri);
}

/** The mount's site, or else that of the equipment, of the insight, of the tenant by default. */
async function siteOf(trx: Db, area: Area, equipment: Equipment, insight: Place | undefined): Promise<Place> {
  if (area.site !== null) return { siteId: area.site.id, timeZone: area.site.timeZone };
  const place = equipment.place ?? insight;
  if (place) return place;
  const site = await findDefaultSite(trx, area.caller.tenantId);
  if (!site) throw refusals.invalidBody('/asset_id', 'required', 'the tenant has no site yet at which it could lie');
  requireSite(area.caller, site.id);
  return { siteId: site.id, timeZone: site.time_zone };
}
