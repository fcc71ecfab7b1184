import { childRoutes } from '../../access/child-routes.ts';
import type { Answer, Mount, RouteScope } from '../../platform/mount.ts';
import { orderOf, workOrders } from '../parts/part.ts';
import { type PartNeeds, partTags, partWrite } from '../parts/part-needs.ts';
import { addLabor, changeLabor, getLabor, removeLabor, startTimer, stopTimer } from './change-labor.ts';
import { LaborBody, LaborChange, LaborEntry, LaborQuery, laborList, TimerBody } from './labor-entry.ts';
import { listLabor } from './labor-store.ts';

/** The time that was worked on a work order: `/work-orders/{id}/labor`, and its timers. */
export function laborRoutes(app: RouteScope, mount: Mount, needs: PartNeeds): void {
  childRoutes(app, mount, needs, {
    ...{ parent: workOrders, path: '/labor', idName: 'labor_id', noun: 'Labor', nouns: 'Labor' },
    shown: LaborEntry,
    list: {
      summary: 'List the time that was worked on a work order',
      of: laborList,
      query: LaborQuery,
      find: (db, below, asked) => listLabor(db, orderOf(below), asked),
    },
    one: { summary: 'Get one entry of time that was worked on a work order', get: getLabor },
    creation: { summary: 'Enter time that was worked on a work order', body: LaborBody, add: addLabor },
    change: {
      summary: 'Change an entry of time that was worked on a work order',
      body: LaborChange,
      apply: changeLabor,
    },
    removal: { summary: 'Remove an entry of time that was worked on a work order', remove: removeLabor },
  });
  timerRoutes(app, mount, needs);
}

function timerRoutes(app: RouteScope, mount: Mount, { shell }: PartNeeds): void {
  const starting = {
    operationId: mount.operationId('startLabor'),
    summary: 'Start a timer on a work order; a person has one at most',
    tags: partTags,
    params: mount.memberParams,
    body: TimerBody,
    response: { 201: mount.oneOf(LaborEntry) },
  };
  app.post(
    mount.member('work-orders', '/labor/start'),
    { config: partWrite, schema: starting },
    async (request, reply) =>
      shell.transact(request, reply, async (trx) => {
        const { area, params, body } = request;
        const entry = await startTimer(trx, { area, id: params.id, at: shell.now() }, body);
        return besideTimer(mount.created(request, entry));
      }),
  );
  const stopping = {
    operationId: mount.operationId('stopLabor'),
    summary: 'Stop a timer on a work order; its time is then worked',
    tags: partTags,
    params: mount.memberParams,
    body: TimerBody,
    response: { 200: mount.oneOf(LaborEntry) },
  };
  app.post(
    mount.member('work-orders', '/labor/stop'),
    { config: partWrite, schema: stopping },
    async (request, reply) =>
      shell.transact(request, reply, async (trx) => {
        const { area, params, body } = request;
        return mount.one(await stopTimer(trx, { area, id: params.id, at: shell.now() }, body));
      }),
  );
}

/** An entry is not below the timer that made it. */
function besideTimer({ headers, ...answer }: Answer): Answer {
  return { ...answer, headers: { ...headers, location: String(headers.location).replace('/labor/start/', '/labor/') } };
}
