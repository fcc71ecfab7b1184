/**
 * What a change of a work order is told as. Each property that changed is in one event alone:
 *
 *   assigned_to, assignees, assigned_team, team_id ─▶ assigned      status, with what follows from it ─▶ status_changed
 *   completed_at, resolution, failure, when it is completed ─▶ completed
 *   overdue_at, when the deadline passes ─▶ overdue        sla_status ─▶ sla_at_risk, sla_breached
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
  const typeOf = (change: Change) => typeOfChange(change, { before, after });
  const byType = Map.groupBy(changesBetween(shownOf(before), shownOf(after)), typeOf);
  return [...byType].map(([type, changes]) => eventOf(after, { actor, type, changes }));
}

const ofAssignment = ['assigned_to', 'assignees', 'assigned_team', 'team_id'];
const ofCompletion = ['completed_at', 'resolution', 'failure'];
const ofProgress = ['status', 'responded_at', 'started_at', 'hold_reason', 'resolution', 'overdue_at', 'sla_status'];

function typeOfChange(
  { field, to }: Change,
  { before, after }: { before: WorkOrderState; after: WorkOrderState },
): EventType {
  const isMoved = before.status !== after.status;
  if (ofAssignment.includes(field)) return 'work_order.assigned';
  if (field === 'overdue_at' && to !== null) return 'work_order.overdue';
  if (field === 'sla_status' && to === 'at_risk') return 'work_order.sla_at_risk';
  if (field === 'sla_status' && to === 'breached') return 'work_order.sla_breached';
  if (isMoved && after.status === 'completed' && ofCompletion.includes(field)) return 'work_order.completed';
  const isProgress = ofProgress.includes(field) || field === 'completed_at';
  return isMoved && isProgress ? 'work_order.status_changed' : 'work_order.updated';
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
    assignees: row.assignees,
    assigned_team: row.assigned_team,
    team_id: row.team_id,
    estimated_minutes: row.estimated_minutes,
    requires_signature: row.requires_signature,
    requires_photo: row.requires_photo,
    status: row.status,
    hold_reason: row.hold_reason,
    responded_at: shownInstant(row.responded_at),
    started_at: shownInstant(row.started_at),
    failure: { problem: row.failure_problem, cause: row.failure_cause, remedy: row.failure_remedy },
    resolution: row.resolution,
    completed_at: shownInstant(row.completed_at),
    overdue_at: shownInstant(row.overdue_at),
    scheduled_start: shownInstant(row.scheduled_start),
    scheduled_end: shownInstant(row.scheduled_end),
    sla_response_due_at: shownInstant(row.sla_response_due_at),
    sla_due_at: shownInstant(row.sla_due_at),
    sla_status: row.sla_status,
  };
}

function shownInstant(at: Date | null): string | null {
  return at && formatInstant(at);
}

function dataOf(row: WorkOrderState) {
  const { description: _description, metadata: _metadata, failure: _failure, ...shown } = shownOf(row);
  return { id: row.id, number: row.number, source: row.source, ...shown };
}
