/** What other stages have about one piece of equipment: its points, insights and work orders, as their own lists show them. */
import { readerOf } from '../access/listing.ts';
import { getPresentAsset } from '../assets/get-asset.ts';
import { Point, PointQuery, pointList } from '../assets/point.ts';
import { listPoints } from '../assets/store.ts';
import { Insight } from '../insights/insight.ts';
import { InsightQuery, insightList } from '../insights/insight-query.ts';
import { listInsights } from '../insights/store.ts';
import type { Db } from '../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { listWorkOrders } from '../work-orders/list-store.ts';
import { WorkOrder } from '../work-orders/work-order.ts';
import { WorkOrderQuery, workOrderList } from '../work-orders/work-order-query.ts';

type Needs = { readonly db: Db; readonly paging: Paging; readonly shell: Shell };

/** The lists below a piece of equipment. */
export function assetListRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  pointsRoute(app, mount, needs);
  insightsRoute(app, mount, needs);
  workOrdersRoute(app, mount, needs);
}

function pointsRoute(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const schema = {
    operationId: mount.operationId('listAssetPoints'),
    summary: 'List the points of a piece of equipment',
    tags: ['Assets'],
    params: mount.memberParams,
    querystring: PointQuery.omit({ asset_id: true, site: true, expand: true }),
    response: { 200: mount.pageOf(Point) },
  };
  app.get(mount.member('assets', '/points'), { config: { scope: 'points:read' }, schema }, async (request, reply) => {
    const { area, params, query } = request;
    const { asset } = await getPresentAsset(db, area, params.id);
    const { page, filter } = paging.list(pointList, query, readerOf(area, asset.id));
    const rows = await listPoints(db, area, { ...filter, asset_id: asset.id }, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
}

function insightsRoute(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const schema = {
    operationId: mount.operationId('listAssetInsights'),
    summary: 'List the insights about a piece of equipment',
    tags: ['Assets'],
    params: mount.memberParams,
    querystring: InsightQuery.omit({ asset_id: true, equipment_uri: true, expand: true }),
    response: { 200: mount.pageOf(Insight) },
  };
  const config = { scope: 'insights:read' } as const;
  app.get(mount.member('assets', '/insights'), { config, schema }, async (request, reply) => {
    const { area, params, query } = request;
    const { asset } = await getPresentAsset(db, area, params.id);
    const { page, filter } = paging.list(insightList, query, readerOf(area, asset.id));
    const rows = await listInsights(db, area, { ...filter, asset_id: asset.id }, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
}

function workOrdersRoute(app: RouteScope, mount: Mount, { db, paging, shell }: Needs): void {
  const schema = {
    operationId: mount.operationId('listAssetWorkOrders'),
    summary: 'List the work orders for a piece of equipment',
    tags: ['Assets'],
    params: mount.memberParams,
    querystring: WorkOrderQuery.omit({ asset_id: true, equipment_uri: true, wo_type: true, expand: true }),
    response: { 200: mount.pageOf(WorkOrder) },
  };
  const config = { scope: 'work-orders:read' } as const;
  app.get(mount.member('assets', '/work-orders'), { config, schema }, async (request, reply) => {
    const { area, params, query } = request;
    const { asset } = await getPresentAsset(db, area, params.id);
    const { page, filter } = paging.list(workOrderList, query, readerOf(area, asset.id));
    const rows = await listWorkOrders(db, area, { ...filter, asset_id: asset.id }, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
}
