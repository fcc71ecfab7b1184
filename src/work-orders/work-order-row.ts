import type { Selectable } from 'kysely';
import { personOf } from '../access/person.ts';
import { formatInstant } from '../platform/instant.ts';
import type { WorkOrder as WorkOrderTable } from '../platform/schema.ts';
import { WorkOrder } from './work-order.ts';

/** A row of the table with the names that its ids stand for. */
export type WorkOrderRow = Selectable<WorkOrderTable> & {
  readonly site: string;
  readonly creator_username: string | null;
  readonly creator_email: string | null;
  readonly assignee_username: string | null;
  readonly assignee_email: string | null;
};

/** The work order that a row holds, as every mount shows it. */
export function toWorkOrder(row: WorkOrderRow): WorkOrder {
  const { failure_problem: problem, failure_cause: cause, failure_remedy: remedy } = row;
  return WorkOrder.parse({
    ...row,
    wo_type: row.type,
    created_by_detail: personOf(row.created_by, row.creator_username, row.creator_email),
    assigned_to_detail: personOf(row.assigned_to, row.assignee_username, row.assignee_email),
    insight: row.insight_id,
    parent: row.parent_id,
    failure: { problem, cause, remedy },
    checklist: { total: row.task_count, done: row.task_done_count },
    ...instantsOf(row),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}

/** The instants of a work order that it need not have, as they are shown. */
export function instantsOf(row: Selectable<WorkOrderTable>) {
  return {
    responded_at: shownInstant(row.responded_at),
    started_at: shownInstant(row.started_at),
    completed_at: shownInstant(row.completed_at),
    overdue_at: shownInstant(row.overdue_at),
    scheduled_start: shownInstant(row.scheduled_start),
    scheduled_end: shownInstant(row.scheduled_end),
    sla_response_due_at: shownInstant(row.sla_response_due_at),
    sla_due_at: shownInstant(row.sla_due_at),
  };
}

function shownInstant(at: Date | null): string | null {
  return at && formatInstant(at);
}
