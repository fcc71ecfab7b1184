import type { Area } from '../../access/api-key.ts';
import type { Below, Writing } from '../../access/child-routes.ts';
import type { Which } from '../../access/collection-routes.ts';
import { changesBetween, type NewEvent } from '../../events/event.ts';
import { appendEvent } from '../../events/store.ts';
import type { Db } from '../../platform/database.ts';
import { requireMatch } from '../../platform/etag.ts';
import { refusals } from '../../platform/refusals.ts';
import { addToWorkOrder } from '../count-store.ts';
import { holdOrder, partEvent, requireStanding } from '../parts/part.ts';
import type { HeldWorkOrder } from '../store.ts';
import { checkAnswer, checkQuestion, isDone } from './answer.ts';
import type { Task, TaskBody, TaskChange, TaskValue } from './task.ts';
import { deleteTask, findLastPosition, findTask, insertTask, type TaskColumns, updateTask } from './task-store.ts';

const tasksMax = 1_000;

/**
 * Adds a task to the checklist; run it in a transaction. Throws work_order_ended, and validation_failed for an answer that is none
 * to the question.
 */
export async function addTask(trx: Db, where: Writing, body: TaskBody): Promise<Task> {
  const { area, id: orderId, at } = where;
  const { tenantId, userId } = area.caller;
  const order = await holdOrder(trx, area, orderId);
  requireStanding(order);
  if (order.task_count >= tasksMax)
    throw refusals.invalidBody('', 'too_many', `a checklist has at most ${tasksMax} tasks`);
  const { kind = 'check', value = null, metadata, ...rest } = body;
  const question = { kind, options: rest.options ?? [], min: rest.min ?? null, max: rest.max ?? null };
  checkQuestion(question);
  if (value !== null) checkAnswer(question, value);
  const position = rest.position ?? (await findLastPosition(trx, { tenantId, orderId })) + 1;
  const task = {
    ...given(rest),
    ...{ kind, position, title: rest.title, created_by: userId },
    ...(metadata === undefined ? {} : { metadata }),
    ...answered(value, where),
  };
  const id = await insertTask(trx, { tenantId, orderId }, { task, at });
  const added = await getTask(trx, where, id);
  await addToWorkOrder(trx, { tenantId, id: orderId, at }, { task_count: 1, ...differenceOf(undefined, added) });
  await appendEvent(trx, eventOf(order, area, { type: 'task.created', task: added }));
  return added;
}

/** Changes a task, or answers it; run it in a transaction. Throws as addTask does, and precondition_failed. */
export async function changeTask(
  trx: Db,
  where: Writing,
  { id, ifMatch, body }: Which & { body: TaskChange },
): Promise<Task> {
  const { area, id: orderId, at } = where;
  const { tenantId } = area.caller;
  const order = await holdOrder(trx, area, orderId);
  const before = await getTask(trx, where, id);
  requireMatch(ifMatch, before.updated_at);
  requireStanding(order);
  if (Object.keys(body).length === 0) return before;
  await updateTask(trx, { tenantId, orderId }, { id, columns: columnsOf(before, body, where), at });
  const task = await getTask(trx, where, id);
  await addToWorkOrder(trx, { tenantId, id: orderId, at }, differenceOf(before, task));
  const changes = changesBetween(saidOf(before), saidOf(task));
  if (changes.length > 0) await appendEvent(trx, { ...eventOf(order, area, { type: 'task.updated', task }), changes });
  return task;
}

/** Takes a task off the checklist; run it in a transaction. Throws work_order_ended and precondition_failed. */
export async function removeTask(trx: Db, where: Writing, { id, ifMatch }: Which): Promise<void> {
  const { area, id: orderId, at } = where;
  const { tenantId } = area.caller;
  const order = await holdOrder(trx, area, orderId);
  const task = await getTask(trx, where, id);
  requireMatch(ifMatch, task.updated_at);
  requireStanding(order);
  await deleteTask(trx, { tenantId, orderId }, id);
  await addToWorkOrder(trx, { tenantId, id: orderId, at }, { task_count: -1, ...differenceOf(task, undefined) });
  await appendEvent(trx, eventOf(order, area, { type: 'task.deleted', task }));
}

/** One task. Throws task_not_found. */
export async function getTask(db: Db, { area, id: orderId }: Below, id: string): Promise<Task> {
  const task = await findTask(db, { tenantId: area.caller.tenantId, orderId }, id);
  if (!task) throw refusals.taskNotFound(id);
  return task;
}

/** The question as it is after the change has to fit together, and the answer to it, the one that stood as well as a new one. */
function columnsOf(before: Task, body: TaskChange, where: Writing): TaskColumns {
  const { value, metadata, ...rest } = body;
  const question = {
    kind: before.kind,
    options: rest.options ?? before.options,
    min: rest.min === undefined ? before.min : rest.min,
    max: rest.max === undefined ? before.max : rest.max,
  };
  checkQuestion(question);
  const answer = value === undefined ? before.value : value;
  if (answer !== null) checkAnswer(question, answer);
  const isOther = value !== undefined && value !== before.value;
  return {
    ...given(rest),
    ...(metadata === undefined ? {} : { metadata }),
    ...(isOther ? answered(value, where) : {}),
  };
}

/** Of the properties that are columns as they are, those that are given. */
function given({
  title,
  position,
  required,
  options,
  unit,
  min,
  max,
  note,
  external_id,
}: Omit<TaskChange, 'value'>): TaskColumns {
  const columns = { title, position, required, options, unit, min, max, note, external_id };
  return Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined));
}

function answered(value: TaskValue | null, { area, at }: Writing): TaskColumns {
  return isDone(value) ? { value, done_at: at, done_by: area.caller.userId } : { value, done_at: null, done_by: null };
}

/** How the counts of the work order move when one task becomes another. */
function differenceOf(before: Task | undefined, after: Task | undefined) {
  const done = (task: Task | undefined) => (task?.done ? 1 : 0);
  const missing = (task: Task | undefined) => (task?.required && !task.done ? 1 : 0);
  return { task_done_count: done(after) - done(before), task_missing_count: missing(after) - missing(before) };
}

function saidOf({
  title,
  position,
  required,
  options,
  unit,
  min,
  max,
  value,
  note,
  done,
  external_id,
  metadata,
}: Task) {
  return { title, position, required, options, unit, min, max, value, note, done, external_id, metadata };
}

type Told = { readonly type: NewEvent['type']; readonly task: Task };

function eventOf(order: HeldWorkOrder, area: Area, { type, task }: Told): NewEvent {
  const { id, title, kind, value, done } = task;
  return partEvent(order, area, { type, data: { id, title, kind, value, done } });
}
