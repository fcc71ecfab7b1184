/**
 * A work order as every mount shows it, written as JSON by PostgreSQL itself: a page of fifty is three thousand values, and most of
 * a list's time was their way through the driver, an object and back to text.
 */
import { type RawBuilder, sql } from 'kysely';
import { JsonText } from '../platform/json-text.ts';
import type { WorkOrder } from './work-order.ts';

/** Each property in the order in which it is shown, as SQL over work_order, site, creator and assignee. */
const properties: Readonly<Record<Exclude<keyof WorkOrder, 'expanded'>, string>> = {
  id: 'work_order.id',
  number: 'work_order.number',
  site: 'site.slug',
  title: 'work_order.title',
  description: 'work_order.description',
  status: 'work_order.status',
  priority: 'work_order.priority',
  type: 'work_order.type',
  wo_type: 'work_order.type',
  category: 'work_order.category',
  asset_id: 'work_order.asset_id',
  equipment_uri: 'work_order.equipment_uri',
  location_uri: 'work_order.location_uri',
  created_by: 'work_order.created_by',
  created_by_detail: person('creator'),
  assigned_to: 'work_order.assigned_to',
  assigned_to_detail: person('assignee'),
  assignees: 'work_order.assignees',
  assigned_team: 'work_order.assigned_team',
  team_id: 'work_order.team_id',
  requester_name: 'work_order.requester_name',
  requester_email: 'work_order.requester_email',
  insight: 'work_order.insight_id',
  parent: 'work_order.parent_id',
  source: 'work_order.source',
  due_date: 'work_order.due_date',
  overdue_at: instant('overdue_at'),
  scheduled_start: instant('scheduled_start'),
  scheduled_end: instant('scheduled_end'),
  estimated_minutes: 'work_order.estimated_minutes',
  labor_minutes: 'work_order.labor_minutes',
  responded_at: instant('responded_at'),
  started_at: instant('started_at'),
  completed_at: instant('completed_at'),
  hold_reason: 'work_order.hold_reason',
  // Most have found nothing and have no tasks; a constant costs nothing, an object that is built six values.
  failure: `case when work_order.failure_problem = '' and work_order.failure_cause = '' and work_order.failure_remedy = ''
    then json '{"problem":"","cause":"","remedy":""}'
    else json_build_object('problem', work_order.failure_problem, 'cause', work_order.failure_cause,
      'remedy', work_order.failure_remedy) end`,
  resolution: 'work_order.resolution',
  requires_signature: 'work_order.requires_signature',
  requires_photo: 'work_order.requires_photo',
  checklist: `case when work_order.task_count = 0 then json '{"total":0,"done":0}'
    else json_build_object('total', work_order.task_count, 'done', work_order.task_done_count) end`,
  sla_status: 'work_order.sla_status',
  sla_response_due_at: instant('sla_response_due_at'),
  sla_due_at: instant('sla_due_at'),
  external_id: 'work_order.external_id',
  metadata: 'work_order.metadata',
  comment_count: 'work_order.comment_count',
  attachment_count: 'work_order.attachment_count',
  photo_count: 'work_order.photo_count',
  signature_count: 'work_order.signature_count',
  created_at: instant('created_at'),
  updated_at: instant('updated_at'),
};

function person(table: 'creator' | 'assignee'): string {
  return `case when ${table}.id is not null
    then json_build_object('id', ${table}.id, 'username', ${table}.username, 'email', ${table}.email) end`;
}

/** As formatInstant has it: in UTC, with milliseconds only where there are some. */
function instant(column: string): string {
  const text = `to_char(work_order.${column} at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
  return `replace(${text}, '.000Z', 'Z')`;
}

const selected = Object.entries(properties).map(([name, value]) => `${value} as ${name}`);

/** The work order of a row, with the names that its ids stand for, as text of JSON. */
export const workOrderJson: RawBuilder<string> = sql.raw(
  `(select row_to_json(shown) from (select ${selected.join(', ')}) as shown)::text`,
);

/** The work order in a row that has it as `json`. */
export function toWorkOrder({ json }: { readonly json: string }): JsonText<WorkOrder> {
  return new JsonText(json);
}
