import type { FastifyRequest } from 'fastify';
import { requireSite } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { queryRoutes } from '../telemetry/query/query-routes.ts';
import { listSeries, type PointName } from '../telemetry/query/query-series-store.ts';
import type { QueryTurns } from '../telemetry/query/query-turns.ts';
import { type ReadingNeeds, readingRoutes } from '../telemetry/query/routes.ts';

type Needs = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  readonly turns: QueryTurns;
  readonly getPoint: ReadingNeeds['getPoint'];
};

/** The routes that read telemetry, which know no keys: whom they show what is decided here. */
export function telemetryQueryRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  const findSeries = async ({ area }: FastifyRequest, names: readonly PointName[]) => {
    const { caller, site } = area;
    const found = await listSeries(needs.db, { tenantId: caller.tenantId, siteId: site?.id ?? null, names });
    for (const series of found) if (series) requireSite(caller, series.siteId);
    return found;
  };
  readingRoutes(app, mount, needs);
  queryRoutes(app, mount, { ...needs, findSeries });
}
