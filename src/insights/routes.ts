import { nameOf, requireSite } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { Insight, InsightQuery } from './insight.ts';
import { findInsight, listInsights } from './store.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

/** The list of insights and one of them, each with the work orders that it led to. */
export function insightRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const config = { scope: 'insights:read' } as const;
  const tags = ['Insights'];
  const list = {
    operationId: mount.operationId('listInsights'),
    summary: 'List insights',
    params: mount.listParams,
    querystring: InsightQuery,
  };
  app.get(
    mount.list('insights'),
    { config, schema: { ...list, tags, response: { 200: mount.pageOf(Insight) } } },
    async (request, reply) => {
      const { page, filter } = paging.read(request.query, ['insights', nameOf(request.area)]);
      const rows = await listInsights(db, request.area, filter, page);
      return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
    },
  );
  const one = { operationId: mount.operationId('getInsight'), summary: 'Get one insight', params: mount.memberParams };
  app.get(
    mount.member('insights'),
    { config, schema: { ...one, tags, response: { 200: mount.oneOf(Insight) } } },
    async (request, reply) => {
      const found = await findInsight(db, request.area, request.params.id);
      if (!found) throw refusals.insightNotFound(request.params.id);
      requireSite(request.area.caller, found.siteId);
      return shell.send(request, reply, mount.one(found.insight));
    },
  );
}
