import { requireTenant } from '../../../access/api-key.ts';
import { readerOf } from '../../../access/listing.ts';
import type { Db } from '../../../platform/database.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../../../platform/mount.ts';
import type { Paging } from '../../../platform/paging.ts';
import type { Sealer } from '../../../platform/sealer.ts';
import { listConnections } from './connection-store.ts';
import {
  OpcuaConnection,
  OpcuaConnectionBody,
  OpcuaConnectionChange,
  OpcuaConnectionQuery,
  OpcuaConnectionTest,
  opcuaConnectionList,
} from './opcua-connection.ts';
import { changeConnection, createConnection, getConnection, removeConnection } from './set-connection.ts';
import { tryConnection } from './try-connection.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell; readonly sealer: Sealer };

const tags = ['OPC-UA'];
const read = { scope: 'opcua:read' } as const;
const write = { scope: 'opcua:write' } as const;
const collection = 'opcua-connections';

/**
 * Connections to OPC-UA servers: list, one, create, change, delete, and a trial; on the tenant's mount alone. What they read may lie at
 * any site, so a key that is limited to some gets none.
 */
export function connectionRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  readRoutes(app, mount, needs);
  writeRoutes(app, mount, needs);
  trialRoute(app, mount, needs);
}

function readRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const list = {
    operationId: 'listOpcuaConnections',
    summary: 'List connections to OPC-UA servers and how they are doing, newest first',
    tags,
    querystring: OpcuaConnectionQuery,
    response: { 200: mount.pageOf(OpcuaConnection) },
  };
  app.get(mount.list(collection), { config: read, schema: list }, async (request, reply) => {
    const tenantId = requireTenant(request.area.caller);
    const { page, filter } = paging.list(opcuaConnectionList, request.query, readerOf(request.area));
    const rows = await listConnections(db, tenantId, { filter, page });
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: 'getOpcuaConnection',
    summary: 'Get one connection to an OPC-UA server and how it is doing',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(OpcuaConnection) },
  };
  app.get(mount.member(collection), { config: read, schema: one }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    // How it is doing changes without its version: an answer from a cache would be an old one.
    const { headers, ...answer } = mount.one(await getConnection(db, which));
    return shell.send(request, reply, { ...answer, headers: { ...headers, 'cache-control': 'no-store' } });
  });
}

function writeRoutes(app: RouteScope, mount: Mount, { shell, sealer }: Needs): void {
  const creation = {
    operationId: 'createOpcuaConnection',
    summary: 'Connect to an OPC-UA server; nothing is read before items are made',
    tags,
    body: OpcuaConnectionBody,
    response: { 201: mount.oneOf(OpcuaConnection) },
  };
  app.post(mount.list(collection), { config: write, schema: creation }, async (request, reply) => {
    const tenantId = requireTenant(request.area.caller);
    return shell.transact(request, reply, async (trx) => {
      const by = { tenantId, source: 'api', sealer, at: shell.now() } as const;
      return mount.created(request, await createConnection(trx, request.body, by));
    });
  });
  const change = {
    operationId: 'changeOpcuaConnection',
    summary: 'Change a connection; it is made anew where that is needed, and reads on',
    tags,
    params: mount.memberParams,
    body: OpcuaConnectionChange,
    response: { 200: mount.oneOf(OpcuaConnection) },
  };
  app.patch(mount.member(collection), { config: write, schema: change }, async (request, reply) => {
    const { area, body, headers, params } = request;
    requireTenant(area.caller);
    const which = { area, id: params.id, ifMatch: headers['if-match'], sealer, at: shell.now() };
    return shell.transact(request, reply, async (trx) => mount.one(await changeConnection(trx, body, which)));
  });
  const removal = {
    operationId: 'deleteOpcuaConnection',
    summary: 'Delete a connection with its items; points and their readings stay',
    tags,
    params: mount.memberParams,
    response: { 204: { description: 'Deleted.' } },
  };
  app.delete(mount.member(collection), { config: write, schema: removal }, async (request, reply) => {
    const { area, headers, params } = request;
    requireTenant(area.caller);
    return shell.transact(request, reply, async (trx) => {
      await removeConnection(trx, { area, id: params.id, ifMatch: headers['if-match'], at: shell.now() });
      return deleted;
    });
  });
}

function trialRoute(app: RouteScope, mount: Mount, { db, shell, sealer }: Needs): void {
  const schema = {
    operationId: 'testOpcuaConnection',
    summary: 'Connect to the server now, in a session of its own, and say what came of it',
    description: 'Stores nothing but a certificate of the server that is not trusted yet, and may be repeated.',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(OpcuaConnectionTest) },
  };
  app.post(mount.member(collection, '/test'), { config: write, schema }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    return shell.send(request, reply, mount.found(await tryConnection(db, which, sealer)));
  });
}
