import { requireTenant } from '../../../access/api-key.ts';
import { type CollectionNeeds, nounRoutes } from '../../../access/collection-routes.ts';
import type { Mount, RouteScope } from '../../../platform/mount.ts';
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

type Needs = CollectionNeeds & { readonly sealer: Sealer };

const collection = 'opcua-connections';

/**
 * Connections to OPC-UA servers: list, one, create, change, delete, and a trial; on the tenant's mount alone. What they read may lie at
 * any site, so a key that is limited to some gets none.
 */
export function connectionRoutes(app: RouteScope, mount: Mount, { sealer, ...needs }: Needs): void {
  nounRoutes(app, mount, needs, {
    ...{ path: collection, noun: 'OpcuaConnection', nouns: 'OpcuaConnections', tag: 'OPC-UA' },
    scopes: { read: 'opcua:read', write: 'opcua:write' },
    isOfTenant: true,
    shown: OpcuaConnection,
    list: {
      summary: 'List connections to OPC-UA servers and how they are doing, newest first',
      of: opcuaConnectionList,
      query: OpcuaConnectionQuery,
      find: (db, { caller }, asked) => listConnections(db, caller.tenantId, asked),
    },
    one: {
      summary: 'Get one connection to an OPC-UA server and how it is doing',
      isAlwaysWhole: true,
      get: (db, { caller }, id) => getConnection(db, { tenantId: caller.tenantId, id }),
    },
    creation: {
      summary: 'Connect to an OPC-UA server; nothing is read before items are made',
      body: OpcuaConnectionBody,
      add: (trx, { caller, at }, body) =>
        createConnection(trx, body, { tenantId: caller.tenantId, source: 'api', sealer, at }),
    },
    change: {
      summary: 'Change a connection; it is made anew where that is needed, and reads on',
      body: OpcuaConnectionChange,
      apply: (trx, { area, at }, { body, ...which }) => changeConnection(trx, body, { area, at, sealer, ...which }),
    },
    removal: {
      summary: 'Delete a connection with its items; points and their readings stay',
      remove: (trx, { area, at }, which) => removeConnection(trx, { area, at, ...which }),
    },
  });
  trialRoute(app, mount, { ...needs, sealer });
}

function trialRoute(app: RouteScope, mount: Mount, { db, shell, sealer }: Needs): void {
  const schema = {
    operationId: 'testOpcuaConnection',
    summary: 'Connect to the server now, in a session of its own, and say what came of it',
    description: 'Stores nothing but a certificate of the server that is not trusted yet, and may be repeated.',
    tags: ['OPC-UA'],
    params: mount.memberParams,
    response: { 200: mount.oneOf(OpcuaConnectionTest) },
  };
  app.post(mount.member(collection, '/test'), { config: { scope: 'opcua:write' }, schema }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    return shell.send(request, reply, mount.found(await tryConnection(db, which, sealer)));
  });
}
