import type { z } from 'zod';
import type { Area } from '../access/api-key.ts';
import { expand, expandPage, readerOf } from '../access/listing.ts';
import type { Db } from '../platform/database.ts';
import { oneQuery } from '../platform/list-query.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { actionRoutes } from './action-routes.ts';
import { activityRoutes } from './activity/activity-routes.ts';
import { bulkRoutes } from './bulk-routes.ts';
import { changeWorkOrder, removeWorkOrder } from './change.ts';
import { createWorkOrder } from './create.ts';
import { expanders } from './expanders.ts';
import { listWorkOrders } from './list-store.ts';
import { requireOrder } from './parts/part.ts';
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

function readingRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  const { db, shell } = needs;
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
      return shell.send(request, reply, mount.page(request, await pageOf(needs, { area, query })));
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
      const { workOrder } = await requireOrder(db, area, params.id);
      if (query.expand === undefined) return shell.send(request, reply, mount.one(workOrder));
      const asked = { caller: area.caller, names: query.expand, expanders };
      const [shown = workOrder] = await expand(db, [workOrder], asked);
      return shell.send(request, reply, mount.found(shown));
    },
  );
}

/** The sub-tasks of a work order, each a work order of its own, wherever in the tenant it lies. */
function listBelow(app: RouteScope, mount: Mount, needs: Needs): void {
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
    const { workOrder: parent } = await requireOrder(needs.db, area, params.id);
    const page = await pageOf(needs, { area: { ...area, site: null }, query, below: { area, parent } });
    return needs.shell.send(request, reply, mount.page(request, page));
  });
}

type Listing = {
  readonly area: Area;
  readonly query: z.output<typeof WorkOrderQuery>;
  /** Only those below a work order, which was asked for from another area. */
  readonly below?: { readonly area: Area; readonly parent: WorkOrder };
};

/** A page of an area's work orders as a query asks for it. */
async function pageOf({ db, paging }: Needs, { area, query, below }: Listing) {
  const reader = below ? readerOf(below.area, below.parent.id) : readerOf(area);
  const { page, filter, expand: names } = paging.list(workOrderList, query, reader);
  const { wo_type, ...given } = filter;
  const type = typeOf({ type: given.type, wo_type });
  const rows = await listWorkOrders(db, area, { ...given, type, ...(below && { parent: below.parent.id }) }, page);
  return expandPage(db, paging.page(page, rows), { caller: area.caller, names, expanders });
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
