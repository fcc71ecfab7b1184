import { requireTenant } from '../../../access/api-key.ts';
import { readerOf } from '../../../access/listing.ts';
import type { Db } from '../../../platform/database.ts';
import { createFairGate } from '../../../platform/fair-gate.ts';
import type { Mount, RouteScope, Shell } from '../../../platform/mount.ts';
import type { Paging } from '../../../platform/paging.ts';
import { refusals } from '../../../platform/refusals.ts';
import type { Sealer } from '../../../platform/sealer.ts';
import { getConnection } from '../connections/set-connection.ts';
import { browseServer, discover, getMapping, previewMapping, setMapping } from './discover.ts';
import {
  OpcuaBrowseBody,
  OpcuaBrowsed,
  OpcuaDiscoverBody,
  OpcuaDiscovered,
  OpcuaNode,
  OpcuaNodeQuery,
  OpcuaPreview,
  OpcuaPreviewBody,
  opcuaNodeList,
} from './discovery.ts';
import { OpcuaMapping, OpcuaMappingBody } from './mapping-rule.ts';
import { listNodes } from './node-store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell; readonly sealer: Sealer };

const tags = ['OPC-UA'];
const read = { scope: 'opcua:read' } as const;
const write = { scope: 'opcua:write' } as const;
const collection = 'opcua-connections';
/** A look is a session at a server, half a minute at most, and fifty thousand nodes in memory. */
const looks = { atOnceMax: 3, waitingMax: 12 };

/** What servers have, and what becomes points of it: look, discover, map. */
export function discoveryRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  const gate = createFairGate(looks);
  const inTurn = async <T extends object>(tenantId: string, work: () => Promise<T>): Promise<T> => {
    const done = await gate(tenantId, work);
    if (done === undefined) throw refusals.opcuaBrowseBusy();
    return done;
  };
  lookRoutes(app, mount, { ...needs, inTurn });
  previewRoute(app, mount, { ...needs, inTurn });
  mappingRoutes(app, mount, needs);
  nodesRoute(app, mount, needs);
}

type InTurn = <T extends object>(tenantId: string, work: () => Promise<T>) => Promise<T>;

function lookRoutes(app: RouteScope, mount: Mount, { db, shell, sealer, inTurn }: Needs & { inTurn: InTurn }): void {
  const browsing = {
    operationId: 'browseOpcuaServer',
    summary: "Look at a server's address space now, from a node down",
    description:
      'Stores nothing, and may be repeated. What could not be looked at in 20 s is said: `is_complete` is false then, and `stopped` names the nodes to look again from.',
    tags,
    params: mount.memberParams,
    body: OpcuaBrowseBody,
    response: { 200: mount.oneOf(OpcuaBrowsed) },
  };
  app.post(mount.member(collection, '/browse'), { config: write, schema: browsing }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    const asked = { ...which, sealer, now: shell.now };
    const browsed = await inTurn(which.tenantId, () => browseServer(db, request.body, asked));
    return shell.send(request, reply, mount.found(browsed));
  });
  const discovering = {
    operationId: 'discoverOpcuaNodes',
    summary: "Look at all of a server's address space, and remember what is new and what is gone",
    description:
      'May be repeated: items are made of what no item reads. Items whose nodes are gone stay until they are deleted, by DELETE …/items?state=gone.',
    tags,
    params: mount.memberParams,
    body: OpcuaDiscoverBody,
    response: { 200: mount.oneOf(OpcuaDiscovered) },
  };
  app.post(mount.member(collection, '/discover'), { config: write, schema: discovering }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    const asked = { ...which, sealer, now: shell.now };
    const discovered = await inTurn(which.tenantId, () => discover(db, request.body, asked));
    return shell.send(request, reply, mount.found(discovered));
  });
}

function previewRoute(app: RouteScope, mount: Mount, { db, shell, sealer, inTurn }: Needs & { inTurn: InTurn }): void {
  const schema = {
    operationId: 'previewOpcuaMapping',
    summary: 'What mapping rules would make of what the server has: stores nothing',
    description: 'May be repeated. Of the rules given, or those of the connection.',
    tags,
    params: mount.memberParams,
    body: OpcuaPreviewBody,
    response: { 200: mount.oneOf(OpcuaPreview) },
  };
  app.post(mount.member(collection, '/mapping/preview'), { config: write, schema }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    const asked = { ...which, sealer, now: shell.now };
    const preview = await inTurn(which.tenantId, () => previewMapping(db, request.body, asked));
    return shell.send(request, reply, mount.found(preview));
  });
}

function mappingRoutes(app: RouteScope, mount: Mount, { db, shell }: Needs): void {
  const one = {
    operationId: 'getOpcuaMapping',
    summary: 'Get the rules by which the nodes of a connection become points',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(OpcuaMapping) },
  };
  app.get(mount.member(collection, '/mapping'), { config: read, schema: one }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    return shell.send(request, reply, mount.found(await getMapping(db, which)));
  });
  const change = {
    operationId: 'setOpcuaMapping',
    summary: 'Set all of the rules by which the nodes of a connection become points',
    description: 'Idempotent. Nothing is made of it before the next discovery that is asked to.',
    tags,
    params: mount.memberParams,
    body: OpcuaMappingBody,
    response: { 200: mount.oneOf(OpcuaMapping) },
  };
  app.put(mount.member(collection, '/mapping'), { config: write, schema: change }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    return shell.transact(request, reply, async (trx) =>
      mount.found(await setMapping(trx, request.body.rules, { ...which, at: shell.now() })),
    );
  });
}

function nodesRoute(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const schema = {
    operationId: 'listOpcuaNodes',
    summary: 'List the values that the last discovery has found, newest first',
    tags,
    params: mount.memberParams,
    querystring: OpcuaNodeQuery,
    response: { 200: mount.pageOf(OpcuaNode) },
  };
  app.get(mount.member(collection, '/nodes'), { config: read, schema }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    await getConnection(db, which);
    const { page, filter } = paging.list(opcuaNodeList, request.query, readerOf(request.area, which.id));
    const rows = await listNodes(db, which.id, { filter, page });
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
}
