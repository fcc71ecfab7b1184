import { sql } from 'kysely';
import type { Area } from '../access/api-key.ts';
import { withinSites } from '../access/site-store.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../platform/page-store.ts';
import type { ListRequest, Rows } from '../platform/paging.ts';
import type { Asset } from './asset.ts';
import { assetsShown, toAsset } from './asset-row-store.ts';
import { Point, type PointFilter } from './point.ts';
import type { Site } from './site.ts';
import { sitesShown, toSite } from './site-store.ts';
import { findUnit } from './units.ts';

/** A site of the tenant by its slug, whether or not a key may see it. */
export async function findSite(db: Db, tenantId: string, slug: string): Promise<Site | undefined> {
  const row = await sitesShown(db).where('site.tenant_id', '=', tenantId).where('slug', '=', slug).executeTakeFirst();
  return row && toSite(row);
}

/** Where a work order lies that names neither a site nor an asset: the tenant's default site, or else its oldest. */
export function findDefaultSite(db: Db, tenantId: string) {
  return db
    .selectFrom('site')
    .innerJoin('tenant', 'tenant.id', 'site.tenant_id')
    .select(['site.id', 'site.slug', 'site.time_zone'])
    .where('site.tenant_id', '=', tenantId)
    .where((or) =>
      or.or([or('tenant.default_site_id', 'is', null), or('tenant.default_site_id', '=', or.ref('site.id'))]),
    )
    .orderBy('site.created_at')
    .orderBy('site.id')
    .limit(1)
    .executeTakeFirst();
}

/** One asset of the area's tenant, below the area's site if it has one; the caller checks whether its key may see it. */
export async function findAsset(
  db: Db,
  area: Area,
  by: { id: string } | { uri: string },
): Promise<{ asset: Asset; siteId: string; timeZone: string } | undefined> {
  let assets = assetsShown(db).select('site.time_zone').where('asset.tenant_id', '=', area.caller.tenantId);
  if (area.site !== null) assets = assets.where('asset.site_id', '=', area.site.id);
  assets = 'id' in by ? assets.where('asset.id', '=', by.id) : assets.where('asset.uri', '=', by.uri);
  const row = await assets.executeTakeFirst();
  return row && { asset: toAsset(row), siteId: row.site_id, timeZone: row.time_zone };
}

/** Points of the assets in the area, newest first, without those that turned out to be another. */
export async function listPoints(db: Db, area: Area, filter: PointFilter, page: ListRequest): Promise<Rows<Point>> {
  let points = pointsOf(db, area).where('point.merged_into', 'is', null);
  points = points.where(withinSites('asset.site_id', area.caller));
  if (filter.site !== undefined) points = points.where('site.slug', '=', filter.site);
  if (filter.asset_id !== undefined) points = points.where('point.asset_id', '=', filter.asset_id);
  if (filter.name !== undefined) points = points.where('point.name', '=', filter.name);
  if (filter.class !== undefined) points = points.where('point.class', 'in', classNames(filter.class));
  if (filter.unit !== undefined) points = points.where('point.unit', 'in', unitNames(filter.unit));
  if (filter.state !== undefined) points = points.where('point.state', '=', filter.state);
  if (filter.tag !== undefined) points = points.where(tagged(filter.tag));
  if (filter.external_id !== undefined) points = points.where(calledElsewhere(filter.external_id));
  points = narrowed(points, page);
  const total = await points.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(points.selectAll('point').select(pointShown), page).execute();
  return rowsOf(rows, total, toPoint);
}

/** One point of the area's tenant, below the area's site if it has one, with the site whose key and time zone count. */
export async function findPoint(
  db: Db,
  area: Area,
  id: string,
): Promise<{ point: Point; siteId: string; timeZone: string; seriesId: number } | undefined> {
  const row = await pointsOf(db, area)
    .selectAll('point')
    .select(pointShown)
    .select(['site.time_zone', 'asset.site_id'])
    .where('point.id', '=', id)
    .executeTakeFirst();
  return row && { point: toPoint(row), siteId: row.site_id, timeZone: row.time_zone, seriesId: row.series_id };
}

const pointShown = [
  'site.slug as site',
  'asset.name as asset',
  sql<number | null>`(select learned_ms from point_interval where point_id = point.id)`.as('learned_ms'),
] as const;

/** Names without a prefix are Brick's. */
function classNames(name: string): string[] {
  return name.includes(':') ? [name, name.replace(/^brick:/, '')] : [name, `brick:${name}`];
}

function unitNames(name: string): string[] {
  return [name, findUnit(name)?.id ?? name];
}

/** `critical`: it has the tag. `panel:MCC-2`: and with that value. */
function tagged(tag: string) {
  const colon = tag.indexOf(':');
  if (colon === -1) return sql<boolean>`point.tags ? ${tag}`;
  const name = tag.slice(0, colon);
  return sql<boolean>`(point.tags ? ${name} and point.tags ->> ${name} = ${tag.slice(colon + 1)})`;
}

/** By another program, or else by its building model. */
function calledElsewhere(externalId: string) {
  return sql<boolean>`(point.own_external_id = ${externalId}
    or (point.own_external_id is null and point.external_id = ${externalId}))`;
}

function pointsOf(db: Db, area: Area) {
  const points = db
    .selectFrom('point')
    .innerJoin('asset', 'asset.id', 'point.asset_id')
    .innerJoin('site', 'site.id', 'asset.site_id')
    .where('point.tenant_id', '=', area.caller.tenantId);
  return area.site === null ? points : points.where('asset.site_id', '=', area.site.id);
}

type PointRow = {
  created_at: Date;
  updated_at: Date;
  expected_interval_ms: number | null;
  learned_ms: number | null;
  range_min: number | null;
  range_max: number | null;
  own_external_id: string | null;
  external_id: string | null;
};

function toPoint(row: PointRow): Point {
  return Point.parse({
    ...row,
    ...formatted(row),
    min: row.range_min,
    max: row.range_max,
    external_id: row.own_external_id ?? row.external_id,
    expected_interval_s: row.expected_interval_ms === null ? null : row.expected_interval_ms / 1000,
    learned_interval_s: row.learned_ms === null ? null : row.learned_ms / 1000,
  });
}

function formatted({ created_at, updated_at }: { created_at: Date; updated_at: Date }) {
  return { created_at: formatInstant(created_at), updated_at: formatInstant(updated_at) };
}
