import { readerOf } from '../../access/listing.ts';
import { deleted, type Mount, type RouteScope } from '../../platform/mount.ts';
import { requireOrder } from '../parts/part.ts';
import { type PartNeeds, partRead, partTags, partWrite } from '../parts/part-needs.ts';
import { addTask, changeTask, getTask, removeTask } from './change-task.ts';
import { Task, TaskBody, TaskChange, TaskQuery, taskList } from './task.ts';
import { listTasks } from './task-store.ts';

/** The checklist of a work order: `/work-orders/{id}/tasks`. */
export function taskRoutes(app: RouteScope, mount: Mount, needs: PartNeeds): void {
  readingRoutes(app, mount, needs);
  writingRoutes(app, mount, needs);
}

const childOf = (mount: Mount) => mount.child('work-orders', '/tasks', 'task_id');

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: PartNeeds): void {
  const child = childOf(mount);
  const list = {
    operationId: mount.operationId('listTasks'),
    summary: 'List the tasks of a work order, in the order of the checklist',
    tags: partTags,
    params: child.listParams,
    querystring: TaskQuery,
    response: { 200: mount.pageOf(Task) },
  };
  app.get(child.list, { config: partRead, schema: list }, async (request, reply) => {
    const { area } = request;
    const { id: orderId } = request.params;
    await requireOrder(db, area, orderId);
    const { page, filter } = paging.list(taskList, request.query, readerOf(area, orderId));
    const rows = await listTasks(db, { tenantId: area.caller.tenantId, orderId }, { filter, page });
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: mount.operationId('getTask'),
    summary: 'Get one task of a work order',
    tags: partTags,
    params: child.memberParams,
    response: { 200: mount.oneOf(Task) },
  };
  app.get(child.member(), { config: partRead, schema: one }, async (request, reply) => {
    const { id: orderId, task_id: id } = request.params;
    await requireOrder(db, request.area, orderId);
    return shell.send(request, reply, mount.one(await getTask(db, { area: request.area, orderId }, id)));
  });
}

function writingRoutes(app: RouteScope, mount: Mount, { shell }: PartNeeds): void {
  const child = childOf(mount);
  const creation = {
    operationId: mount.operationId('createTask'),
    summary: 'Add a task to the checklist of a work order',
    tags: partTags,
    params: child.listParams,
    body: TaskBody,
    response: { 201: mount.oneOf(Task) },
  };
  app.post(child.list, { config: partWrite, schema: creation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, params, body } = request;
      return mount.created(request, await addTask(trx, { area, orderId: params.id, at: shell.now() }, body));
    }),
  );
  const change = {
    operationId: mount.operationId('changeTask'),
    summary: 'Answer a task of a work order, or change it',
    tags: partTags,
    params: child.memberParams,
    body: TaskChange,
    response: { 200: mount.oneOf(Task) },
  };
  app.patch(child.member(), { config: partWrite, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body } = request;
      const { id: orderId, task_id: id } = request.params;
      const which = { id, ifMatch: request.headers['if-match'], body };
      return mount.one(await changeTask(trx, { area, orderId, at: shell.now() }, which));
    }),
  );
  const removal = {
    operationId: mount.operationId('deleteTask'),
    summary: 'Take a task off the checklist of a work order',
    tags: partTags,
    params: child.memberParams,
    response: { 204: { description: 'Deleted.' } },
  };
  app.delete(child.member(), { config: partWrite, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area } = request;
      const { id: orderId, task_id: id } = request.params;
      await removeTask(trx, { area, orderId, at: shell.now() }, { id, ifMatch: request.headers['if-match'] });
      return deleted;
    }),
  );
}
