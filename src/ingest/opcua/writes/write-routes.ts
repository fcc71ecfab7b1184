import { callerIdOf, requireTenant } from '../../../access/api-key.ts';
import { readerOf } from '../../../access/listing.ts';
import type { Db } from '../../../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../../../platform/mount.ts';
import type { Paging } from '../../../platform/paging.ts';
import type { Sealer } from '../../../platform/sealer.ts';
import { getConnection } from '../connections/set-connection.ts';
import { OpcuaWrite, OpcuaWriteBody, OpcuaWriteQuery, opcuaWriteList } from './write.ts';
import { listWrites } from './write-store.ts';
import { writeValue } from './write-value.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell; readonly sealer: Sealer };

const tags = ['OPC-UA'];
const collection = 'opcua-connections';

/** Writing to the nodes that a connection names, and the record of it. */
export function writeRoutes(app: RouteScope, mount: Mount, { db, paging, shell, sealer }: Needs): void {
  const creation = {
    operationId: 'writeOpcuaNode',
    summary: 'Write one value to a node that the connection allows',
    description: 'Every try is noted. What the server refuses is in the answer, with its StatusCode.',
    tags,
    params: mount.memberParams,
    body: OpcuaWriteBody,
    response: { 200: mount.oneOf(OpcuaWrite) },
  };
  const write = { scope: 'opcua-writes:write' } as const;
  app.post(mount.member(collection, '/writes'), { config: write, schema: creation }, async (request, reply) => {
    const { area, body, params } = request;
    const asked = { tenantId: requireTenant(area.caller), connectionId: params.id, by: callerIdOf(area.caller) };
    return shell.transact(request, reply, async () =>
      mount.one(await writeValue(db, body, { ...asked, sealer, now: shell.now })),
    );
  });
  const list = {
    operationId: 'listOpcuaWrites',
    summary: 'List what was written through a connection, or should have been, newest first',
    tags,
    params: mount.memberParams,
    querystring: OpcuaWriteQuery,
    response: { 200: mount.pageOf(OpcuaWrite) },
  };
  const read = { scope: 'opcua:read' } as const;
  app.get(mount.member(collection, '/writes'), { config: read, schema: list }, async (request, reply) => {
    const of = { tenantId: requireTenant(request.area.caller), connectionId: request.params.id };
    await getConnection(db, { tenantId: of.tenantId, id: of.connectionId });
    const { page } = paging.list(opcuaWriteList, request.query, readerOf(request.area, of.connectionId));
    const rows = await listWrites(db, of, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
}
