import { sql } from 'kysely';
import type { Area } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import { standing } from './status.ts';
import type { WorkOrder } from './work-order.ts';
import type { WorkOrderState } from './work-order-events.ts';
import { toWorkOrder, workOrderJson } from './work-order-row.ts';

/** What may be written of a work order, by the names of its columns. */
export type WorkOrderColumns = Partial<
  Omit<WorkOrderState, 'id' | 'tenant_id' | 'number' | 'source' | 'created_at' | 'updated_at' | 'deleted_at'>
>;

/** A work order before it has an id and a number. */
export type NewWorkOrder = {
  readonly tenantId: string;
  readonly source: 'api' | 'rule';
  readonly columns: WorkOrderColumns & Pick<WorkOrderState, 'site_id' | 'title' | 'priority' | 'type'>;
  /** The instant of creation, in whole milliseconds. */
  readonly at: Date;
};

/**
 * Inserts a work order under the tenant's next number; run it in a transaction. A rule's insight has one work order by
 * rule: for a second one it returns undefined, and nothing has changed, nor has a number been used. The counter's row
 * stays locked until the transaction ends, so whoever writes for several tenants in one goes by ascending tenant id.
 */
export async function insertWorkOrder(trx: Db, order: NewWorkOrder): Promise<WorkOrderState | undefined> {
  const { tenantId, source, columns, at } = order;
  const number = await takeNumber(trx, tenantId);
  const metadata = JSON.stringify(columns.metadata ?? {});
  const inserted = await trx
    .insertInto('work_order')
    .values({ ...columns, metadata, id: newId(), tenant_id: tenantId, number, source, created_at: at, updated_at: at })
    // In words: a parameter is not known to be the condition of the index once the statement is prepared.
    .onConflict((conflict) => conflict.column('insight_id').where(sql<boolean>`source = 'rule'`).doNothing())
    .returningAll()
    .executeTakeFirst();
  if (!inserted) await giveNumberBack(trx, tenantId);
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

/** One work order of the area's tenant, below the area's site if it has one; the caller checks whether its key may see it. */
export async function findWorkOrder(
  db: Db,
  area: Area,
  id: string,
): Promise<{ workOrder: WorkOrder; siteId: string } | undefined> {
  const found = shown(workOrdersOf(db, area)).select('work_order.site_id').where('work_order.id', '=', id);
  const row = await found.executeTakeFirst();
  return row && { workOrder: toWorkOrder(row).read(), siteId: row.site_id };
}

/** The row of a work order with the zone in which its local times are read. */
export type HeldWorkOrder = WorkOrderState & { readonly time_zone: string };

/** The row of one work order, locked until the transaction ends, so that what is decided from it still holds when written. */
export async function lockWorkOrder(trx: Db, area: Area, id: string): Promise<HeldWorkOrder | undefined> {
  const [row] = await lockWorkOrders(trx, area, [id]);
  return row;
}

/** The same of several; those that are not there are left out. Ordered by id, so that of two who hold many neither waits for ever. */
export function lockWorkOrders(trx: Db, area: Area, ids: readonly string[]): Promise<HeldWorkOrder[]> {
  return (
    workOrdersOf(trx, area)
      .selectAll('work_order')
      .select('site.time_zone')
      .where(sql<boolean>`work_order.id = any(${[...ids]}::uuid[])`)
      .orderBy('work_order.id')
      // Not `for update`: that would stop others from naming these as their parents, and end in deadlocks.
      .forNoKeyUpdate('work_order')
      .execute()
  );
}

/** The ids of the insights that work orders are linked to now; nothing is held. */
export async function listLinkedInsights(
  db: Db,
  { tenantId, ids }: { tenantId: string; ids: readonly string[] },
): Promise<string[]> {
  const rows = await db
    .selectFrom('work_order')
    .select('insight_id')
    .distinct()
    .where('tenant_id', '=', tenantId)
    .where(sql<boolean>`id = any(${[...ids]}::uuid[])`)
    .execute();
  return rows.flatMap(({ insight_id }) => insight_id ?? []);
}

/** A work order that the transaction holds, and what is to be written of it. */
export type HeldChange = { readonly before: WorkOrderState; readonly columns: WorkOrderColumns };

/**
 * Writes changes of work orders that the transaction holds, all in one statement; the instant of a change moves on even within a
 * millisecond, since ETags are made of it. Returns the rows as they are then.
 */
export async function updateWorkOrders(
  trx: Db,
  { tenantId, at }: { tenantId: string; at: Date },
  changes: readonly HeldChange[],
): Promise<WorkOrderState[]> {
  if (changes.length === 0) return [];
  const names = [...new Set(changes.flatMap(({ columns }) => Object.keys(columns)))] as (keyof WorkOrderColumns)[];
  // One that does not change a column that another changes keeps its own value.
  const given = changes.map(({ before, columns }) => [
    ['id', before.id],
    ...names.map((name) => [name, writtenValue(columns[name] === undefined ? before[name] : columns[name])]),
  ]);
  const rows = JSON.stringify(given.map((row) => Object.fromEntries(row)));
  const sets = names.map((name) => sql`${sql.ref(name)} = given.${sql.ref(name)},`);
  const { rows: updated } = await sql<WorkOrderState>`
    update work_order set ${sql.join(sets, sql` `)} updated_at = ${laterThanBefore(at, 'work_order')}
    from jsonb_populate_recordset(null::work_order, ${rows}::jsonb) as given
    where work_order.tenant_id = ${tenantId} and work_order.id = given.id
    returning work_order.*`.execute(trx);
  return updated;
}

/** A value in the JSON of a statement. PostgreSQL writes the year 10000, to which a last day leads in the west, without a sign. */
function writtenValue(value: unknown): unknown {
  return value instanceof Date ? value.toISOString().replace(/^\+0*/, '') : value;
}

/** Deletes work orders from every list; their rows are kept. */
export async function deleteWorkOrders(
  trx: Db,
  { tenantId, ids, at }: { tenantId: string; ids: readonly string[]; at: Date },
): Promise<void> {
  await trx
    .updateTable('work_order')
    .set({ deleted_at: at, updated_at: laterThanBefore(at), sla_next_at: null })
    .where('tenant_id', '=', tenantId)
    .where(sql<boolean>`id = any(${[...ids]}::uuid[])`)
    .where('deleted_at', 'is', null)
    .execute();
}

/** The ids of the sub-tasks of work orders. */
export async function listSubtasks(
  db: Db,
  { tenantId, ids }: { tenantId: string; ids: readonly string[] },
): Promise<string[]> {
  const rows = await db
    .selectFrom('work_order')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where(sql<boolean>`parent_id = any(${[...ids]}::uuid[])`)
    .where('deleted_at', 'is', null)
    .execute();
  return rows.map(({ id }) => id);
}

/** The sub-tasks of work orders that still stand: the ids of each with that of its parent. */
export async function listStandingSubtasks(
  db: Db,
  { tenantId, ids }: { tenantId: string; ids: readonly string[] },
): Promise<{ id: string; parentId: string }[]> {
  const rows = await db
    .selectFrom('work_order')
    .select(['id', 'parent_id'])
    .where('tenant_id', '=', tenantId)
    .where(sql<boolean>`parent_id = any(${[...ids]}::uuid[])`)
    .where('status', 'in', [...standing])
    .where('deleted_at', 'is', null)
    .execute();
  return rows.map(({ id, parent_id }) => ({ id, parentId: parent_id ?? '' }));
}

/**
 * Locks the tenant's trees of sub-tasks until the transaction ends: without it two changes at once could each make the other's work
 * order its parent, or one make a parent of what the other deletes. It comes before the lock of any insight or work order.
 */
export async function lockTrees(trx: Db, tenantId: string): Promise<void> {
  await sql`select pg_advisory_xact_lock(hashtextextended('work_order.parent_id ' || ${tenantId}::text, 0))`.execute(
    trx,
  );
}

/** The ids of a work order's ancestors and its own, for a parent that is about to be set; the caller holds the trees. */
export async function listAncestors(trx: Db, tenantId: string, id: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with recursive ancestor (id, parent_id) as (
      select id, parent_id from work_order where tenant_id = ${tenantId} and id = ${id} and deleted_at is null
      union
      select parent.id, parent.parent_id from work_order parent join ancestor on parent.id = ancestor.parent_id
    )
    select id from ancestor`.execute(trx);
  return rows.map((row) => row.id);
}

/** The zone of a site's clock; UTC where there is no such site. */
export async function findTimeZone(
  db: Db,
  { tenantId, siteId }: { tenantId: string; siteId: string },
): Promise<string> {
  const site = await db
    .selectFrom('site')
    .select('time_zone')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', siteId)
    .executeTakeFirst();
  return site?.time_zone ?? 'UTC';
}

/** The work orders of an area that are in lists, each with its site. */
export function workOrdersOf(db: Db, area: Area) {
  const orders = db
    .selectFrom('work_order')
    .innerJoin('site', 'site.id', 'work_order.site_id')
    .where('work_order.tenant_id', '=', area.caller.tenantId)
    .where('work_order.deleted_at', 'is', null);
  return area.site === null ? orders : orders.where('work_order.site_id', '=', area.site.id);
}

/** Each as JSON, with the names that its ids stand for. */
export function shown(orders: ReturnType<typeof workOrdersOf>) {
  return orders
    .leftJoin('app_user as creator', 'creator.id', 'work_order.created_by')
    .leftJoin('app_user as assignee', 'assignee.id', 'work_order.assigned_to')
    .select(workOrderJson.as('json'));
}
