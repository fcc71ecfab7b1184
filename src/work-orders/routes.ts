import { requireSite } from '../access/api-key.ts';
import { expand, expandPage, readerOf } from '../access/listing.ts';
import type { Db } from '../platform/database.ts';
import { oneQuery } from '../platform/list-query.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { actionRoutes } from './action-routes.ts';
import { activityRoutes } from './activity/activity-routes.ts';
import { bulkRoutes } from './bulk-routes.ts';
import { changeWorkOrder, removeWorkOrder } from './change.ts';
import { createWorkOrder } from './create.ts';
import { expanders } from './expanders.ts';
import { listWorkOrders } from './list-store.ts';
import { findWorkOrder } from './store.ts';
import { WorkOrder } from './work-order.ts';
import { WorkOrderChange, workOrderBody } from './work-order-body.ts';
import { typeOf } from './work-order-columns.ts';
import { WorkOrderQuery, workOrderList } from './work-order-query.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['Work orders'];
const read = { scope: 'work-orders:read' } as const;
const write = { scope: 'work-orders:write' } as const;

/** Work orders: list, create, get, change, delete, act, the same on every mount. */
export function workOrderRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  readingRoutes(app, mount, needs);
  listBelow(app, mount, needs);
  writingRoutes(app, mount, needs);
  actionRoutes(app, mount, needs);
  bulkRoutes(app, mount, needs);
  activityRoutes(app, mount, needs);
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
      const { area, query } = request;
      const { page, filter, expand: names } = paging.list(workOrderList, query, readerOf(area));
      const { wo_type, ...given } = filter;
      const type = typeOf({ type: given.type, wo_type });
      const rows = await listWorkOrders(db, area, { ...given, type }, page);
      const asked = { caller: area.caller, names, expanders };
      return shell.send(request, reply, mount.page(request, await expandPage(db, paging.page(page, rows), asked)));
    },
  );
  const one = {
    operationId: mount.operationId('getWorkOrder'),
    summary: 'Get one work order',
    params: mount.memberParams,
    querystring: oneQuery(workOrderList),
  };
  app.get(
    mount.member('work-orders'),
    { config: read, schema: { ...one, tags, response: { 200: mount.oneOf(WorkOrder) } } },
    async (request, reply) => {
      const { area, params, query } = request;
      const found = await findWorkOrder(db, area, params.id);
      if (!found) throw refusals.workOrderNotFound(params.id);
      requireSite(area.caller, found.siteId);
      if (query.expand === undefined) return shell.send(request, reply, mount.one(found.workOrder));
      const asked = { caller: area.caller, names: query.expand, expanders };
      const [shown = found.workOrder] = await expand(db, [found.workOrder], asked);
      return shell.send(request, reply, mount.found(shown));
    },
  );
}

/** The sub-tasks of a work order, each a work order of its own, wherever in the tenant it lies. */
function listBelow(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const schema = {
    operationId: mount.operationId('listSubtasks'),
    summary: 'List the sub-tasks of a work order, most recent first',
    tags,
    params: mount.memberParams,
    querystring: WorkOrderQuery,
    response: { 200: mount.pageOf(WorkOrder) },
  };
  app.get(mount.member('work-orders', '/subtasks'), { config: read, schema }, async (request, reply) => {
    const { area, params, query } = request;
    const found = await findWorkOrder(db, area, params.id);
    if (!found) throw refusals.workOrderNotFound(params.id);
    requireSite(area.caller, found.siteId);
    const { page, filter, expand: names } = paging.list(workOrderList, query, readerOf(area, params.id));
    const { wo_type, ...given } = filter;
    const type = typeOf({ type: given.type, wo_type });
    const rows = await listWorkOrders(
      db,
      { ...area, site: null },
      { ...given, type, parent: found.workOrder.id },
      page,
    );
    const asked = { caller: area.caller, names, expanders };
    return shell.send(request, reply, mount.page(request, await expandPage(db, paging.page(page, rows), asked)));
  });
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
        const { area, body, params } = request;
        const which = { area, id: params.id, ifMatch: request.headers['if-match'], at: shell.now() };
        return mount.one(await changeWorkOrder(trx, which, { body }));
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
