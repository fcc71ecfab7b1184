import { type Area, requireSite } from '../access/api-key.ts';
import { findDefaultSite } from '../assets/store.ts';
import { actorOf } from '../events/event.ts';
import { appendEvent } from '../events/store.ts';
import { endWorkOnInsights } from '../insights/end-work.ts';
import { lockInsights } from '../insights/insight-event-store.ts';
import { recordInsightEvents } from '../insights/insight-events.ts';
import { startInsight } from '../insights/store.ts';
import type { Db } from '../platform/database.ts';
import { dateIn, parseInstant } from '../platform/instant.ts';
import type { Mount } from '../platform/mount.ts';
import { refusals } from '../platform/refusals.ts';
import {
  checkAssignees,
  checkParent,
  type Equipment,
  type Place,
  resolveEquipment,
  resolveEquipmentOf,
  resolveInsight,
} from './references.ts';
import { findUnmet, settle, unsettled } from './settle.ts';
import { termsOf } from './sla/promise.ts';
import { getPromises } from './sla/sla-policy-store.ts';
import { stands } from './status.ts';
import { findWorkOrder, insertWorkOrder, lockTrees } from './store.ts';
import { teamColumns } from './teams/named-team.ts';
import { defaultsOf, type WorkOrder } from './work-order.ts';
import type { WorkOrderBody } from './work-order-body.ts';
import { dueColumns, ownColumns } from './work-order-columns.ts';
import { createdEvent } from './work-order-events.ts';

type Creation = { readonly area: Area; readonly mount: Mount['name']; readonly body: WorkOrderBody; readonly at: Date };

/**
 * Creates a work order from a request's body, and moves its insight from open to in_progress; run it in a transaction.
 * Throws validation_failed for what does not fit together, site_forbidden where the work order would lie out of the key's
 * sites.
 */
export async function createWorkOrder(trx: Db, { area, mount, body, at }: Creation): Promise<WorkOrder> {
  const { tenantId } = area.caller;
  const insight = body.insight ? await resolveInsight(trx, area, body.insight) : undefined;
  const isFollowed = insight && !named(body);
  const equipment = await (isFollowed
    ? resolveEquipmentOf(trx, area, insight.insight)
    : resolveEquipment(trx, area, body));
  const site = await siteOf(trx, area, equipment, insight);
  if (insight && insight.siteId !== site.siteId) {
    throw refusals.invalidBody('/insight', 'other_site', 'the insight is of another site than the equipment');
  }
  await checkAssignees(trx, area, body);
  if (body.parent) {
    await lockTrees(trx, tenantId);
    await checkParent(trx, area, { id: null, parentId: body.parent });
  }
  const given = await columnsOf(trx, { area, mount, body, at }, { equipment, site });
  const columns = { ...given, ...(await teamColumns(trx, tenantId, body)) };

  // The insight before the counter, as rules lock them: the other way round the two could wait for each other for ever.
  const actor = actorOf(area.caller);
  const insightId = insight?.insight.id ?? null;
  const isOver = columns.status !== undefined && !stands(columns.status);
  if (insightId !== null && isOver) await lockInsights(trx, { ids: [insightId] });
  if (insightId !== null && !isOver) {
    await recordInsightEvents(trx, { ids: [insightId], actor }, async () => {
      await startInsight(trx, { tenantId, id: insightId, at });
      return [];
    });
  }
  const inserted = await insertWorkOrder(trx, {
    tenantId,
    source: 'api',
    columns: { ...columns, insight_id: insightId },
    at,
  });
  if (inserted) await appendEvent(trx, createdEvent(inserted, actor));
  if (insightId !== null && isOver) {
    const moves = [{ id: insightId, isDone: columns.status === 'completed' }];
    await endWorkOnInsights(trx, { tenantId, moves, actor, at });
  }
  const created = inserted && (await findWorkOrder(trx, area, inserted.id));
  if (!created) throw new Error('a work order that was inserted cannot be found in its own transaction');
  return created.workOrder;
}

/** All that is written of it; what it would have to have to be completed, a new one cannot have yet. */
async function columnsOf(
  trx: Db,
  { area, mount, body, at }: Creation,
  { equipment, site }: { equipment: Equipment; site: Place },
) {
  const { tenantId, timeZone, userId } = area.caller;
  const priority = body.priority ?? defaultsOf[mount].priority;
  const dueDefault = defaultsOf[mount].dueToday ? dateIn(timeZone, at) : null;
  const due = dueColumns(body.due_date === undefined ? dueDefault : body.due_date, site.timeZone);
  const fresh = { assigned_to: null, assignees: [], scheduled_start: null, scheduled_end: null };
  const own = { ...ownColumns(body, fresh, site.timeZone), ...due };
  const terms = termsOf(await getPromises(trx, tenantId), { priority, createdAt: at, timeZone: site.timeZone });
  const { status, hold_reason, resolution, completed_at: text } = body;
  const completed_at = text == null ? text : parseInstant(text, site.timeZone);
  const settled = settle(unsettled, own, { change: { status, hold_reason, resolution, completed_at }, terms, at });
  const unmet = status === 'completed' ? findUnmet({ ...unsettled, ...settled }, { openSubtasks: 0 }) : [];
  if (unmet.length > 0) {
    throw refusals.invalidBody('/status', 'conflict', `a new work order cannot be completed: ${unmet.join(', ')}`);
  }
  return {
    ...settled,
    site_id: site.siteId,
    title: body.title,
    priority,
    type: own.type ?? 'reactive',
    asset_id: equipment.assetId,
    equipment_uri: equipment.uri,
    location_uri: body.location_uri || equipment.locationUri,
    created_by: userId,
  };
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
