import { sql } from 'kysely';
import { type PointRef, refColumns, refJoins } from '../../assets/point-store.ts';
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
    from point p ${refJoins} join site s on s.id = a.site_id
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
    from point p ${refJoins} join site s on s.id = a.site_id
    where p.tenant_id = ${tenantId} and p.external_id = any(${own}::text[])
    union all
    select given.uri || ' ' || given.point as key, ${placedColumns}
    from unnest(${ofAssets.map(({ uri }) => uri)}::text[], ${ofAssets.map(({ point }) => point)}::text[]) as given (uri, point)
    join asset named on named.tenant_id = ${tenantId} and named.uri = given.uri
    left join point own on own.asset_id = named.id and own.name = given.point
    left join point other on own.id is null and other.asset_id = named.merged_into and other.name = given.point
    join point p on p.id = coalesce(own.id, other.id)
    ${refJoins} join site s on s.id = a.site_id`.execute(db);
  const found = new Map<string, PlacedPoint | 'several'>();
  for (const row of rows) found.set(row.key, found.has(row.key) ? 'several' : placed(row));
  return found;
}

/** How `findPointsByUri` names what was asked for. */
export function uriKey({ uri, point }: PointUri): string {
  return point === null ? uri : `${uri} ${point}`;
}

const placedColumns = sql`${refColumns}, a.site_id as "siteId", s.time_zone as "timeZone"`;

type FoundPoint = PointRef & { key: string; siteId: string; timeZone: string };

function placed({ key: _, siteId, timeZone, ...ref }: FoundPoint): PlacedPoint {
  return { ref, siteId, timeZone };
}
