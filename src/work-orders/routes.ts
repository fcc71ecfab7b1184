import { nameOf, requireSite } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { changeWorkOrder, removeWorkOrder } from './change.ts';
import { createWorkOrder, typeOf } from './create.ts';
import { findWorkOrder, listWorkOrders } from './store.ts';
import { WorkOrder, WorkOrderChange, WorkOrderQuery, workOrderBody } from './work-order.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['Work orders'];
const read = { scope: 'work-orders:read' } as const;
const write = { scope: 'work-orders:write' } as const;

/** Work orders: list, create, get, change, delete, the same on every mount. */
export function workOrderRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  readingRoutes(app, mount, needs);
  writingRoutes(app, mount, needs);
}

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const list = {
    operationId: mount.operationId('listWorkOrders'),
    summary: 'List work orders, most recent first',
    params: mount.listParams,
    querystring: WorkOrderQuery,
  };
  app.get(
    mount.list('work-orders'),
    { config: read, schema: { ...list, tags, response: { 200: mount.pageOf(WorkOrder) } } },
    async (request, reply) => {
      const { wo_type, ...query } = request.query;
      const type = typeOf({ type: query.type, wo_type });
      const { page, filter } = paging.read({ ...query, type }, ['work-orders', nameOf(request.area)]);
      const rows = await listWorkOrders(db, request.area, filter, page);
      return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
    },
  );
  const one = {
    operationId: mount.operationId('getWorkOrder'),
    summary: 'Get one work order',
    params: mount.memberParams,
  };
  app.get(
    mount.member('work-orders'),
    { config: read, schema: { ...one, tags, response: { 200: mount.oneOf(WorkOrder) } } },
    async (request, reply) => {
      const found = await findWorkOrder(db, request.area, request.params.id);
      if (!found) throw refusals.workOrderNotFound(request.params.id);
      requireSite(request.area.caller, found.siteId);
      return shell.send(request, reply, mount.one(found.workOrder));
    },
  );
}

function writingRoutes(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const creation = {
    operationId: mount.operationId('createWorkOrder'),
    summary: 'Create a work order',
    params: mount.listParams,
    body: workOrderBody(mount.name),
  };
  app.post(
    mount.list('work-orders'),
    { config: write, schema: { ...creation, tags, response: { 201: mount.oneOf(WorkOrder) } } },
    async (request, reply) =>
      shell.transact(request, reply, async (trx) => {
        const { area, body } = request;
        const workOrder = await createWorkOrder(trx, { area, mount: mount.name, body, at: shell.now() });
        return mount.created(request, workOrder);
      }),
  );
  const change = {
    operationId: mount.operationId('changeWorkOrder'),
    summary: 'Change the given properties of a work order',
    params: mount.memberParams,
    body: WorkOrderChange,
  };
  app.patch(
    mount.member('work-orders'),
    { config: write, schema: { ...change, tags, response: { 200: mount.oneOf(WorkOrder) } } },
    async (request, reply) =>
      shell.transact(request, reply, async (trx) => {
        const { area, body } = request;
        const { id } = request.params;
        const ifMatch = request.headers['if-match'];
        return mount.one(await changeWorkOrder(trx, { area, id, body, ifMatch, at: shell.now() }));
      }),
  );
  const removal = {
    operationId: mount.operationId('deleteWorkOrder'),
    summary: 'Delete a work order',
    params: mount.memberParams,
  };
  app.delete(
    mount.member('work-orders'),
    { config: write, schema: { ...removal, tags, response: { 204: noContent } } },
    async (request, reply) =>
      shell.transact(request, reply, async (trx) => {
        const { id } = request.params;
        await removeWorkOrder(trx, { area: request.area, id, ifMatch: request.headers['if-match'], at: shell.now() });
        return deleted;
      }),
  );
}

const noContent = { description: 'Deleted.' };
