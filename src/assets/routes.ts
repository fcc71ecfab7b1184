import { z } from 'zod';
import { nameOf, requireSite } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { Asset, AssetChange, AssetQuery, SiteQuery } from './asset.ts';
import { changeAsset } from './change-asset.ts';
import { Site } from './site.ts';
import { findAsset, findSite, listAssets, listSites } from './store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

/** The list of sites and one of them; on the tenant's mount alone. */
export function siteRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const config = { scope: 'sites:read' } as const;
  const tags = ['Sites'];
  const list = { operationId: 'listSites', summary: 'List sites', querystring: SiteQuery };
  app.get(
    '/sites',
    { config, schema: { ...list, tags, response: { 200: mount.pageOf(Site) } } },
    async (request, reply) => {
      const { page, filter } = paging.read(request.query, ['sites', nameOf(request.area)]);
      const rows = await listSites(db, request.area, filter, page);
      return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
    },
  );
  const one = { operationId: 'getSite', summary: 'Get one site', params: z.object({ slug: z.string() }) };
  app.get(
    '/sites/:slug',
    { config, schema: { ...one, tags, response: { 200: mount.oneOf(Site) } } },
    async (request, reply) => {
      const site = await findSite(db, request.area.caller.tenantId, request.params.slug);
      if (!site) throw refusals.siteNotFound(request.params.slug);
      requireSite(request.area.caller, site.id);
      return shell.send(request, reply, mount.one(site));
    },
  );
}

/** The list of equipment, one piece of it, and what may be changed of it (R17). */
export function assetRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  const { db, paging, shell } = needs;
  changeRoute(app, mount, needs);
  const config = { scope: 'assets:read' } as const;
  const tags = ['Assets'];
  const list = {
    operationId: mount.operationId('listAssets'),
    summary: 'List equipment',
    params: mount.listParams,
    querystring: AssetQuery,
  };
  app.get(
    mount.list('assets'),
    { config, schema: { ...list, tags, response: { 200: mount.pageOf(Asset) } } },
    async (request, reply) => {
      const { page, filter } = paging.read(request.query, ['assets', nameOf(request.area)]);
      const rows = await listAssets(db, request.area, filter, page);
      return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
    },
  );
  const one = {
    operationId: mount.operationId('getAsset'),
    summary: 'Get one piece of equipment',
    params: mount.memberParams,
  };
  app.get(
    mount.member('assets'),
    { config, schema: { ...one, tags, response: { 200: mount.oneOf(Asset) } } },
    async (request, reply) => {
      const found = await findAsset(db, request.area, { id: request.params.id });
      if (!found) throw refusals.assetNotFound(request.params.id);
      requireSite(request.area.caller, found.siteId);
      return shell.send(request, reply, mount.one(found.asset));
    },
  );
}

/** Changes what people may set of a piece of equipment. */
function changeRoute(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const change = {
    operationId: mount.operationId('changeAsset'),
    summary: 'Change the tags or the parameters of a piece of equipment',
    tags: ['Assets'],
    params: mount.memberParams,
    body: AssetChange,
    response: { 200: mount.oneOf(Asset) },
  };
  app.patch(mount.member('assets'), { config: { scope: 'assets:write' }, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body, headers, params } = request;
      const asset = await changeAsset(trx, area, {
        id: params.id,
        body,
        ifMatch: headers['if-match'],
        at: shell.now(),
      });
      return mount.one(asset);
    }),
  );
}
