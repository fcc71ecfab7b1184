import { z } from 'zod';
import { requireSite } from '../access/api-key.ts';
import { readerOf } from '../access/listing.ts';
import type { Db } from '../platform/database.ts';
import { deleted, type Mount, type RouteScope, type Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { changeSite, createSite, removeSite } from './change-site.ts';
import { NewSite, Site, SiteChange, SiteQuery, siteList } from './site.ts';
import { listSites } from './site-store.ts';
import { findSite } from './store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['Sites'];
const named = z.object({ slug: z.string() });

/** The list of sites, one of them, and making, changing and deleting them; on the tenant's mount alone. */
export function siteRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  readingRoutes(app, mount, needs);
  creationRoute(app, mount, needs);
  changingRoutes(app, mount, needs);
}

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const config = { scope: 'sites:read' } as const;
  const list = {
    operationId: 'listSites',
    summary: 'List sites',
    tags,
    querystring: SiteQuery,
    response: { 200: mount.pageOf(Site) },
  };
  app.get('/sites', { config, schema: list }, async (request, reply) => {
    const { page, filter } = paging.list(siteList, request.query, readerOf(request.area));
    const rows = await listSites(db, request.area, filter, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: 'getSite',
    summary: 'Get one site',
    tags,
    params: named,
    response: { 200: mount.oneOf(Site) },
  };
  app.get('/sites/:slug', { config, schema: one }, async (request, reply) => {
    const site = await findSite(db, request.area.caller.tenantId, request.params.slug);
    if (!site) throw refusals.siteNotFound(request.params.slug);
    requireSite(request.area.caller, site.id);
    return shell.send(request, reply, mount.one(site));
  });
}

const config = { scope: 'sites:write' } as const;

function creationRoute(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const creation = {
    operationId: 'createSite',
    summary: 'Make a site',
    description: [
      'Repeatable with an Idempotency-Key for 24 hours; without one, a second site of the slug is refused.',
      'A key that is limited to sites makes none.',
    ].join('\n\n'),
    tags,
    body: NewSite,
    response: { 201: mount.oneOf(Site) },
  };
  app.post('/sites', { config, schema: creation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body } = request;
      const site = await createSite(trx, area, { body, at: shell.now() });
      const { headers, ...answer } = mount.created(request, site);
      const location = (headers.location ?? '').replace(/[^/]+$/, site.slug);
      return { ...answer, headers: { ...headers, location } };
    }),
  );
}

function changingRoutes(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const change = {
    operationId: 'changeSite',
    summary:
      'Change what is known of a site: its name, where it is, when it is open, its time zone, whether it discovers',
    description: [
      'Idempotent: the same change twice leaves what it left the first time. The slug stays, since it stands in the topics of devices. Devices’ messages are read by the change within half a minute.',
      'Another time zone changes no reading that is there: readings are instants. In the new zone are read, from then on, the times without a zone that devices send; its are the days, weeks and months of queries, and the hours and days of rules, of the past too where they are asked for or evaluated again. Where readings came with local times while the zone was wrong, they are at wrong instants, and have to be sent or imported again.',
    ].join('\n\n'),
    tags,
    params: named,
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
  const removal = {
    operationId: 'deleteSite',
    summary: 'Delete a site to which nothing belongs',
    description: [
      'Idempotent: what is deleted stays deleted; the second answer is 404.',
      'A site with equipment, places, work orders, insights or devices, retired ones included, has a history, and stays; so does the default site of the tenant. A key that is limited to sites deletes none.',
    ].join('\n\n'),
    tags,
    params: named,
    response: { 204: { description: 'Deleted.' } },
  };
  app.delete('/sites/:slug', { config, schema: removal }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, headers, params } = request;
      await removeSite(trx, area, { slug: params.slug, ifMatch: headers['if-match'] });
      return deleted;
    }),
  );
}
