import { type Area, requireSite } from '../access/api-key.ts';
import { actorOf } from '../events/event.ts';
import { appendEvent, appendEvents } from '../events/store.ts';
import type { Db } from '../platform/database.ts';
import { requireMatch } from '../platform/etag.ts';
import { parseInstant } from '../platform/instant.ts';
import { refusals } from '../platform/refusals.ts';
import { dueOf, typeOf } from './create.ts';
import { checkAssignee, checkParent, resolveEquipment, resolveInsight } from './links.ts';
import { type Progress, progressAfter, type Status } from './status.ts';
import { deleteWorkOrder, findWorkOrder, lockWorkOrder, updateWorkOrder, type WorkOrderColumns } from './store.ts';
import type { WorkOrder, WorkOrderChange } from './work-order.ts';
import { changedEvents, deletedEvent } from './work-order-events.ts';

type Which = { readonly area: Area; readonly id: string; readonly ifMatch: string | undefined; readonly at: Date };

/**
 * Changes what the body gives and nothing else; run it in a transaction. The row is locked before anything is decided, so
 * of two changes the second sees the first, and of two with one ETag the second gets precondition_failed.
 */
export async function changeWorkOrder(trx: Db, which: Which & { body: WorkOrderChange }): Promise<WorkOrder> {
  const { area, id, body, at } = which;
  const before = await lockPresent(trx, which);
  const equipment = await equipmentColumns(trx, area, before, body);
  const columns = {
    ...ownColumns(body),
    ...progressColumns(before, body, at),
    ...equipment,
    ...(await insightColumns(trx, area, { ...before, ...equipment }, body.insight)),
    ...(await linkColumns(trx, area, id, body)),
    ...(body.due_date === undefined ? {} : dueColumns(body.due_date, before.time_zone)),
  };
  const tenantId = area.caller.tenantId;
  if (Object.keys(body).length > 0) {
    const after = await updateWorkOrder(trx, { tenantId, id, at }, columns);
    await appendEvents(trx, changedEvents(before, after, actorOf(area.caller)));
  }
  const changed = await findWorkOrder(trx, area, id);
  if (!changed) throw refusals.workOrderNotFound(id);
  return changed.workOrder;
}

/** Deletes a work order, under the same conditions as a change. */
export async function removeWorkOrder(trx: Db, which: Which): Promise<void> {
  const { caller } = which.area;
  const row = await lockPresent(trx, which);
  await deleteWorkOrder(trx, { tenantId: caller.tenantId, id: which.id, at: which.at });
  await appendEvent(trx, deletedEvent(row, actorOf(caller)));
}

async function lockPresent(trx: Db, { area, id, ifMatch }: Which) {
  const row = await lockWorkOrder(trx, area, id);
  if (!row) throw refusals.workOrderNotFound(id);
  requireSite(area.caller, row.site_id);
  requireMatch(ifMatch, row.updated_at);
  return row;
}

type Before = Awaited<ReturnType<typeof lockPresent>>;

/** The properties that are columns as they are. */
function ownColumns(body: WorkOrderChange): WorkOrderColumns {
  const { title, description, priority, category, location_uri, requester_name, requester_email, external_id } = body;
  const type = typeOf(body);
  const metadata = body.metadata && JSON.stringify(body.metadata);
  const columns = { title, description, priority, type, category, location_uri, requester_name, requester_email };
  const given = Object.entries({ ...columns, external_id, metadata }).filter(([, value]) => value !== undefined);
  return Object.fromEntries(given);
}

function progressColumns(before: Before, body: WorkOrderChange, at: Date): WorkOrderColumns {
  const { status, completed_at: text } = body;
  if (status === undefined && text === undefined) return {};
  const completed_at = text ? parseInstant(text, before.time_zone) : text === null ? null : undefined;
  const progress: Progress = { ...before, status: before.status as Status };
  return { ...progressAfter(progress, { status, completed_at }, at) };
}

/**
 * Equipment carries its location along unless the body names one, and, on the tenant's mount, its site: a work order
 * lies where its equipment does.
 */
async function equipmentColumns(
  trx: Db,
  area: Area,
  before: Before,
  { asset_id, equipment_uri, location_uri }: WorkOrderChange,
): Promise<WorkOrderColumns> {
  if (asset_id === undefined && equipment_uri === undefined) return {};
  const equipment = await resolveEquipment(trx, area, { asset_id, equipment_uri });
  const located = location_uri === undefined && equipment.locationUri !== '';
  return {
    asset_id: equipment.assetId,
    equipment_uri: equipment.uri,
    site_id: equipment.place?.siteId ?? before.site_id,
    ...(located ? { location_uri: equipment.locationUri } : {}),
  };
}

async function linkColumns(
  trx: Db,
  area: Area,
  id: string,
  { assigned_to, parent }: WorkOrderChange,
): Promise<WorkOrderColumns> {
  if (assigned_to) await checkAssignee(trx, area, assigned_to);
  if (parent) await checkParent(trx, area, { id, parentId: parent });
  return {
    ...(assigned_to === undefined ? {} : { assigned_to }),
    ...(parent === undefined ? {} : { parent_id: parent }),
  };
}

/** A rule's work order keeps its insight: by it the rule knows that it has opened one. */
async function insightColumns(
  trx: Db,
  area: Area,
  { source, insight_id, site_id }: Pick<Before, 'source' | 'insight_id' | 'site_id'>,
  given: string | null | undefined,
): Promise<WorkOrderColumns> {
  if (given === undefined || given === insight_id) return {};
  if (source === 'rule') throw refusals.invalidBody('/insight', 'conflict', 'a rule opened it for its insight');
  if (given === null) return { insight_id: null };
  const { siteId } = await resolveInsight(trx, area, given);
  if (siteId !== site_id) throw refusals.invalidBody('/insight', 'other_site', 'the insight is of another site');
  return { insight_id: given };
}

function dueColumns(text: string | null, timeZone: string): WorkOrderColumns {
  const due = dueOf(text, timeZone);
  return { due_date: due?.text ?? null, due_at: due?.at ?? null };
}
