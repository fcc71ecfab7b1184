import { sql } from 'kysely';
import type { Area } from '../access/api-key.ts';
import { withinSites } from '../access/site-store.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { narrowed, readPage } from '../platform/page-store.ts';
import type { ListRequest, Rows } from '../platform/paging.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import { canonicalClass } from './brick-classes.ts';
import { Location, type LocationFilter } from './location.ts';
import { uriOfLocation } from './location-uri.ts';

/** Places in the area. */
export async function listLocations(
  db: Db,
  area: Area,
  filter: LocationFilter,
  page: ListRequest,
): Promise<Rows<Location>> {
  let locations = locationsOf(db, area).where(withinSites('location.site_id', area.caller));
  if (filter.site !== undefined) locations = locations.where('site.slug', '=', filter.site);
  if (filter.class !== undefined) {
    locations = locations.where('location.class', 'in', [filter.class, canonicalClass(filter.class)]);
  }
  if (filter.parent_id !== undefined) locations = locations.where('location.parent_id', '=', filter.parent_id);
  if (filter.source !== undefined) locations = locations.where('location.source', '=', filter.source);
  if (filter.external_id !== undefined) locations = locations.where('location.external_id', '=', filter.external_id);
  const found = narrowed(locations, page);
  const shown = found.selectAll('location').select('site.slug as site');
  return readPage({ found, shown }, page, toLocation);
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

/** Places that a caller may see, by their ids. */
export async function mapLocationsById(db: Db, area: Area, ids: readonly string[]): Promise<Map<string, Location>> {
  const rows = await locationsOf(db, area)
    .selectAll('location')
    .select('site.slug as site')
    .where('location.id', 'in', [...ids])
    .where(withinSites('location.site_id', area.caller))
    .execute();
  return new Map(rows.map((row) => [row.id, toLocation(row)]));
}

/** All places of a site. */
export async function listLocationsAtSite(
  trx: Db,
  { tenantId, siteId }: { tenantId: string; siteId: string },
): Promise<Location[]> {
  const rows = await trx
    .selectFrom('location')
    .innerJoin('site', 'site.id', 'location.site_id')
    .selectAll('location')
    .select('site.slug as site')
    .where('location.tenant_id', '=', tenantId)
    .where('location.site_id', '=', siteId)
    .orderBy('location.id')
    .execute();
  return rows.map(toLocation);
}

/** One place, held until the transaction ends. */
export async function lockLocation(
  trx: Db,
  area: Area,
  id: string,
): Promise<{ location: Location; siteId: string; updatedAt: Date } | undefined> {
  const row = await locationsOf(trx, area)
    .selectAll('location')
    .select('site.slug as site')
    .where('location.id', '=', id)
    .forUpdate('location')
    .executeTakeFirst();
  return row && { location: toLocation(row), siteId: row.site_id, updatedAt: row.updated_at };
}

/** What is written of a place. */
export type LocationValues = {
  readonly name?: string | undefined;
  readonly class?: string | null | undefined;
  readonly parent_id?: string | null | undefined;
  readonly uri?: string | null | undefined;
  readonly external_id?: string | null | undefined;
  readonly metadata?: Record<string, unknown> | undefined;
};

type Place = { readonly id: string; readonly tenantId: string; readonly at: Date };

/** Makes a place that no building model knows of. */
export async function insertLocation(
  trx: Db,
  { id, tenantId, siteId, at }: Place & { readonly siteId: string },
  { name = '', metadata, ...plain }: LocationValues,
): Promise<void> {
  await trx
    .insertInto('location')
    .values({
      id,
      tenant_id: tenantId,
      site_id: siteId,
      name,
      class: plain.class ?? null,
      parent_id: plain.parent_id ?? null,
      uri: plain.uri ?? null,
      external_id: plain.external_id ?? null,
      metadata: JSON.stringify(metadata ?? {}),
      created_at: at,
      updated_at: at,
    })
    .execute();
}

/** Sets what is given of a place. */
export async function updateLocation(
  trx: Db,
  { id, tenantId, at }: Place,
  { metadata, ...plain }: LocationValues,
): Promise<void> {
  const given = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined));
  await trx
    .updateTable('location')
    .set({
      ...given,
      ...(metadata !== undefined && { metadata: JSON.stringify(metadata) }),
      updated_at: laterThanBefore(at),
    })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

/**
 * Equipment shows the name of the place that it lies in, and is where that is: what stood there as its location_uri is so no more.
 * Returns the ids of that which has another location_uri now.
 */
export async function followLocation(
  trx: Db,
  { tenantId, id, from, to, at }: { tenantId: string; id: string; from: string; to: string; at: Date },
): Promise<string[]> {
  const there = trx
    .updateTable('asset')
    .set({ updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('location_id', '=', id);
  await there.where('location_uri', '<>', from).execute();
  const moved = await there.where('location_uri', '=', from).set({ location_uri: to }).returning('id').execute();
  return from === to ? [] : moved.map((row) => row.id);
}

/** The ids of the places that a place is part of, by way of others too, and its own. The caller holds the site. */
export async function listLocationsAbove(trx: Db, tenantId: string, id: string): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    with recursive above (id, parent_id) as (
      select id, parent_id from location where tenant_id = ${tenantId} and id = ${id}
      union
      select location.id, location.parent_id from location join above on location.id = above.parent_id
      where location.tenant_id = ${tenantId}
    )
    select id from above`.execute(trx);
  return rows.map((row) => row.id);
}

/** How many places and pieces of equipment a place holds. */
export async function countInLocation(trx: Db, { tenantId, id }: { tenantId: string; id: string }) {
  const { rows } = await sql<{ places: number; assets: number }>`
    select (select count(*)::integer from location where tenant_id = ${tenantId} and parent_id = ${id}) as places,
      (select count(*)::integer from asset where tenant_id = ${tenantId} and location_id = ${id}) as assets`.execute(
    trx,
  );
  return rows[0] ?? { places: 0, assets: 0 };
}

export async function deleteLocation(trx: Db, { tenantId, id }: { tenantId: string; id: string }): Promise<void> {
  await trx.deleteFrom('location').where('tenant_id', '=', tenantId).where('id', '=', id).execute();
}

function locationsOf(db: Db, area: Area) {
  const locations = db
    .selectFrom('location')
    .innerJoin('site', 'site.id', 'location.site_id')
    .where('location.tenant_id', '=', area.caller.tenantId);
  return area.site === null ? locations : locations.where('location.site_id', '=', area.site.id);
}

type Row = {
  id: string;
  site: string;
  uri: string | null;
  external_id: string | null;
  source: string | null;
  created_at: Date;
  updated_at: Date;
};

function toLocation(row: Row): Location {
  return Location.parse({
    ...row,
    uri: uriOfLocation(row),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
