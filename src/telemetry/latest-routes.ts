import type { FastifyReply, FastifyRequest } from 'fastify';
import { z } from 'zod';
import { Point, type PointFilter, pointFilters, pointList } from '../assets/point.ts';
import { Quality } from '../assets/quality.ts';
import { listPoints } from '../assets/store.ts';
import type { Db } from '../platform/database.ts';
import { Id, Instant, wholeNumber } from '../platform/fields.ts';
import { formatInstant } from '../platform/instant.ts';
import { listQuery } from '../platform/list-query.ts';
import type { Mount, RouteScope, Shell } from '../platform/mount.ts';
import type { Paging } from '../platform/paging.ts';
import { type LatestReading, listLatest, listSeriesIds } from './latest-store.ts';

/** A line of a list of present values is short, and people want all of a site. */
const limitDefault = 500;
const limitMax = 1_000;

const Latest = z
  .object({
    point_id: Id,
    asset_id: Id,
    site: z.string().describe('The slug of its site.'),
    asset: z.string().describe('The name of its asset.'),
    name: z.string().describe('The name of the point.'),
    class: z.string().nullable(),
    unit: z.string().nullable(),
    expected_interval_s: Point.shape.expected_interval_s,
    time: Instant.nullable().describe('Of the newest reading; null where there is none yet.'),
    value: z.number().nullable().describe("In the point's own unit; null where it is not a number."),
    quality: Quality.nullable(),
  })
  .meta({ id: 'Latest', description: 'A point and its newest reading.' });
type Latest = z.infer<typeof Latest>;

const limit = wholeNumber({ min: 1, max: limitMax, default: limitDefault });
const latestList = { ...pointList, name: 'latest', expand: [] };
const LatestQuery = listQuery(latestList, { ...pointFilters, limit });
const LatestOfAssetQuery = listQuery(latestList, { limit });

type Needs = {
  readonly db: Db;
  readonly paging: Paging;
  readonly shell: Shell;
  /** Throws the refusal where the request's caller may not see the point, or the equipment. */
  readonly getPoint: (request: FastifyRequest, id: string) => Promise<{ point: Point; seriesId: number }>;
  readonly getAsset: (request: FastifyRequest, id: string) => Promise<object>;
};

/** The newest reading of one point, of the points of one piece of equipment, and of those of a site or of all sites. */
export function latestRoutes(app: RouteScope, mount: Mount, needs: Needs): void {
  const { db, shell, getPoint, getAsset } = needs;
  const config = { scope: 'points:read' } as const;
  const tags = ['Points'];
  const one = {
    operationId: mount.operationId('getLatestReading'),
    summary: 'Get the newest measurement of a point',
    params: mount.memberParams,
  };
  app.get(
    mount.member('points', '/latest'),
    { config, schema: { ...one, tags, response: { 200: mount.oneOf(Latest) } } },
    async (request, reply) => {
      const { point, seriesId } = await getPoint(request, request.params.id);
      const latest = await listLatest(db, [seriesId]);
      return shell.send(request, reply, mount.found(latestOf(point, latest.get(seriesId))));
    },
  );
  const ofAsset = {
    operationId: mount.operationId('listLatestReadingsOfAsset'),
    summary: 'List the points of a piece of equipment, each with its newest measurement',
    params: mount.memberParams,
    querystring: LatestOfAssetQuery,
  };
  app.get(
    mount.member('assets', '/latest'),
    { config, schema: { ...ofAsset, tags, response: { 200: mount.pageOf(Latest) } } },
    async (request, reply) => {
      const { id } = request.params;
      await getAsset(request, id);
      return sendPage(needs, mount, { request, reply, query: { ...request.query, asset_id: id } });
    },
  );
  const ofSite = {
    operationId: mount.operationId('listLatestReadings'),
    summary: 'List points, each with its newest measurement',
    params: mount.listParams,
    querystring: LatestQuery,
  };
  app.get(
    mount.list('latest'),
    { config, schema: { ...ofSite, tags, response: { 200: mount.pageOf(Latest) } } },
    async (request, reply) => sendPage(needs, mount, { request, reply, query: request.query }),
  );
}

type Asked = { readonly request: FastifyRequest; readonly reply: FastifyReply; readonly query: Query };
type Query = z.output<typeof LatestQuery>;

async function sendPage({ db, paging, shell }: Needs, mount: Mount, { request, reply, query }: Asked) {
  const { area } = request;
  const asked = { ...query, limit: query.limit ?? limitDefault };
  const { tenantId, siteIds, timeZone } = area.caller;
  const of = [tenantId, area.site?.id ?? null, siteIds];
  const { page, filter } = paging.list(latestList, asked, { of, timeZone: area.site?.timeZone ?? timeZone });
  const points = await listPoints(db, area, filter satisfies PointFilter, page);
  const shown = points.rows.slice(0, page.limit);
  const series = await listSeriesIds(
    db,
    shown.map(({ item }) => item.id),
  );
  const latest = await listLatest(db, [...series.values()]);
  const readingOf = ({ id }: Point) => latest.get(series.get(id) ?? Number.NaN);
  const rows = points.rows.map(({ item, position }) => ({ position, item: latestOf(item, readingOf(item)) }));
  return shell.send(request, reply, mount.page(request, paging.page(page, { rows, total: points.total })));
}

function latestOf(point: Point, reading: LatestReading | undefined): Latest {
  const { id, asset_id, site, asset, name, unit, expected_interval_s } = point;
  return {
    point_id: id,
    asset_id,
    site,
    asset,
    name,
    class: point.class,
    unit,
    expected_interval_s,
    time: reading ? formatInstant(reading.time) : null,
    value: reading?.value ?? null,
    quality: reading?.quality ?? null,
  };
}
