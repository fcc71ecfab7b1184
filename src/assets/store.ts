import { sql } from 'kysely';
import type { Area } from '../access/api-key.ts';
import { withinSites } from '../access/site-store.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { newestFirst, rowsOf } from '../platform/page-store.ts';
import type { PageRequest, Rows } from '../platform/paging.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import { Asset, type AssetChange, type AssetFilter, type SiteFilter } from './asset.ts';
import { Point, type PointFilter } from './point.ts';
import { Site } from './site.ts';
import { findUnit } from './units.ts';

/** Sites of the area's tenant that its key may see, newest first. */
export async function listSites(db: Db, area: Area, filter: SiteFilter, page: PageRequest): Promise<Rows<Site>> {
  const { caller } = area;
  let sites = db.selectFrom('site').where('tenant_id', '=', caller.tenantId).where(withinSites('site.id', caller));
  if (filter.discovery !== undefined) sites = sites.where('discovery', '=', filter.discovery);
  const total = await sites.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await newestFirst(sites.selectAll('site'), { table: 'site', page }).execute();
  return rowsOf(rows, total, toSite);
}

/** A site of the tenant by its slug, whether or not a key may see it. */
export async function findSite(db: Db, tenantId: string, slug: string): Promise<Site | undefined> {
  const row = await db
    .selectFrom('site')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('slug', '=', slug)
    .executeTakeFirst();
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

/** Equipment in the area, newest first, without what turned out to be another piece. */
export async function listAssets(db: Db, area: Area, filter: AssetFilter, page: PageRequest): Promise<Rows<Asset>> {
  let assets = db
    .selectFrom('asset')
    .innerJoin('site', 'site.id', 'asset.site_id')
    .leftJoin('location', 'location.id', 'asset.location_id')
    .where('asset.tenant_id', '=', area.caller.tenantId)
    .where('asset.merged_into', 'is', null);
  if (area.site !== null) assets = assets.where('asset.site_id', '=', area.site.id);
  assets = assets.where(withinSites('asset.site_id', area.caller));
  if (filter.class !== undefined) assets = assets.where('asset.class', '=', filter.class);
  if (filter.status !== undefined) assets = assets.where('asset.status', '=', filter.status);
  if (filter.state !== undefined) assets = assets.where('asset.state', '=', filter.state);
  if (filter.parent_id !== undefined) assets = assets.where('asset.parent_id', '=', filter.parent_id);
  if (filter.tag !== undefined) assets = assets.where(sql<boolean>`asset.tags @> array[${filter.tag}]::text[]`);
  if (filter.uri !== undefined) assets = assets.where('asset.uri', '=', filter.uri);
  const total = await assets.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const columns = assets.selectAll('asset').select(['site.slug as site', 'location.name as location']);
  const query = newestFirst(columns, { table: 'asset', page });
  return rowsOf(await query.execute(), total, toAsset);
}

/** One asset of the area's tenant, below the area's site if it has one; the caller checks whether its key may see it. */
export async function findAsset(
  db: Db,
  area: Area,
  by: { id: string } | { uri: string },
): Promise<{ asset: Asset; siteId: string; timeZone: string } | undefined> {
  let assets = db
    .selectFrom('asset')
    .innerJoin('site', 'site.id', 'asset.site_id')
    .leftJoin('location', 'location.id', 'asset.location_id')
    .selectAll('asset')
    .select(['site.slug as site', 'site.time_zone', 'location.name as location'])
    .where('asset.tenant_id', '=', area.caller.tenantId);
  if (area.site !== null) assets = assets.where('asset.site_id', '=', area.site.id);
  assets = 'id' in by ? assets.where('asset.id', '=', by.id) : assets.where('asset.uri', '=', by.uri);
  const row = await assets.executeTakeFirst();
  return row && { asset: toAsset(row), siteId: row.site_id, timeZone: row.time_zone };
}

/** An asset held until the transaction ends. */
export type LockedAsset = {
  readonly id: string;
  readonly name: string;
  readonly siteId: string;
  /** The building model that it comes from, if any. */
  readonly source: string | null;
  readonly mergedInto: string | null;
  readonly updatedAt: Date;
};

/** Assets of the area by id, held in the order of their ids, so that two who hold the same never wait for each other. */
export async function lockAssets(trx: Db, area: Area, ids: readonly string[]): Promise<LockedAsset[]> {
  const { rows } = await sql<LockedAsset>`
    select id, name, site_id as "siteId", source, merged_into as "mergedInto", updated_at as "updatedAt" from asset
    where tenant_id = ${area.caller.tenantId} and id = any(${ids}::uuid[])
      and (${area.site?.id ?? null}::uuid is null or site_id = ${area.site?.id ?? null}::uuid)
    order by id for update`.execute(trx);
  return rows;
}

/** Sets the tags and merges the parameters that are given; a parameter that is null is taken away. */
export async function updateAsset(
  trx: Db,
  { tenantId, id, at }: { tenantId: string; id: string; at: Date },
  { tags, params }: AssetChange,
): Promise<void> {
  await trx
    .updateTable('asset')
    .set({
      ...(tags !== undefined && { tags: [...new Set(tags)] }),
      ...(params !== undefined && {
        params: sql<never>`jsonb_strip_nulls(params || ${JSON.stringify(params)}::jsonb)`,
      }),
      updated_at: laterThanBefore(at),
    })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

/** Points of the assets in the area, newest first, without those that turned out to be another. */
export async function listPoints(db: Db, area: Area, filter: PointFilter, page: PageRequest): Promise<Rows<Point>> {
  let points = pointsOf(db, area).where('point.merged_into', 'is', null);
  points = points.where(withinSites('asset.site_id', area.caller));
  if (filter.site !== undefined) points = points.where('site.slug', '=', filter.site);
  if (filter.asset_id !== undefined) points = points.where('point.asset_id', '=', filter.asset_id);
  if (filter.name !== undefined) points = points.where('point.name', '=', filter.name);
  if (filter.class !== undefined) points = points.where('point.class', 'in', classNames(filter.class));
  if (filter.unit !== undefined) points = points.where('point.unit', 'in', unitNames(filter.unit));
  if (filter.state !== undefined) points = points.where('point.state', '=', filter.state);
  if (filter.tag !== undefined) points = points.where(tagged(filter.tag));
  if (filter.q !== undefined) points = points.where(mentions(filter.q));
  const total = await points.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const query = newestFirst(points.selectAll('point').select(pointShown), { table: 'point', page });
  return rowsOf(await query.execute(), total, toPoint);
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

function mentions(words: string) {
  return sql<boolean>`strpos(lower(concat_ws(' ', point.name, point.class, asset.name)), lower(${words})) > 0`;
}

function pointsOf(db: Db, area: Area) {
  const points = db
    .selectFrom('point')
    .innerJoin('asset', 'asset.id', 'point.asset_id')
    .innerJoin('site', 'site.id', 'asset.site_id')
    .where('point.tenant_id', '=', area.caller.tenantId);
  return area.site === null ? points : points.where('asset.site_id', '=', area.site.id);
}

function toSite(row: { created_at: Date; updated_at: Date }): Site {
  return Site.parse({ ...row, ...formatted(row) });
}

function toAsset(row: { created_at: Date; updated_at: Date }): Asset {
  return Asset.parse({ ...row, ...formatted(row) });
}

type PointRow = {
  created_at: Date;
  updated_at: Date;
  expected_interval_ms: number | null;
  learned_ms: number | null;
  range_min: number | null;
  range_max: number | null;
};

function toPoint(row: PointRow): Point {
  return Point.parse({
    ...row,
    ...formatted(row),
    min: row.range_min,
    max: row.range_max,
    expected_interval_s: row.expected_interval_ms === null ? null : row.expected_interval_ms / 1000,
    learned_interval_s: row.learned_ms === null ? null : row.learned_ms / 1000,
  });
}

function formatted({ created_at, updated_at }: { created_at: Date; updated_at: Date }) {
  return { created_at: formatInstant(created_at), updated_at: formatInstant(updated_at) };
}
