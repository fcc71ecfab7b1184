import { requireTenant } from '../../../access/api-key.ts';
import { readerOf } from '../../../access/listing.ts';
import type { Db } from '../../../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../../../platform/mount.ts';
import type { Paging } from '../../../platform/paging.ts';
import { getConnection } from '../connections/set-connection.ts';
import { OpcuaGap, OpcuaGapQuery, opcuaGapList } from './gap.ts';
import { listGaps } from './gap-store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

/** Where samples of a connection are missing, or were. */
export function gapRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const schema = {
    operationId: 'listOpcuaGaps',
    summary:
      "List spans in which samples of a connection were missing, and what the server's history had of them, newest first",
    tags: ['OPC-UA'],
    params: mount.memberParams,
    querystring: OpcuaGapQuery,
    response: { 200: mount.pageOf(OpcuaGap) },
  };
  const config = { scope: 'opcua:read' } as const;
  app.get(mount.member('opcua-connections', '/gaps'), { config, schema }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), connectionId: request.params.id };
    await getConnection(db, { tenantId: which.tenantId, id: which.connectionId });
    const { page, filter } = paging.list(opcuaGapList, request.query, readerOf(request.area, which.connectionId));
    const rows = await listGaps(db, which, { filter, page });
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
}
