/**
 * What a change of a work order is told as. Each property that changed is in one event alone:
 *
 *   assigned_to ─▶ assigned     status, started_at ─▶ status_changed     completed_at, when it is completed ─▶ completed
 *   anything else ─▶ updated
 */
import type { Selectable } from 'kysely';
import { type Actor, type Change, changesBetween, type EventType, type NewEvent } from '../events/event.ts';
import { formatInstant } from '../platform/instant.ts';
import type { WorkOrder as WorkOrderTable } from '../platform/schema.ts';

export type WorkOrderState = Selectable<WorkOrderTable>;

/** A work order that has come to be. */
export function createdEvent(row: WorkOrderState, actor: Actor): NewEvent {
  return eventOf(row, { actor, type: 'work_order.created', changes: [] });
}

/** A work order that is in no list any more. */
export function deletedEvent(row: WorkOrderState, actor: Actor): NewEvent {
  return eventOf(row, { actor, type: 'work_order.deleted', changes: [] });
}

/** What led from one state of a work order to another; nothing where they show the same. */
export function changedEvents(before: WorkOrderState, after: WorkOrderState, actor: Actor): NewEvent[] {
  const isCompleted = after.status === 'completed' && before.status !== 'completed';
  const typeOf = ({ field }: Change): EventType => {
    if (field === 'assigned_to') return 'work_order.assigned';
    if (field === 'completed_at' && isCompleted) return 'work_order.completed';
    const isProgress = field === 'status' || field === 'started_at' || field === 'completed_at';
    return isProgress && before.status !== after.status ? 'work_order.status_changed' : 'work_order.updated';
  };
  const byType = Map.groupBy(changesBetween(shownOf(before), shownOf(after)), typeOf);
  return [...byType].map(([type, changes]) => eventOf(after, { actor, type, changes }));
}

function eventOf(row: WorkOrderState, event: Pick<NewEvent, 'actor' | 'type' | 'changes'>): NewEvent {
  return {
    ...event,
    tenantId: row.tenant_id,
    siteId: row.site_id,
    subject: { kind: 'work_order', id: row.id },
    assetId: row.asset_id,
    data: dataOf(row),
  };
}

function shownOf(row: WorkOrderState) {
  return {
    title: row.title,
    description: row.description,
    priority: row.priority,
    type: row.type,
    category: row.category,
    asset_id: row.asset_id,
    equipment_uri: row.equipment_uri,
    location_uri: row.location_uri,
    requester_name: row.requester_name,
    requester_email: row.requester_email,
    due_date: row.due_date,
    insight: row.insight_id,
    parent: row.parent_id,
    external_id: row.external_id,
    metadata: row.metadata,
    assigned_to: row.assigned_to,
    assigned_team: row.assigned_team,
    status: row.status,
    started_at: row.started_at && formatInstant(row.started_at),
    completed_at: row.completed_at && formatInstant(row.completed_at),
  };
}

function dataOf(row: WorkOrderState) {
  const { description: _description, metadata: _metadata, ...shown } = shownOf(row);
  return { id: row.id, number: row.number, source: row.source, ...shown };
}
