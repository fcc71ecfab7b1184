import { nameOf, requireSite } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { Location, LocationQuery } from './location.ts';
import { findLocation, listLocations } from './location-store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

/** The list of places and one of them. */
export function locationRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const config = { scope: 'assets:read' } as const;
  const tags = ['Assets'];
  const list = {
    operationId: mount.operationId('listLocations'),
    summary: 'List places: buildings, floors, rooms, zones',
    tags,
    params: mount.listParams,
    querystring: LocationQuery,
    response: { 200: mount.pageOf(Location) },
  };
  app.get(mount.list('locations'), { config, schema: list }, async (request, reply) => {
    const { page, filter } = paging.read(request.query, ['locations', nameOf(request.area)]);
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
