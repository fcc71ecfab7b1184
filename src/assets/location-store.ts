import type { Area } from '../access/api-key.ts';
import { withinSites } from '../access/site-store.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { newestFirst, rowsOf } from '../platform/page-store.ts';
import type { PageRequest, Rows } from '../platform/paging.ts';
import { Location, type LocationFilter } from './location.ts';

/** Places in the area, newest first. */
export async function listLocations(
  db: Db,
  area: Area,
  filter: LocationFilter,
  page: PageRequest,
): Promise<Rows<Location>> {
  let locations = locationsOf(db, area).where(withinSites('location.site_id', area.caller));
  if (filter.class !== undefined) locations = locations.where('location.class', '=', filter.class);
  if (filter.parent_id !== undefined) locations = locations.where('location.parent_id', '=', filter.parent_id);
  const total = await locations.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const columns = locations.selectAll('location').select('site.slug as site');
  return rowsOf(await newestFirst(columns, { table: 'location', page }).execute(), total, toLocation);
}

/** One place of the area's tenant; the caller checks whether its key may see it. */
export async function findLocation(
  db: Db,
  area: Area,
  id: string,
): Promise<{ location: Location; siteId: string } | undefined> {
  const row = await locationsOf(db, area)
    .selectAll('location')
    .select('site.slug as site')
    .where('location.id', '=', id)
    .executeTakeFirst();
  return row && { location: toLocation(row), siteId: row.site_id };
}

function locationsOf(db: Db, area: Area) {
  const locations = db
    .selectFrom('location')
    .innerJoin('site', 'site.id', 'location.site_id')
    .where('location.tenant_id', '=', area.caller.tenantId);
  return area.site === null ? locations : locations.where('location.site_id', '=', area.site.id);
}

function toLocation(row: { created_at: Date; updated_at: Date }): Location {
  const { created_at, updated_at, ...rest } = row;
  return Location.parse({ ...rest, created_at: formatInstant(created_at), updated_at: formatInstant(updated_at) });
}
