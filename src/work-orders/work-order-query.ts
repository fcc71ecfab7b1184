/** What may be asked of the list of work orders. */
import { z } from 'zod';
import { flag, Id, text } from '../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery } from '../platform/list-query.ts';
import { slaStatuses } from './sla/promise.ts';
import { statuses } from './status.ts';
import { priorities, sources, types } from './work-order.ts';

const nullable = { isNullable: true };

export const workOrderList = listOf({
  name: 'work-orders',
  id: 'work_order.id',
  columns: {
    created_at: columns.instant('work_order.created_at'),
    updated_at: columns.instant('work_order.updated_at'),
    due_date: columns.instant('work_order.due_at', nullable),
    sla_due_at: columns.instant('work_order.sla_due_at', nullable),
    sla_response_due_at: columns.instant('work_order.sla_response_due_at', nullable),
    scheduled_start: columns.instant('work_order.scheduled_start', nullable),
    started_at: columns.instant('work_order.started_at', nullable),
    completed_at: columns.instant('work_order.completed_at', nullable),
    number: columns.integer('work_order.number'),
    title: columns.text('work_order.title'),
    status: columns.ranks('work_order.status', statuses),
    priority: columns.ranks('work_order.priority', priorities),
  },
  words: ['work_order.title', 'work_order.description'],
  search: 'work_orders_with_words',
  expand: ['asset', 'assignee', 'insight', 'site'],
});
export type WorkOrderExpansion = (typeof workOrderList.expand)[number];

/** One of some values, or several with commas between. */
function anyOf<const T extends string>(values: readonly T[]) {
  const one = `(${values.join('|')})`;
  return z
    .string()
    .max(200)
    .regex(new RegExp(`^${one}(,${one})*$`), `must be of ${values.join(', ')}, with commas between`)
    .transform((value) => [...new Set(value.split(','))].sort() as T[])
    .optional()
    .describe(`${values.join(', ')}: one, or several with commas between.`);
}

const slugsMax = 50;
const slug = '[a-z0-9][a-z0-9-]{0,62}';
const sites = text(4_000)
  .regex(new RegExp(`^${slug}(,${slug}){0,${slugsMax - 1}}$`), `must be at most ${slugsMax} slugs with commas between`)
  .transform((value) => [...new Set(value.split(','))].sort())
  .optional()
  .describe('The slug of a site, or several with commas between.');

export const WorkOrderQuery = listQuery(workOrderList, {
  status: anyOf(statuses),
  priority: anyOf(priorities),
  type: anyOf(types),
  wo_type: anyOf(types).describe('The same as type.'),
  site: sites,
  equipment_uri: text(2048).optional().describe('A # in it is %23 in a query.'),
  asset_id: Id.optional(),
  assigned_to: Id.optional(),
  assignee: Id.optional().describe('Who works on it: as assigned_to, or among the assignees.'),
  assigned_team: text(200).optional(),
  team_id: Id.optional(),
  insight: Id.optional(),
  parent: Id.optional(),
  source: z.enum(sources).optional(),
  sla_status: anyOf(slaStatuses),
  overdue: flag().describe('Whether its deadline has passed while it stands.'),
  external_id: text(255).optional(),
});
export type WorkOrderFilter = Omit<z.output<typeof WorkOrderQuery>, ListFields | 'wo_type'>;
