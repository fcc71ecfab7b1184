import { sql } from 'kysely';
import type { PointRef } from '../../assets/point-store.ts';
import type { Db } from '../../platform/database.ts';

/** A point with the site whose key and time zone count. */
export type PlacedPoint = { readonly ref: PointRef; readonly siteId: string; readonly timeZone: string };

/** Those of a tenant's points that have one of these ids, by id. */
export async function findPointsById(
  db: Db,
  { tenantId, ids }: { tenantId: string; ids: readonly string[] },
): Promise<ReadonlyMap<string, PlacedPoint>> {
  const { rows } = await sql<FoundPoint>`
    select p.id::text as key, ${placedColumns}
    from point p join asset a on a.id = p.asset_id join site s on s.id = a.site_id
    where p.tenant_id = ${tenantId} and p.id = any(${ids}::uuid[])`.execute(db);
  return new Map(rows.map((row) => [row.key, placed(row)]));
}

/** A point's own URI, as its model gives it, or its asset's URI and its name. */
export type PointUri = { readonly uri: string; readonly point: string | null };

/** The points of a tenant that these URIs mean, by `uriKey`; `several` where one means more than one point. */
export async function findPointsByUri(
  db: Db,
  { tenantId, uris }: { tenantId: string; uris: readonly PointUri[] },
): Promise<ReadonlyMap<string, PlacedPoint | 'several'>> {
  const own = uris.filter(({ point }) => point === null).map(({ uri }) => uri);
  const ofAssets = uris.filter(({ point }) => point !== null);
  const { rows } = await sql<FoundPoint>`
    select p.external_id as key, ${placedColumns}
    from point p join asset a on a.id = p.asset_id join site s on s.id = a.site_id
    where p.tenant_id = ${tenantId} and p.external_id = any(${own}::text[])
    union all
    select given.uri || ' ' || given.point as key, ${placedColumns}
    from unnest(${ofAssets.map(({ uri }) => uri)}::text[], ${ofAssets.map(({ point }) => point)}::text[]) as given (uri, point)
    join asset a on a.tenant_id = ${tenantId} and a.uri = given.uri
    join point p on p.asset_id = a.id and p.name = given.point
    join site s on s.id = a.site_id`.execute(db);
  const found = new Map<string, PlacedPoint | 'several'>();
  for (const row of rows) found.set(row.key, found.has(row.key) ? 'several' : placed(row));
  return found;
}

/** How `findPointsByUri` names what was asked for. */
export function uriKey({ uri, point }: PointUri): string {
  return point === null ? uri : `${uri} ${point}`;
}

const placedColumns = sql.raw(`
  p.id as "pointId", p.series_id as "seriesId", a.id as "assetId", a.shard, p.states,
  a.site_id as "siteId", s.time_zone as "timeZone"`);

type FoundPoint = PointRef & { key: string; siteId: string; timeZone: string };

function placed({ key: _, siteId, timeZone, ...ref }: FoundPoint): PlacedPoint {
  return { ref, siteId, timeZone };
}
