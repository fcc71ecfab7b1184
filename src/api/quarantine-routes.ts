import { nameOf } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { listQuarantine, QuarantinedMessage, QuarantineQuery } from './quarantine-store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

/**
 * What devices sent and nobody could use. A message may name any site or none, so the list is the whole tenant's, and a
 * key that is limited to sites does not get it.
 */
export function quarantineRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const schema = {
    operationId: 'listQuarantine',
    summary: 'List messages of devices that were refused',
    tags: ['Telemetry'],
    querystring: QuarantineQuery,
    response: { 200: mount.pageOf(QuarantinedMessage) },
  };
  app.get('/quarantine', { config: { scope: 'quarantine:read' }, schema }, async (request, reply) => {
    if (request.area.caller.siteIds !== null) throw refusals.siteForbidden();
    const { page, filter } = paging.read(request.query, ['quarantine', nameOf(request.area)]);
    const rows = await listQuarantine(db, request.area, filter, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
}
