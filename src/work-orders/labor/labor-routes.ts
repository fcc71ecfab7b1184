import { readerOf } from '../../access/listing.ts';
import { type Answer, deleted, type Mount, type RouteScope } from '../../platform/mount.ts';
import { requireOrder } from '../parts/part.ts';
import { type PartNeeds, partRead, partTags, partWrite } from '../parts/part-needs.ts';
import { addLabor, changeLabor, getLabor, removeLabor, startTimer, stopTimer } from './change-labor.ts';
import { LaborBody, LaborChange, LaborEntry, LaborQuery, laborList, TimerBody } from './labor-entry.ts';
import { listLabor } from './labor-store.ts';

/** The time that was worked on a work order: `/work-orders/{id}/labor`, and its timers. */
export function laborRoutes(app: RouteScope, mount: Mount, needs: PartNeeds): void {
  readingRoutes(app, mount, needs);
  writingRoutes(app, mount, needs);
  timerRoutes(app, mount, needs);
}

const childOf = (mount: Mount) => mount.child('work-orders', '/labor', 'labor_id');

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: PartNeeds): void {
  const child = childOf(mount);
  const list = {
    operationId: mount.operationId('listLabor'),
    summary: 'List the time that was worked on a work order',
    tags: partTags,
    params: child.listParams,
    querystring: LaborQuery,
    response: { 200: mount.pageOf(LaborEntry) },
  };
  app.get(child.list, { config: partRead, schema: list }, async (request, reply) => {
    const { area } = request;
    const { id: orderId } = request.params;
    await requireOrder(db, area, orderId);
    const { page, filter } = paging.list(laborList, request.query, readerOf(area, orderId));
    const rows = await listLabor(db, { tenantId: area.caller.tenantId, orderId }, { filter, page });
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: mount.operationId('getLabor'),
    summary: 'Get one entry of time that was worked on a work order',
    tags: partTags,
    params: child.memberParams,
    response: { 200: mount.oneOf(LaborEntry) },
  };
  app.get(child.member(), { config: partRead, schema: one }, async (request, reply) => {
    const { id: orderId, labor_id: id } = request.params;
    await requireOrder(db, request.area, orderId);
    return shell.send(request, reply, mount.one(await getLabor(db, { area: request.area, orderId }, id)));
  });
}

function writingRoutes(app: RouteScope, mount: Mount, { shell }: PartNeeds): void {
  const child = childOf(mount);
  const creation = {
    operationId: mount.operationId('createLabor'),
    summary: 'Enter time that was worked on a work order',
    tags: partTags,
    params: child.listParams,
    body: LaborBody,
    response: { 201: mount.oneOf(LaborEntry) },
  };
  app.post(child.list, { config: partWrite, schema: creation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, params, body } = request;
      return mount.created(request, await addLabor(trx, { area, orderId: params.id, at: shell.now() }, body));
    }),
  );
  const change = {
    operationId: mount.operationId('changeLabor'),
    summary: 'Change an entry of time that was worked on a work order',
    tags: partTags,
    params: child.memberParams,
    body: LaborChange,
    response: { 200: mount.oneOf(LaborEntry) },
  };
  app.patch(child.member(), { config: partWrite, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body } = request;
      const { id: orderId, labor_id: id } = request.params;
      const which = { id, ifMatch: request.headers['if-match'], body };
      return mount.one(await changeLabor(trx, { area, orderId, at: shell.now() }, which));
    }),
  );
  const removal = {
    operationId: mount.operationId('deleteLabor'),
    summary: 'Remove an entry of time that was worked on a work order',
    tags: partTags,
    params: child.memberParams,
    response: { 204: { description: 'Deleted.' } },
  };
  app.delete(child.member(), { config: partWrite, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area } = request;
      const { id: orderId, labor_id: id } = request.params;
      await removeLabor(trx, { area, orderId, at: shell.now() }, { id, ifMatch: request.headers['if-match'] });
      return deleted;
    }),
  );
}

function timerRoutes(app: RouteScope, mount: Mount, { shell }: PartNeeds): void {
  const child = childOf(mount);
  const starting = {
    operationId: mount.operationId('startLabor'),
    summary: 'Start a timer on a work order; a person has one at most',
    tags: partTags,
    params: child.listParams,
    body: TimerBody,
    response: { 201: mount.oneOf(LaborEntry) },
  };
  app.post(
    mount.member('work-orders', '/labor/start'),
    { config: partWrite, schema: starting },
    async (request, reply) =>
      shell.transact(request, reply, async (trx) => {
        const { area, params, body } = request;
        const entry = await startTimer(trx, { area, orderId: params.id, at: shell.now() }, body);
        return besideTimer(mount.created(request, entry));
      }),
  );
  const stopping = {
    operationId: mount.operationId('stopLabor'),
    summary: 'Stop a timer on a work order; its time is then worked',
    tags: partTags,
    params: child.listParams,
    body: TimerBody,
    response: { 200: mount.oneOf(LaborEntry) },
  };
  app.post(
    mount.member('work-orders', '/labor/stop'),
    { config: partWrite, schema: stopping },
    async (request, reply) =>
      shell.transact(request, reply, async (trx) => {
        const { area, params, body } = request;
        return mount.one(await stopTimer(trx, { area, orderId: params.id, at: shell.now() }, body));
      }),
  );
}

/** An entry is not below the timer that made it. */
function besideTimer({ headers, ...answer }: Answer): Answer {
  return { ...answer, headers: { ...headers, location: String(headers.location).replace('/labor/start/', '/labor/') } };
}
