import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import type { Series } from './query.ts';

/** A point by its id, or by the names of its site, its asset and itself. */
export type PointName =
  | { readonly pointId: string }
  | { readonly site: string; readonly asset: string; readonly point: string };

/**
 * The series of points of a tenant, and of one site where `siteId` is not null, in the order of the names; undefined where there is
 * no such point. The names of a point that was merged into another lead to that one, its id to itself, which says so.
 */
export async function listSeries(
  db: Db,
  { tenantId, siteId, names }: { tenantId: string; siteId: string | null; names: readonly PointName[] },
): Promise<(Series | undefined)[]> {
  const ids = names.map((name) => ('pointId' in name ? name.pointId : null));
  const textsOf = (key: 'site' | 'asset' | 'point') => names.map((name) => ('pointId' in name ? null : name[key]));
  const { rows } = await sql<Series & { place: string }>`
    with given as (
      select * from unnest(
        ${ids}::uuid[], ${textsOf('site')}::text[], ${textsOf('asset')}::text[], ${textsOf('point')}::text[]
      ) with ordinality as given (id, site, asset, point, place)
    ),
    found as (
      select given.place, given.id from given where given.id is not null
      union all
      select given.place, coalesce(point.merged_into, point.id)
      from given
      join site on site.tenant_id = ${tenantId} and site.slug = given.site
      join asset on asset.site_id = site.id and asset.name = given.asset
      join point on point.asset_id = asset.id and point.name = given.point
    )
    select found.place, point.id as "pointId", point.series_id as "seriesId", site.id as "siteId", site.slug as site,
      asset.name as asset, point.name as point, site.time_zone as "timeZone", point.unit,
      point.merged_into as "mergedInto"
    from found
    join point on point.id = found.id
    join asset on asset.id = point.asset_id
    join site on site.id = asset.site_id
    where point.tenant_id = ${tenantId} and (${siteId}::uuid is null or site.id = ${siteId}::uuid)`.execute(db);
  const byPlace = new Map(rows.map(({ place, ...series }) => [Number(place) - 1, series]));
  return names.map((_, index) => byPlace.get(index));
}
