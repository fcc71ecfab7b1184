import { sql } from 'kysely';
import type { Area } from '../access/api-key.ts';
import { withinSites } from '../access/site-store.ts';
import type { Db } from '../platform/database.ts';
import type { JsonText } from '../platform/json-text.ts';
import { inOrder, narrowed, rowsOf } from '../platform/page-store.ts';
import type { ListRequest, Rows } from '../platform/paging.ts';
import { shown, workOrdersOf } from './store.ts';
import { type Tallied, tallyOf } from './total-store.ts';
import type { WorkOrder } from './work-order.ts';
import type { WorkOrderFilter } from './work-order-query.ts';
import { toWorkOrder } from './work-order-row.ts';

/** Work orders in the area, as was asked; deleted ones are in no list. */
export async function listWorkOrders(
  db: Db,
  area: Area,
  filter: Partial<WorkOrderFilter>,
  page: ListRequest,
): Promise<Rows<JsonText<WorkOrder>>> {
  const orders = narrowed(filtered(workOrdersOf(db, area), filter), page).where(
    withinSites('work_order.site_id', area.caller),
  );
  const tallied = talliedOf(area, filter, page);
  if (tallied) {
    const tally = tallyOf(db, tallied);
    const rows = await inOrder(shown(orders), page).select(sql<number>`(${tally})`.as('count')).execute();
    // Behind the last row there is none that could tell.
    return rowsOf(rows, rows[0] ?? (await tally.executeTakeFirstOrThrow()), toWorkOrder);
  }
  // Side by side, on a connection each: neither needs what the other finds.
  const [total, rows] = await Promise.all([
    orders.select((all) => all.fn.countAll().as('count')).executeTakeFirstOrThrow(),
    inOrder(shown(orders), page).execute(),
  ]);
  return rowsOf(rows, total, toWorkOrder);
}

/** What the tally has counted already, where all that is asked for is among that. */
function talliedOf(
  { caller, site }: Area,
  { status, priority, ...others }: Partial<WorkOrderFilter>,
  { ranges, words }: ListRequest,
): Tallied | undefined {
  const isNarrower = Object.values(others).some((value) => value !== undefined);
  if (isNarrower || ranges.length > 0 || words !== null) return undefined;
  const siteIds = site === null ? caller.siteIds : [site.id];
  return { tenantId: caller.tenantId, siteIds, statuses: status ?? null, priorities: priority ?? null };
}

type Orders = ReturnType<typeof workOrdersOf>;

function filtered(all: Orders, filter: Partial<WorkOrderFilter>): Orders {
  const among = (orders: Orders, column: string, values: readonly string[] | undefined) => {
    const [first, ...others] = values ?? [];
    if (first === undefined) return orders;
    // An index that has the order of the list gives it for one value alone.
    if (others.length === 0) return orders.where(sql<boolean>`${sql.ref(column)} = ${first}`);
    return orders.where(sql<boolean>`${sql.ref(column)} = any(${[first, ...others]}::text[])`);
  };
  let orders = among(all, 'work_order.status', filter.status);
  orders = among(orders, 'work_order.priority', filter.priority);
  orders = among(orders, 'work_order.type', filter.type);
  orders = among(orders, 'site.slug', filter.site);
  orders = among(orders, 'work_order.sla_status', filter.sla_status);
  if (filter.equipment_uri !== undefined) orders = orders.where('equipment_uri', '=', filter.equipment_uri);
  if (filter.asset_id !== undefined) orders = orders.where('asset_id', '=', filter.asset_id);
  if (filter.assigned_to !== undefined) orders = orders.where('assigned_to', '=', filter.assigned_to);
  if (filter.assignee !== undefined) {
    const person = sql`${filter.assignee}::uuid`;
    orders = orders.where(sql<boolean>`(work_order.assigned_to = ${person} or ${person} = any(work_order.assignees))`);
  }
  if (filter.team_id !== undefined) orders = orders.where('team_id', '=', filter.team_id);
  if (filter.assigned_team !== undefined) orders = orders.where('assigned_team', '=', filter.assigned_team);
  if (filter.insight !== undefined) orders = orders.where('insight_id', '=', filter.insight);
  if (filter.parent !== undefined) orders = orders.where('work_order.parent_id', '=', filter.parent);
  if (filter.source !== undefined) orders = orders.where('source', '=', filter.source);
  if (filter.overdue !== undefined) orders = orders.where('overdue_at', filter.overdue ? 'is not' : 'is', null);
  if (filter.external_id !== undefined) {
    orders = orders.where('work_order.external_id', '=', filter.external_id);
  }
  return orders;
}
