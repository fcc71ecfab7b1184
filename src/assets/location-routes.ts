import { requireSite } from '../access/api-key.ts';
import { readerOf } from '../access/listing.ts';
import type { Db } from '../platform/database.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { changeLocation, createLocation, removeLocation } from './change-location.ts';
import { Location, LocationChange, LocationQuery, locationList, NewLocation } from './location.ts';
import { findLocation, listLocations } from './location-store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['Assets'];

/** Places: list, one, make, change, delete. */
export function locationRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  readingRoutes(app, mount, needs);
  creationRoute(app, mount, needs);
  changingRoutes(app, mount, needs);
}

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const config = { scope: 'assets:read' } as const;
  const list = {
    operationId: mount.operationId('listLocations'),
    summary: 'List places: buildings, floors, rooms, zones',
    tags,
    params: mount.listParams,
    querystring: LocationQuery,
    response: { 200: mount.pageOf(Location) },
  };
  app.get(mount.list('locations'), { config, schema: list }, async (request, reply) => {
    const { page, filter } = paging.list(locationList, request.query, readerOf(request.area));
    const rows = await listLocations(db, request.area, filter, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: mount.operationId('getLocation'),
    summary: 'Get one place',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(Location) },
  };
  app.get(mount.member('locations'), { config, schema: one }, async (request, reply) => {
    const found = await findLocation(db, request.area, request.params.id);
    if (!found) throw refusals.locationNotFound(request.params.id);
    requireSite(request.area.caller, found.siteId);
    return shell.send(request, reply, mount.one(found.location));
  });
}

const config = { scope: 'assets:write' } as const;

function creationRoute(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const creation = {
    operationId: mount.operationId('createLocation'),
    summary: 'Make a place',
    tags,
    params: mount.listParams,
    body: NewLocation,
    response: { 201: mount.oneOf(Location) },
  };
  app.post(mount.list('locations'), { config, schema: creation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body } = request;
      return mount.created(request, await createLocation(trx, area, { body, at: shell.now() }));
    }),
  );
}

function changingRoutes(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const change = {
    operationId: mount.operationId('changeLocation'),
    summary: 'Change what is known of a place',
    description: [
      'Idempotent: the same change twice leaves what it left the first time.',
      'Of a place that comes from a building model only the metadata change here: the next import of the model would set all else again.',
    ].join('\n\n'),
    tags,
    params: mount.memberParams,
    body: LocationChange,
    response: { 200: mount.oneOf(Location) },
  };
  app.patch(mount.member('locations'), { config, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body, headers, params } = request;
      const which = { id: params.id, body, ifMatch: headers['if-match'], at: shell.now() };
      return mount.one(await changeLocation(trx, area, which));
    }),
  );
  const removal = {
    operationId: mount.operationId('deleteLocation'),
    summary: 'Delete a place that holds neither places nor equipment',
    tags,
    params: mount.memberParams,
    response: { 204: { description: 'Deleted.' } },
  };
  app.delete(mount.member('locations'), { config, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, headers, params } = request;
      await removeLocation(trx, area, { id: params.id, ifMatch: headers['if-match'] });
      return deleted;
    }),
  );
}
