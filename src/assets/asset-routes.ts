import { type Expanders, expand, expandPage, readerOf } from '../access/listing.ts';
import type { Db } from '../platform/database.ts';
import { oneQuery } from '../platform/list-query.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { Asset, AssetQuery, assetList } from './asset.ts';
import { AssetChange, NewAsset } from './asset-body.ts';
import { listAssets } from './asset-list-store.ts';
import { changeAsset, retireAsset } from './change-asset.ts';
import { createAsset } from './create-asset.ts';
import { mapOfLocations, mapOfSites } from './expand-store.ts';
import { getPresentAsset, getVisibleAsset } from './get-asset.ts';
import { mapOfHealth } from './health-store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['Assets'];
const read = { scope: 'assets:read' } as const;
const write = { scope: 'assets:write' } as const;

const expanders: Expanders<Asset, 'site' | 'location' | 'health'> = {
  site: { scope: 'sites:read', keyOf: ({ site }) => site, load: mapOfSites },
  location: { scope: 'assets:read', keyOf: ({ location_id: id }) => id, load: mapOfLocations },
  health: { scope: 'assets:read', keyOf: ({ id }) => id, load: mapOfHealth },
};

/** Equipment: list, one, its parts, make, change, retire (R17, O9). */
export function assetRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  readingRoutes(app, mount, needs);
  childrenRoute(app, mount, needs);
  creationRoute(app, mount, needs);
  changingRoutes(app, mount, needs);
}

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const list = {
    operationId: mount.operationId('listAssets'),
    summary: 'List equipment',
    tags,
    params: mount.listParams,
    querystring: AssetQuery,
    response: { 200: mount.pageOf(Asset) },
  };
  app.get(mount.list('assets'), { config: read, schema: list }, async (request, reply) => {
    const { caller } = request.area;
    const { page, filter, expand: names } = paging.list(assetList, request.query, readerOf(request.area));
    const found = paging.page(page, await listAssets(db, request.area, filter, page));
    return shell.send(request, reply, mount.page(request, await expandPage(db, found, { caller, names, expanders })));
  });
  const one = {
    operationId: mount.operationId('getAsset'),
    summary: 'Get one piece of equipment',
    tags,
    params: mount.memberParams,
    querystring: oneQuery(assetList),
    response: { 200: mount.oneOf(Asset) },
  };
  app.get(mount.member('assets'), { config: read, schema: one }, async (request, reply) => {
    const { area, params, query } = request;
    const { asset } = await getVisibleAsset(db, area, params.id);
    if (query.expand === undefined) return shell.send(request, reply, mount.one(asset));
    const [shown = asset] = await expand(db, [asset], { caller: area.caller, names: query.expand, expanders });
    return shell.send(request, reply, mount.found(shown));
  });
}

function childrenRoute(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const schema = {
    operationId: mount.operationId('listAssetChildren'),
    summary: 'List the equipment that is part of a piece of equipment',
    tags,
    params: mount.memberParams,
    querystring: AssetQuery.omit({ parent_id: true, site: true }),
    response: { 200: mount.pageOf(Asset) },
  };
  app.get(mount.member('assets', '/children'), { config: read, schema }, async (request, reply) => {
    const { area, params } = request;
    const { caller } = area;
    const { asset } = await getPresentAsset(db, area, params.id);
    const { page, filter, expand: names } = paging.list(assetList, request.query, readerOf(area, asset.id));
    const found = paging.page(page, await listAssets(db, area, { ...filter, parent_id: asset.id }, page));
    return shell.send(request, reply, mount.page(request, await expandPage(db, found, { caller, names, expanders })));
  });
}

function creationRoute(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const creation = {
    operationId: mount.operationId('createAsset'),
    summary: 'Make a piece of equipment, before a device sends under its name or after',
    description: [
      'Repeatable with an Idempotency-Key for 24 hours; without one, a second piece of its name is refused.',
      'What devices send under its site and its name is of it, within half a minute. Without `class` it has that which its name tells (AHU-01, pump-3), if any; null is none. With `parent_id` it is part of that; with `location_id` its location_uri is that place’s.',
    ].join('\n\n'),
    tags,
    params: mount.listParams,
    body: NewAsset,
    response: { 201: mount.oneOf(Asset) },
  };
  app.post(mount.list('assets'), { config: write, schema: creation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body } = request;
      return mount.created(request, await createAsset(trx, area, { body, at: shell.now() }));
    }),
  );
}

function changingRoutes(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const change = {
    operationId: mount.operationId('changeAsset'),
    summary: 'Change what is known of a piece of equipment: what it is, where, part of what, in which status',
    description: [
      'Idempotent: the same change twice leaves what it left the first time. Its site stays, since it stands in the topics of devices.',
      'Under another name it is still found by what devices send under the one before, unless other equipment is given that. Work orders keep the URI with which they were made.',
      'What a building model says of its equipment (class, parent_id, location_id, location_uri) changes there alone, since the next import would set it again; what the model leaves open is people’s. Rules see a change at their next tick.',
    ].join('\n\n'),
    tags,
    params: mount.memberParams,
    body: AssetChange,
    response: { 200: mount.oneOf(Asset) },
  };
  app.patch(mount.member('assets'), { config: write, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body, headers, params } = request;
      const which = { id: params.id, body, ifMatch: headers['if-match'], at: shell.now() };
      return mount.one(await changeAsset(trx, area, which));
    }),
  );
  const removal = {
    operationId: mount.operationId('retireAsset'),
    summary: 'Retire a piece of equipment',
    description: [
      'Idempotent: what is retired stays so, and the second answer is the first.',
      'It is in no list that does not ask for `status=retired`, rules leave it alone, and what they have found on it ends. It can still be got, with its history, and its name stays taken; `PATCH` with another status takes it back into service.',
    ].join('\n\n'),
    tags,
    params: mount.memberParams,
    response: { 204: { description: 'Retired.' } },
  };
  app.delete(mount.member('assets'), { config: write, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, headers, params } = request;
      await retireAsset(trx, area, { id: params.id, ifMatch: headers['if-match'], at: shell.now() });
      return deleted;
    }),
  );
}
