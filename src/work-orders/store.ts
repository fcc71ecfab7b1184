import { sql } from 'kysely';
import type { Area } from '../access/api-key.ts';
import { withinSites } from '../access/site-store.ts';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { newestFirst, rowsOf } from '../platform/page-store.ts';
import type { PageRequest, Rows } from '../platform/paging.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import type { DueDate } from './due-date.ts';
import { type Progress, unstarted } from './status.ts';
import type { priorities, types, WorkOrder, WorkOrderFilter } from './work-order.ts';
import type { WorkOrderState } from './work-order-events.ts';
import { toWorkOrder } from './work-order-row.ts';

/** A work order before it has an id and a number. */
export type NewWorkOrder = {
  readonly tenantId: string;
  readonly siteId: string;
  readonly title: string;
  readonly description?: string | undefined;
  readonly priority: (typeof priorities)[number];
  readonly type: (typeof types)[number];
  readonly category?: string | undefined;
  readonly assetId?: string | null | undefined;
  readonly equipmentUri?: string | undefined;
  readonly locationUri?: string | undefined;
  readonly createdBy?: string | null | undefined;
  readonly assignedTo?: string | null | undefined;
  readonly assignedTeam?: string | null | undefined;
  readonly requesterName?: string | undefined;
  readonly requesterEmail?: string | undefined;
  readonly due?: DueDate | null | undefined;
  readonly insightId?: string | null | undefined;
  readonly parentId?: string | null | undefined;
  readonly source: 'api' | 'rule';
  readonly progress?: Progress | undefined;
  readonly externalId?: string | null | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
  /** The instant of creation, in whole milliseconds. */
  readonly at: Date;
};

/**
 * Inserts a work order under the tenant's next number; run it in a transaction. A rule's insight has one work order by
 * rule: for a second one it returns undefined, and nothing has changed, nor has a number been used. The counter's row
 * stays locked until the transaction ends, so whoever writes for several tenants in one goes by ascending tenant id.
 */
export async function insertWorkOrder(trx: Db, order: NewWorkOrder): Promise<WorkOrderState | undefined> {
  const number = await takeNumber(trx, order.tenantId);
  const inserted = await trx
    .insertInto('work_order')
    .values(columnsOf(order, number))
    .onConflict((conflict) => conflict.column('insight_id').where('source', '=', 'rule').doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!inserted) await giveNumberBack(trx, order.tenantId);
  return inserted;
}

async function takeNumber(trx: Db, tenantId: string): Promise<number> {
  const { last_number } = await trx
    .insertInto('work_order_counter')
    .values({ tenant_id: tenantId, last_number: 1 })
    .onConflict((conflict) =>
      conflict.column('tenant_id').doUpdateSet((set) => ({
        last_number: set('work_order_counter.last_number', '+', 1),
      })),
    )
    .returning('last_number')
    .executeTakeFirstOrThrow();
  return last_number;
}

async function giveNumberBack(trx: Db, tenantId: string): Promise<void> {
  await trx
    .updateTable('work_order_counter')
    .set((set) => ({ last_number: set('last_number', '-', 1) }))
    .where('tenant_id', '=', tenantId)
    .execute();
}

function columnsOf(order: NewWorkOrder, number: number) {
  const { status, started_at, completed_at } = order.progress ?? unstarted;
  return {
    id: newId(),
    tenant_id: order.tenantId,
    site_id: order.siteId,
    number,
    title: order.title,
    description: order.description ?? '',
    status,
    priority: order.priority,
    type: order.type,
    category: order.category ?? '',
    asset_id: order.assetId ?? null,
    equipment_uri: order.equipmentUri ?? '',
    location_uri: order.locationUri ?? '',
    created_by: order.createdBy ?? null,
    assigned_to: order.assignedTo ?? null,
    assigned_team: order.assignedTeam ?? null,
    requester_name: order.requesterName ?? '',
    requester_email: order.requesterEmail ?? '',
    due_date: order.due?.text ?? null,
    due_at: order.due?.at ?? null,
    insight_id: order.insightId ?? null,
    parent_id: order.parentId ?? null,
    source: order.source,
    started_at,
    completed_at,
    external_id: order.externalId ?? null,
    metadata: JSON.stringify(order.metadata ?? {}),
    created_at: order.at,
    updated_at: order.at,
  };
}

/** Work orders in the area, newest first; deleted ones are in no list. */
export async function listWorkOrders(
  db: Db,
  area: Area,
  filter: WorkOrderFilter,
  page: PageRequest,
): Promise<Rows<WorkOrder>> {
  let orders = workOrdersOf(db, area);
  orders = orders.where(withinSites('work_order.site_id', area.caller));
  if (filter.status !== undefined) orders = orders.where('work_order.status', '=', filter.status);
  if (filter.priority !== undefined) orders = orders.where('work_order.priority', '=', filter.priority);
  if (filter.type !== undefined) orders = orders.where('work_order.type', '=', filter.type);
  if (filter.equipment_uri !== undefined) orders = orders.where('equipment_uri', '=', filter.equipment_uri);
  if (filter.asset_id !== undefined) orders = orders.where('asset_id', '=', filter.asset_id);
  if (filter.assigned_to !== undefined) orders = orders.where('assigned_to', '=', filter.assigned_to);
  if (filter.insight !== undefined) orders = orders.where('insight_id', '=', filter.insight);
  if (filter.parent !== undefined) orders = orders.where('parent_id', '=', filter.parent);
  if (filter.source !== undefined) orders = orders.where('source', '=', filter.source);
  if (filter.external_id !== undefined) orders = orders.where('external_id', '=', filter.external_id);
  const total = await orders.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await newestFirst(shown(orders), { table: 'work_order', page }).execute();
  return rowsOf(rows, total, toWorkOrder);
}

/** One work order of the area's tenant, below the area's site if it has one; the caller checks whether its key may see it. */
export async function findWorkOrder(
  db: Db,
  area: Area,
  id: string,
): Promise<{ workOrder: WorkOrder; siteId: string } | undefined> {
  const row = await shown(workOrdersOf(db, area)).where('work_order.id', '=', id).executeTakeFirst();
  return row && { workOrder: toWorkOrder(row), siteId: row.site_id };
}

/** The row of one work order, locked until the transaction ends, so that what is decided from it still holds when written. */
export function lockWorkOrder(trx: Db, area: Area, id: string) {
  return (
    workOrdersOf(trx, area)
      .selectAll('work_order')
      .select('site.time_zone')
      .where('work_order.id', '=', id)
      // Not `for update`: that would stop others from naming this one as their parent, and end in deadlocks.
      .forNoKeyUpdate('work_order')
      .executeTakeFirst()
  );
}

/** What a change writes; the instant of the change moves on even within a millisecond, since ETags are made of it. */
export type WorkOrderColumns = Partial<Omit<ReturnType<typeof columnsOf>, 'id' | 'tenant_id' | 'number'>>;

export function updateWorkOrder(
  trx: Db,
  { tenantId, id, at }: { tenantId: string; id: string; at: Date },
  columns: WorkOrderColumns,
): Promise<WorkOrderState> {
  return trx
    .updateTable('work_order')
    .set({ ...columns, updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
}

/** Deletes a work order from every list; its row is kept. */
export async function deleteWorkOrder(
  trx: Db,
  { tenantId, id, at }: { tenantId: string; id: string; at: Date },
): Promise<void> {
  await trx
    .updateTable('work_order')
    .set({ deleted_at: at, updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('deleted_at', 'is', null)
    .execute();
}

/**
 * The ids of a work order's ancestors and its own, for a parent that is about to be set. Locks the tenant's trees until
 * the transaction ends: without it two changes at once could each make the other's work order its parent.
 */
export async function listAncestors(trx: Db, tenantId: string, id: string): Promise<string[]> {
  await sql`select pg_advisory_xact_lock(hashtextextended('work_order.parent_id ' || ${tenantId}::text, 0))`.execute(
    trx,
  );
  const { rows } = await sql<{ id: string }>`
    with recursive ancestor (id, parent_id) as (
      select id, parent_id from work_order where tenant_id = ${tenantId} and id = ${id} and deleted_at is null
      union
      select parent.id, parent.parent_id from work_order parent join ancestor on parent.id = ancestor.parent_id
    )
    select id from ancestor`.execute(trx);
  return rows.map((row) => row.id);
}

function workOrdersOf(db: Db, area: Area) {
  const orders = db
    .selectFrom('work_order')
    .innerJoin('site', 'site.id', 'work_order.site_id')
    .where('work_order.tenant_id', '=', area.caller.tenantId)
    .where('work_order.deleted_at', 'is', null);
  return area.site === null ? orders : orders.where('work_order.site_id', '=', area.site.id);
}

function shown(orders: ReturnType<typeof workOrdersOf>) {
  return orders
    .leftJoin('app_user as creator', 'creator.id', 'work_order.created_by')
    .leftJoin('app_user as assignee', 'assignee.id', 'work_order.assigned_to')
    .selectAll('work_order')
    .select('site.slug as site')
    .select(['creator.username as creator_username', 'creator.email as creator_email'])
    .select(['assignee.username as assignee_username', 'assignee.email as assignee_email']);
}
