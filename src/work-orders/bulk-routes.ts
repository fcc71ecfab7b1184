import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import { changeMany, WorkOrderBulk, WorkOrderBulkResult } from './bulk.ts';

/** POST /work-orders/bulk. */
export function bulkRoutes(app: RouteScope, mount: Mount, { shell }: { readonly shell: Shell }): void {
  const schema = {
    operationId: mount.operationId('changeWorkOrders'),
    summary: 'Do one thing with many work orders',
    description:
      'Each by itself, with a verdict for each: one that is refused keeps no other back. All that is done is done in one transaction. Repeatable with an Idempotency-Key for 24 hours.',
    tags: ['Work orders'],
    params: mount.listParams,
    body: WorkOrderBulk,
    response: { 200: mount.oneOf(WorkOrderBulkResult) },
  };
  app.post(mount.list('work-orders/bulk'), { config: { scope: 'work-orders:write' }, schema }, async (request, reply) =>
    shell.transact(request, reply, async (trx) =>
      mount.found(await changeMany(trx, { area: request.area, body: request.body, at: shell.now() })),
    ),
  );
}
