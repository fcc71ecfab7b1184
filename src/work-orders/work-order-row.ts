import type { Selectable } from 'kysely';
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
  return WorkOrder.parse({
    ...row,
    wo_type: row.type,
    created_by_detail: personOf(row.created_by, row.creator_username, row.creator_email),
    assigned_to_detail: personOf(row.assigned_to, row.assignee_username, row.assignee_email),
    insight: row.insight_id,
    parent: row.parent_id,
    started_at: row.started_at && formatInstant(row.started_at),
    completed_at: row.completed_at && formatInstant(row.completed_at),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
    // Comments are not stored yet, so nothing has any.
    comment_count: 0,
  });
}

function personOf(id: string | null, username: string | null, email: string | null) {
  return id === null ? null : { id, username: username ?? '', email: email ?? '' };
}
