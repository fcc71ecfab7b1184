import { personOf } from '../../access/person.ts';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { formatInstant } from '../../platform/instant.ts';
import { narrowed, readPage } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import { laterThanBefore } from '../../platform/version-store.ts';
import { Task, type TaskFilter, type TaskValue } from './task.ts';

/** A work order of a tenant. */
type Order = { readonly tenantId: string; readonly orderId: string };

/** The checklist of one work order. */
export async function listTasks(
  db: Db,
  order: Order,
  { filter, page }: { filter: TaskFilter; page: ListRequest },
): Promise<Rows<Task>> {
  let tasks = tasksOf(db, order);
  if (filter.kind !== undefined) tasks = tasks.where('work_order_task.kind', '=', filter.kind);
  if (filter.required !== undefined) tasks = tasks.where('work_order_task.required', '=', filter.required);
  if (filter.done !== undefined) tasks = tasks.where('work_order_task.done_at', filter.done ? 'is not' : 'is', null);
  if (filter.external_id !== undefined) tasks = tasks.where('work_order_task.external_id', '=', filter.external_id);
  const found = narrowed(tasks, page);
  return readPage({ found, shown: shown(found) }, page, toTask);
}

/** One task of a checklist. */
export async function findTask(db: Db, order: Order, id: string): Promise<Task | undefined> {
  const row = await shown(tasksOf(db, order)).where('work_order_task.id', '=', id).executeTakeFirst();
  return row && toTask(row);
}

/** The place behind the last task of a checklist; whoever asks holds the work order. */
export async function findLastPosition(trx: Db, order: Order): Promise<number> {
  const row = await tasksOf(trx, order)
    .select((last) => last.fn.max('work_order_task.position').as('position'))
    .executeTakeFirstOrThrow();
  return row.position ?? 0;
}

/** What is written of a task. An answer is JSON, so that a number stays one. */
export type TaskColumns = {
  readonly position?: number;
  readonly title?: string;
  readonly required?: boolean;
  readonly options?: string[];
  readonly unit?: string;
  readonly min?: number | null;
  readonly max?: number | null;
  readonly note?: string;
  readonly value?: TaskValue | null;
  readonly done_at?: Date | null;
  readonly done_by?: string | null;
  readonly external_id?: string | null;
  readonly metadata?: Record<string, unknown>;
};

type NewTask = TaskColumns &
  Required<Pick<TaskColumns, 'position' | 'title'>> & {
    readonly kind: Task['kind'];
    readonly created_by: string | null;
  };

/** Inserts a task and gives its id. */
export async function insertTask(
  trx: Db,
  { tenantId, orderId }: Order,
  { task: { kind, created_by, position, title, ...columns }, at }: { task: NewTask; at: Date },
): Promise<string> {
  const id = newId();
  await trx
    .insertInto('work_order_task')
    .values({
      ...{ id, tenant_id: tenantId, work_order_id: orderId, kind, created_by, position, title },
      ...written(columns),
      created_at: at,
      updated_at: at,
    })
    .execute();
  return id;
}

/** Changes a task. */
export async function updateTask(
  trx: Db,
  { tenantId, orderId }: Order,
  { id, columns, at }: { id: string; columns: TaskColumns; at: Date },
): Promise<void> {
  await trx
    .updateTable('work_order_task')
    .set({ ...written(columns), updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('work_order_id', '=', orderId)
    .where('id', '=', id)
    .execute();
}

/** Removes a task. */
export async function deleteTask(trx: Db, { tenantId, orderId }: Order, id: string): Promise<void> {
  await trx
    .deleteFrom('work_order_task')
    .where('tenant_id', '=', tenantId)
    .where('work_order_id', '=', orderId)
    .where('id', '=', id)
    .execute();
}

function written({ value, metadata, ...columns }: TaskColumns) {
  return {
    ...columns,
    ...(value === undefined ? {} : { value: value === null ? null : JSON.stringify(value) }),
    ...(metadata === undefined ? {} : { metadata: JSON.stringify(metadata) }),
  };
}

function tasksOf(db: Db, { tenantId, orderId }: Order) {
  return db
    .selectFrom('work_order_task')
    .where('work_order_task.tenant_id', '=', tenantId)
    .where('work_order_task.work_order_id', '=', orderId);
}

function shown(tasks: ReturnType<typeof tasksOf>) {
  return tasks
    .leftJoin('app_user as doer', 'doer.id', 'work_order_task.done_by')
    .selectAll('work_order_task')
    .select(['doer.username', 'doer.email']);
}

type Row = Awaited<ReturnType<ReturnType<typeof shown>['executeTakeFirstOrThrow']>>;

function toTask(row: Row): Task {
  return Task.parse({
    ...row,
    done: row.done_at !== null,
    done_at: row.done_at && formatInstant(row.done_at),
    done_by_detail: personOf(row.done_by, row.username, row.email),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
