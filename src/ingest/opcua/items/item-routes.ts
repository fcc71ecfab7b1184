import { requireTenant } from '../../../access/api-key.ts';
import { readerOf } from '../../../access/listing.ts';
import type { Db } from '../../../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../../../platform/mount.ts';
import type { Paging } from '../../../platform/paging.ts';
import { refusals } from '../../../platform/refusals.ts';
import { getConnection } from '../connections/set-connection.ts';
import {
  itemsAtOnceMax,
  OpcuaItem,
  OpcuaItemQuery,
  OpcuaItemsAnswer,
  OpcuaItemsBody,
  OpcuaItemsChange,
  OpcuaItemsChanged,
  OpcuaItemsRemoval,
  opcuaItemList,
} from './item.ts';
import { listItems } from './item-store.ts';
import { changeItems, removeItems, setItems } from './set-items.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['OPC-UA'];
const read = { scope: 'opcua:read' } as const;
const write = { scope: 'opcua:write' } as const;
const collection = 'opcua-connections';
/** Five thousand items with long names. */
const bodyBytesMax = 4_194_304;

/** What is read through a connection: list, add or change many, change or delete those that are meant. */
export function itemRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  listRoute(app, mount, needs);
  setRoute(app, mount, needs);
  changeRoute(app, mount, needs);
  removalRoute(app, mount, needs);
}

function listRoute(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const schema = {
    operationId: 'listOpcuaItems',
    summary: 'List what is read through a connection, and how it is doing, newest first',
    tags,
    params: mount.memberParams,
    querystring: OpcuaItemQuery,
    response: { 200: mount.pageOf(OpcuaItem) },
  };
  app.get(mount.member(collection, '/items'), { config: read, schema }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    await getConnection(db, which);
    const { page, filter } = paging.list(opcuaItemList, request.query, readerOf(request.area, which.id));
    const { node, ...same } = filter;
    const rows = await listItems(db, which.id, { filter: { ...same, ...(node && { nodes: [node] }) }, page });
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
}

function setRoute(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const schema = {
    operationId: 'setOpcuaItems',
    summary: 'Add items to a connection, or change them: all of the request or nothing',
    description:
      'Idempotent: an item is the one with its node and field. An asset or a point that is missing is made, as `discovered`.',
    tags,
    params: mount.memberParams,
    body: OpcuaItemsBody,
    response: { 200: mount.oneOf(OpcuaItemsAnswer) },
  };
  const options = { config: write, schema, bodyLimit: bodyBytesMax };
  // Counted first: to find fault with each of a million entries would take seconds.
  const preValidation = async ({ body }: { body: unknown }) => {
    const { items } = (body ?? {}) as { items?: unknown };
    if (Array.isArray(items) && items.length > itemsAtOnceMax)
      throw refusals.invalidBody('/items', 'too_long', `must be ${itemsAtOnceMax} at most; send the rest after them`);
  };
  app.post(mount.member(collection, '/items'), { ...options, preValidation }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    return shell.transact(request, reply, async (trx) => mount.found(await setItems(trx, request.body.items, which)));
  });
}

function changeRoute(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const schema = {
    operationId: 'changeOpcuaItems',
    summary: 'Change how those items of a connection are sampled that are meant',
    tags,
    params: mount.memberParams,
    body: OpcuaItemsChange,
    response: { 200: mount.oneOf(OpcuaItemsChanged) },
  };
  app.patch(mount.member(collection, '/items'), { config: write, schema }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    const { where: filter, set } = request.body;
    return shell.transact(request, reply, async (trx) =>
      mount.found({ items: await changeItems(trx, set, { ...which, filter }) }),
    );
  });
}

function removalRoute(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const schema = {
    operationId: 'deleteOpcuaItems',
    summary: 'Delete those items of a connection that are meant; their points and readings stay',
    description: 'Idempotent: what is deleted stays deleted; the second answer says that there were none.',
    tags,
    params: mount.memberParams,
    querystring: OpcuaItemsRemoval,
    response: { 200: mount.oneOf(OpcuaItemsChanged) },
  };
  app.delete(mount.member(collection, '/items'), { config: write, schema }, async (request, reply) => {
    const which = { tenantId: requireTenant(request.area.caller), id: request.params.id };
    const { ids, node, all, ...same } = request.query;
    const filter = {
      ...same,
      ...(ids !== undefined && { ids: ids.split(',').map(Number) }),
      ...(node !== undefined && { nodes: [node] }),
    };
    if (all === undefined && Object.values(filter).every((value) => value === undefined)) {
      const message = 'say which items are meant, or all=true';
      throw refusals.invalid([{ in: 'query', pointer: '/ids', code: 'required', message }]);
    }
    return shell.transact(request, reply, async (trx) =>
      mount.found({ items: await removeItems(trx, { ...which, filter }) }),
    );
  });
}
