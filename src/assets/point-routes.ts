import { requireSite } from '../access/api-key.ts';
import { type Expanders, expand, expandPage, readerOf } from '../access/listing.ts';
import type { Db } from '../platform/database.ts';
import { oneQuery } from '../platform/list-query.ts';
import { type Mount, type RouteScope, type Shell, sendWhole } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { refusals } from '../platform/refusals.ts';
import { changePoint, createPoint } from './change-point.ts';
import { mapOfAssets, mapOfSites } from './expand-store.ts';
import { NewPoint, Point, PointChange, PointQuery, pointList } from './point.ts';
import type { PointHistory } from './point-history.ts';
import { findPoint, listPoints } from './store.ts';

export type PointNeeds = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  /** What becomes of the readings of a point that changes. */
  readonly history: PointHistory;
};

const tags = ['Points'];

const expanders: Expanders<Point, 'asset' | 'site'> = {
  asset: { scope: 'assets:read', keyOf: (point) => point.asset_id, load: mapOfAssets },
  site: { scope: 'sites:read', keyOf: (point) => point.site, load: mapOfSites },
};

/** Points: list, one, create, change; their readings are served by src/telemetry. */
export function pointRoutes(app: RouteScope, mount: Mount, needs: PointNeeds): void {
  readingRoutes(app, mount, needs);
  writingRoutes(app, mount, needs);
}

function readingRoutes(app: RouteScope, mount: Mount, { db, paging, shell }: PointNeeds): void {
  const config = { scope: 'points:read' } as const;
  const list = {
    operationId: mount.operationId('listPoints'),
    summary: 'List points',
    tags,
    params: mount.listParams,
    querystring: PointQuery,
    response: { 200: mount.pageOf(Point) },
  };
  app.get(mount.list('points'), { config, schema: list }, async (request, reply) => {
    const { area } = request;
    const { page, filter, expand: names } = paging.list(pointList, request.query, readerOf(area));
    const points = paging.page(page, await listPoints(db, area, filter, page));
    const shown = await expandPage(db, points, { caller: area.caller, names, expanders });
    return shell.send(request, reply, mount.page(request, shown));
  });
  const one = {
    operationId: mount.operationId('getPoint'),
    summary: 'Get one point',
    tags,
    params: mount.memberParams,
    querystring: oneQuery(pointList),
    response: { 200: mount.oneOf(Point) },
  };
  app.get(mount.member('points'), { config, schema: one }, async (request, reply) => {
    const found = await findPoint(db, request.area, request.params.id);
    if (!found) throw refusals.pointNotFound(request.params.id);
    requireSite(request.area.caller, found.siteId);
    const { expand: names } = request.query;
    if (names === undefined) return sendWhole(shell, { request, reply }, mount.one(found.point));
    const [point = found.point] = await expand(db, [found.point], { caller: request.area.caller, names, expanders });
    return shell.send(request, reply, mount.found(point));
  });
}

function writingRoutes(app: RouteScope, mount: Mount, { shell, history }: PointNeeds): void {
  const config = { scope: 'points:write' } as const;
  const creation = {
    operationId: mount.operationId('createPoint'),
    summary: 'Make a point, before any reading of it has come',
    tags,
    params: mount.listParams,
    body: NewPoint,
    response: { 201: mount.oneOf(Point) },
  };
  app.post(mount.list('points'), { config, schema: creation }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body } = request;
      return mount.created(request, await createPoint(trx, area, { body, at: shell.now() }));
    }),
  );
  const change = {
    operationId: mount.operationId('changePoint'),
    summary: 'Change what a point is: its class, unit, range, states, tags, how often it is expected to report',
    description: [
      'Idempotent: the same change twice leaves what it left the first time.',
      'Another unit, or other numbers of states, of a point that has readings asks what that means for them: `history` is `relabel` (their numbers are right, and only their name was not) or `convert` (their numbers change with it, and with them the range, unless it is given). A unit where none was known needs no answer.',
      'With `convert` its device is expected to send the new unit from now on, or from `history_before` on.',
    ].join('\n\n'),
    tags,
    params: mount.memberParams,
    body: PointChange,
    response: { 200: mount.oneOf(Point) },
  };
  app.patch(mount.member('points'), { config, schema: change }, async (request, reply) =>
    shell.transact(request, reply, async (trx) => {
      const { area, body, headers, params } = request;
      const which = { id: params.id, body, ifMatch: headers['if-match'], at: shell.now(), history };
      return mount.one(await changePoint(trx, area, which));
    }),
  );
}
