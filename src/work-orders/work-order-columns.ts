/** From the properties of a body to columns, the same for what is made and for what is changed. */
import { parseInstant } from '../platform/instant.ts';
import { refusals } from '../platform/refusals.ts';
import { type DueDate, parseDueDate } from './due-date.ts';
import type { WorkOrderColumns } from './store.ts';
import type { WorkOrderBody, WorkOrderChange } from './work-order-body.ts';
import type { WorkOrderState } from './work-order-events.ts';

/** The type under either of its names; throws when both are given and differ. */
export function typeOf<T>({ type, wo_type }: { type?: T | undefined; wo_type?: T | undefined }): T | undefined {
  if (type !== undefined && wo_type !== undefined && String(type) !== String(wo_type)) {
    throw refusals.invalidBody('/wo_type', 'conflict', 'type and wo_type are two names of one property, and differ');
  }
  return type ?? wo_type;
}

/**
 * What a body names, as columns, but what has to be looked up or follows from something else. Local times are read in `timeZone`.
 * Throws validation_failed for a plan that ends before it begins.
 */
export function ownColumns(
  body: WorkOrderBody | WorkOrderChange,
  before: Pick<WorkOrderState, 'assigned_to' | 'assignees' | 'scheduled_start' | 'scheduled_end'>,
  timeZone: string,
): WorkOrderColumns {
  const { title, description, priority, category, location_uri, requester_name, requester_email } = body;
  const { assigned_to, parent, estimated_minutes, requires_signature, requires_photo } = body;
  const { external_id, metadata, failure, due_date } = body;
  return withoutAbsent({
    title,
    description,
    priority,
    type: typeOf(body),
    category,
    location_uri,
    requester_name,
    requester_email,
    assigned_to,
    parent_id: parent,
    estimated_minutes,
    requires_signature,
    requires_photo,
    failure_problem: failure?.problem,
    failure_cause: failure?.cause,
    failure_remedy: failure?.remedy,
    external_id,
    metadata: metadata as WorkOrderState['metadata'] | undefined,
    ...assigneeColumns(body, before),
    ...planColumns(body, before, timeZone),
    ...(due_date === undefined ? {} : dueColumns(due_date, timeZone)),
  });
}

/** A deadline as it was given, and the instant by which it is compared. */
export function dueColumns(text: string | null, timeZone: string): Pick<WorkOrderState, 'due_date' | 'due_at'> {
  const due: DueDate | undefined = text === null ? undefined : parseDueDate(text, timeZone);
  return { due_date: due?.text ?? null, due_at: due?.at ?? null };
}

/** Nobody is named twice: who is assigned_to is not among the others. */
function assigneeColumns(
  { assigned_to, assignees }: WorkOrderChange,
  before: Pick<WorkOrderState, 'assigned_to' | 'assignees'>,
): WorkOrderColumns {
  if (assigned_to === undefined && assignees === undefined) return {};
  const first = assigned_to === undefined ? before.assigned_to : assigned_to;
  return { assignees: [...new Set(assignees ?? before.assignees)].filter((id) => id !== first) };
}

function planColumns(
  { scheduled_start, scheduled_end }: WorkOrderChange,
  before: Pick<WorkOrderState, 'scheduled_start' | 'scheduled_end'>,
  timeZone: string,
): WorkOrderColumns {
  if (scheduled_start === undefined && scheduled_end === undefined) return {};
  const instantOf = (text: string | null) => (text === null ? null : (parseInstant(text, timeZone) ?? null));
  const start = scheduled_start === undefined ? before.scheduled_start : instantOf(scheduled_start);
  const end = scheduled_end === undefined ? before.scheduled_end : instantOf(scheduled_end);
  if (start !== null && end !== null && end < start) {
    const pointer = scheduled_end === undefined ? '/scheduled_start' : '/scheduled_end';
    throw refusals.invalidBody(pointer, 'conflict', 'the work is planned to end before it begins');
  }
  return { scheduled_start: start, scheduled_end: end };
}

function withoutAbsent(columns: { [name in keyof WorkOrderColumns]: WorkOrderColumns[name] | undefined }) {
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined)) as WorkOrderColumns;
}
