import { z } from 'zod';
import { nameOf, requireSite } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { Asset, AssetChange, AssetQuery, SiteQuery } from './asset.ts';
import { changeAsset } from './change-asset.ts';
import { changeSite, createSite } from './change-site.ts';
import { NewSite, Site, SiteChange } from './site.ts';
import { findAsset, findSite, listAssets, listSites } from './store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

/** The list of sites, one of them, and making and changing them; on the tenant's mount alone. */
export function siteRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  const { db, paging, shell } = needs;
  siteWriteRoutes(app, mount, needs);
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

function siteWriteRoutes(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const config = { scope: 'sites:write' } as const;
  const tags = ['Sites'];
  const creation = {
    operationId: 'createSite',
    summary: 'Make a site',
    description: 'A key that is limited to sites makes none.',
    tags,
    body: NewSite,
    response: { 201: mount.oneOf(Site) },
  };
  app.post('/sites', { config, schema: creation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body } = request;
      const site = await createSite(trx, area, body);
      const { headers, ...answer } = mount.created(request, site);
      const location = (headers.location ?? '').replace(/[^/]+$/, site.slug);
      return { ...answer, headers: { ...headers, location } };
    }),
  );
  const change = {
    operationId: 'changeSite',
    summary: 'Change the name of a site, its time zone, or whether it discovers',
    description: [
      'Idempotent: the same change twice leaves what it left the first time. The slug stays, since it stands in the topics of devices. Devices’ messages are read by the change within half a minute.',
      'Another time zone changes no reading that is there: readings are instants. In the new zone are read, from then on, the times without a zone that devices send; its are the days, weeks and months of queries, and the hours and days of rules, of the past too where they are asked for or evaluated again. Where readings came with local times while the zone was wrong, they are at wrong instants, and have to be sent or imported again.',
    ].join('\n\n'),
    tags,
    params: z.object({ slug: z.string() }),
    body: SiteChange,
    response: { 200: mount.oneOf(Site) },
  };
  app.patch('/sites/:slug', { config, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body, headers, params } = request;
      const which = { slug: params.slug, body, ifMatch: headers['if-match'], at: shell.now() };
      return mount.one(await changeSite(trx, area, which));
    }),
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
