import { type Area, requireSite } from '../../access/api-key.ts';
import { readerOf } from '../../access/listing.ts';
import type { Db } from '../../platform/database.ts';
import type { Mount, RouteScope, Shell } from '../../platform/mount.ts';
import type { Paging } from '../../platform/paging.ts';
import { refusals } from '../../platform/refusals.ts';
import { readSeries, SeriesQuery } from '../../platform/series.ts';
import { type MoveWorkOrders, mergeAsset, mergePoint } from './merge-points.ts';
import { findMerge, listConflicts, listMerges } from './merge-store.ts';
import {
  AssetMerge,
  MergeAssetBody,
  MergeConflict,
  MergePointBody,
  PointMerge,
  PointMergeQuery,
  pointMergeList,
  type SeriesMover,
} from './point-merge.ts';

export type MergeNeeds = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  readonly mover: SeriesMover;
  readonly moveWorkOrders: MoveWorkOrders;
};

const tags = ['Points'];

/** Merging a point or an asset into another, and what became of it. */
export function mergeRoutes(app: RouteScope, mount: Mount, needs: MergeNeeds): void {
  mergingRoutes(app, mount, needs);
  recordRoutes(app, mount, needs);
}

const description = [
  'From the answer on, whatever comes under the name, the id or the URI of the one is a reading of the other, converted where their units differ. Readings that are there move in steps, newest first; where both have one of an instant, that of the other point stays and `GET /point-merges/{id}/conflicts` has both. Until all have moved, corrections of spans of the other point and conversions to another unit are refused (`merge_under_way`).',
  'Names are kept in memory for half a minute: a reading that comes within it under the name of the one may first be stored as its own, and is one of the other’s a minute later.',
  'The two lie at one site. What comes from a building model is merged into nothing, since the model would make it anew. This cannot be taken back.',
].join('\n\n');

function mergingRoutes(app: RouteScope, mount: Mount, { shell, mover, moveWorkOrders }: MergeNeeds): void {
  const point = {
    operationId: mount.operationId('mergePoint'),
    summary: 'Merge a point into another, with its history',
    description,
    tags,
    params: mount.memberParams,
    body: MergePointBody,
    response: { 200: mount.oneOf(PointMerge) },
  };
  const points = { scope: 'points:write' } as const;
  app.post(mount.member('points', '/merge-into'), { config: points, schema: point }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, params, body } = request;
      return mount.found(await mergePoint(trx, area, { id: params.id, ...body, mover }));
    }),
  );
  const asset = {
    operationId: mount.operationId('mergeAsset'),
    summary: 'Merge a piece of equipment into another, with its points',
    description: [
      'Points of the same name, or of the names that are given, become one as by `POST /points/{id}/merge-into`; the others become points of the other asset. Work orders, overrides of rules and relations follow at once, and insights once they are over; the merged asset is retired.',
      description,
    ].join('\n\n'),
    tags: ['Assets'],
    params: mount.memberParams,
    body: MergeAssetBody,
    response: { 200: mount.oneOf(AssetMerge) },
  };
  const assets = { scope: 'assets:write' } as const;
  app.post(mount.member('assets', '/merge-into'), { config: assets, schema: asset }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, params, body } = request;
      return mount.found(await mergeAsset(trx, area, { id: params.id, ...body, mover, moveWorkOrders }));
    }),
  );
}

function recordRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: MergeNeeds): void {
  const config = { scope: 'points:read' } as const;
  const list = {
    operationId: mount.operationId('listPointMerges'),
    summary: 'List mergings of points',
    tags,
    params: mount.listParams,
    querystring: PointMergeQuery,
    response: { 200: mount.pageOf(PointMerge) },
  };
  app.get(mount.list('point-merges'), { config, schema: list }, async (request, reply) => {
    const { page, filter } = paging.list(pointMergeList, request.query, readerOf(request.area));
    const rows = await listMerges(db, request.area, filter, page);
    return shell.send(request, reply, mount.page(request, paging.page(page, rows)));
  });
  const one = {
    operationId: mount.operationId('getPointMerge'),
    summary: 'Get one merging of points, and how far it has come',
    tags,
    params: mount.memberParams,
    response: { 200: mount.oneOf(PointMerge) },
  };
  app.get(mount.member('point-merges'), { config, schema: one }, async (request, reply) =>
    shell.send(request, reply, mount.one(await getVisible(db, request.area, request.params.id))),
  );
  const conflicts = {
    operationId: mount.operationId('listMergeConflicts'),
    summary: 'List the readings that a merging has dropped, and those that it has kept instead',
    tags,
    params: mount.memberParams,
    querystring: SeriesQuery,
    response: { 200: mount.seriesOf(MergeConflict) },
  };
  app.get(mount.member('point-merges', '/conflicts'), { config, schema: conflicts }, async (request, reply) => {
    const { id } = await getVisible(db, request.area, request.params.id);
    const series = await readSeries(paging, {
      query: request.query,
      list: ['merge-conflicts', request.area.caller.tenantId, id],
      read: (page) => listConflicts(db, { id, ...page }),
    });
    return shell.send(request, reply, mount.series(request, series));
  });
}

async function getVisible(db: Db, area: Area, id: string): Promise<PointMerge> {
  const found = await findMerge(db, area, id);
  if (!found) throw refusals.pointMergeNotFound(id);
  requireSite(area.caller, found.siteId);
  return found.merge;
}
