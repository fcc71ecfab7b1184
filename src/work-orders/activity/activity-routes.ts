import { nameOf } from '../../access/api-key.ts';
import type { Db } from '../../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../../platform/mount.ts';
import { PageQuery, type Paging } from '../../platform/paging.ts';
import { requireOrder } from '../parts/part.ts';
import { Activity } from './activity.ts';
import { listActivity } from './activity-store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

/** GET /work-orders/{id}/activity: who did what, when, from which value to which. */
export function activityRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const schema = {
    operationId: mount.operationId('listWorkOrderActivity'),
    summary: 'List what has happened to a work order, most recent first',
    description: 'Safe: it changes nothing. Read from the log of events, which is kept 90 days.',
    tags: ['Work orders'],
    params: mount.memberParams,
    querystring: PageQuery,
    response: { 200: mount.pageOf(Activity) },
  };
  app.get(
    mount.member('work-orders', '/activity'),
    { config: { scope: 'work-orders:read' }, schema },
    async (request, reply) => {
      const { area, params, query } = request;
      const { workOrder } = await requireOrder(db, area, params.id);
      const { page } = paging.read(query, ['activity', workOrder.id, nameOf(area)]);
      const which = { tenantId: area.caller.tenantId, id: workOrder.id };
      const rows = await listActivity(db, which, page);
      return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
    },
  );
}
