import { requireSite } from '../access/api-key.ts';
import { type Expanders, expand, expandPage, readerOf } from '../access/listing.ts';
import { mapOfPeople } from '../access/people/user-store.ts';
import { mapOfAssets, mapOfSites } from '../assets/expand-store.ts';
import type { Db } from '../platform/database.ts';
import { oneQuery } from '../platform/list-query.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { changeInsight } from './decide.ts';
import { Insight } from './insight.ts';
import { InsightBody, InsightChange } from './insight-body.ts';
import { InsightQuery, insightList } from './insight-query.ts';
import { raiseInsight } from './raise.ts';
import { findInsight, listInsights } from './store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

const tags = ['Insights'];
const read = { scope: 'insights:read' } as const;
const write = { scope: 'insights:write' } as const;

const expanders: Expanders<Insight, 'asset' | 'assignee' | 'site'> = {
  asset: { scope: 'assets:read', keyOf: ({ asset_id }) => asset_id, load: mapOfAssets },
  assignee: { scope: 'users:read', keyOf: ({ assignee }) => assignee, load: mapOfPeople },
  site: { scope: 'sites:read', keyOf: ({ site }) => site, load: mapOfSites },
};

/** The list of insights and one of them, each with the work orders that it led to; what people find themselves, and change. */
export function insightRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  readingRoutes(app, mount, needs);
  writingRoutes(app, mount, needs);
}

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const list = {
    operationId: mount.operationId('listInsights'),
    summary: 'List insights',
    params: mount.listParams,
    querystring: InsightQuery,
  };
  app.get(
    mount.list('insights'),
    { config: read, schema: { ...list, tags, response: { 200: mount.pageOf(Insight) } } },
    async (request, reply) => {
      const { area, query } = request;
      const { page, filter, expand: names } = paging.list(insightList, query, readerOf(area));
      const rows = await listInsights(db, area, filter, page);
      const shown = await expandPage(db, paging.page(page, rows), { caller: area.caller, names, expanders });
      return shell.send(request, reply, mount.page(request, shown));
    },
  );
  const one = {
    operationId: mount.operationId('getInsight'),
    summary: 'Get one insight',
    params: mount.memberParams,
    querystring: oneQuery(insightList),
  };
  app.get(
    mount.member('insights'),
    { config: read, schema: { ...one, tags, response: { 200: mount.oneOf(Insight) } } },
    async (request, reply) => {
      const { area, params, query } = request;
      const found = await findInsight(db, area, params.id);
      if (!found) throw refusals.insightNotFound(params.id);
      requireSite(area.caller, found.siteId);
      const { expand: names = [] } = query;
      const [shown] = await expand(db, [found.insight], { caller: area.caller, names, expanders });
      return shell.send(request, reply, names.length > 0 && shown ? mount.found(shown) : mount.one(found.insight));
    },
  );
}

function writingRoutes(app: RouteScope, mount: Mount, { shell }: Needs): void {
  const creation = {
    operationId: mount.operationId('createInsight'),
    summary: 'Add an insight that people have found themselves',
    tags,
    params: mount.listParams,
    body: InsightBody,
    response: { 201: mount.oneOf(Insight) },
  };
  app.post(mount.list('insights'), { config: write, schema: creation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body } = request;
      return mount.created(request, await raiseInsight(trx, { area, body, at: shell.now() }));
    }),
  );
  const change = {
    operationId: mount.operationId('changeInsight'),
    summary: 'Give an insight to somebody, or change what people wrote of it',
    tags,
    params: mount.memberParams,
    body: InsightChange,
    response: { 200: mount.oneOf(Insight) },
  };
  app.patch(mount.member('insights'), { config: write, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body, headers, params } = request;
      const which = { area, id: params.id, body, ifMatch: headers['if-match'], at: shell.now() };
      return mount.one(await changeInsight(trx, which));
    }),
  );
}
