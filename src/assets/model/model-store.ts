/** The rows of building models. Each statement writes many rows at once, and changes none that is as it should be. */
import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';

type Known = {
  readonly id: string;
  readonly name: string;
  readonly source: string | null;
  readonly externalId: string | null;
};
export type KnownAsset = Known & { readonly tags: readonly string[]; readonly otherNames: readonly string[] };
export type KnownPoint = Known & { readonly assetId: string; readonly assetName: string };

export type LocationRow = {
  id: string;
  parent_id: string | null;
  name: string;
  class: string | null;
  external_id: string;
};
export type AssetRow = {
  id: string;
  name: string;
  uri: string;
  class: string | null;
  parent_id: string | null;
  location_id: string | null;
  location_uri: string;
  tags: readonly string[];
  external_id: string;
};
export type PointRow = {
  id: string;
  asset_id: string;
  name: string;
  class: string | null;
  part_of: string | null;
  unit: string | null;
  states: Readonly<Record<string, number>> | null;
  external_id: string;
};
export type RelationRow = { from_asset_id: string; kind: string; to_asset_id: string };

/** One asset feeds another. */
export type Feed = { readonly from: string; readonly to: string };

/** What an import writes at: a site of a tenant, and the name of the source whose rows it may change. */
export type Target = {
  readonly tenantId: string;
  readonly siteId: string;
  readonly source: string;
  readonly shard: number;
};

const rowsPerStatement = 10_000;

export async function listKnownLocations(trx: Db, { tenantId, siteId, source }: Target): Promise<Known[]> {
  const rows = await trx
    .selectFrom('location')
    .select(['id', 'name', 'source', 'external_id as externalId'])
    .where('tenant_id', '=', tenantId)
    .where('site_id', '=', siteId)
    .where('source', '=', source)
    .execute();
  return rows;
}

/** The assets of a site, each with the names of what was merged into it; those names are nobody else's. */
export async function listKnownAssets(trx: Db, { tenantId, siteId }: Target): Promise<KnownAsset[]> {
  return trx
    .selectFrom('asset')
    .select(['id', 'name', 'source', 'external_id as externalId', 'tags'])
    .select(
      sql<
        string[]
      >`array(select other.name from asset other where other.merged_into = asset.id order by other.name)`.as(
        'otherNames',
      ),
    )
    .where('tenant_id', '=', tenantId)
    .where('site_id', '=', siteId)
    .where('merged_into', 'is', null)
    .orderBy('id')
    .execute();
}

export async function listKnownPoints(trx: Db, { tenantId, siteId }: Target): Promise<KnownPoint[]> {
  return trx
    .selectFrom('point')
    .innerJoin('asset', 'asset.id', 'point.asset_id')
    .select(['point.id', 'point.name', 'point.source', 'point.external_id as externalId'])
    .select(['point.asset_id as assetId', 'asset.name as assetName'])
    .where('point.tenant_id', '=', tenantId)
    .where('asset.site_id', '=', siteId)
    .orderBy('point.id')
    .execute();
}

/** The uris that assets of the tenant have already, of some and of all that begin in one way. */
export async function listTakenUris(
  trx: Db,
  { tenantId, uris, beginning }: { tenantId: string; uris: readonly string[]; beginning: string },
): Promise<string[]> {
  const { rows } = await sql<{ uri: string }>`
    select uri from asset
    where tenant_id = ${tenantId} and (uri = any(${uris}::text[]) or starts_with(uri, ${beginning}))`.execute(trx);
  return rows.map(({ uri }) => uri);
}

/** Makes the places that are new. Places above them are named by `updateLocations`, since they may be new as well. */
export async function insertLocations(trx: Db, target: Target, rows: readonly LocationRow[]): Promise<void> {
  for (const piece of pieces(rows)) {
    await sql`
      insert into location (id, tenant_id, site_id, name, class, source, external_id)
      select id, ${target.tenantId}, ${target.siteId}, name, class, ${target.source}, external_id
      from jsonb_to_recordset(${piece}::jsonb) as given (id uuid, name text, class text, external_id text)`.execute(
      trx,
    );
  }
}

/** Sets what is different; gives the ids of those places. */
export async function updateLocations(trx: Db, target: Target, rows: readonly LocationRow[]): Promise<string[]> {
  return changed(rows, (piece) =>
    sql<{ id: string }>`
      update location l set name = given.name, class = given.class, parent_id = given.parent_id,
        updated_at = greatest(now(), l.updated_at + interval '1 millisecond')
      from jsonb_to_recordset(${piece}::jsonb) as given (id uuid, name text, class text, parent_id uuid)
      where l.id = given.id and l.tenant_id = ${target.tenantId}
        and (l.name, l.class, l.parent_id) is distinct from (given.name, given.class, given.parent_id)
      returning l.id`.execute(trx),
  );
}

/** What lies in places shows their names. */
export async function touchAssetsAt(trx: Db, { tenantId }: Target, locationIds: readonly string[]): Promise<void> {
  if (locationIds.length === 0) return;
  await sql`update asset set updated_at = greatest(now(), updated_at + interval '1 millisecond')
    where tenant_id = ${tenantId} and location_id = any(${[...locationIds]}::uuid[])`.execute(trx);
}

/** Makes the assets that are new, without what may be new as well. */
export async function insertAssets(trx: Db, target: Target, rows: readonly AssetRow[]): Promise<void> {
  for (const piece of pieces(rows)) {
    await sql`
      insert into asset (id, tenant_id, site_id, shard, name, uri, class, location_id, location_uri, tags, source, external_id)
      select id, ${target.tenantId}, ${target.siteId}, ${target.shard}, name, uri, class, location_id, location_uri, tags,
        ${target.source}, external_id
      from jsonb_to_recordset(${piece}::jsonb) as given
        (id uuid, name text, uri text, class text, location_id uuid, location_uri text, tags text[], external_id text)`.execute(
      trx,
    );
  }
}

/**
 * Sets what is different of assets that the model describes. What it says nothing of stays as it was where that is not its own: where
 * the asset was no part of it before, or people have said it since.
 */
export async function updateAssets(trx: Db, target: Target, rows: readonly AssetRow[]): Promise<string[]> {
  return changed(rows, (piece) =>
    sql<{ id: string }>`
      update asset a set class = now.class, parent_id = now.parent_id, location_id = now.location_id,
        location_uri = now.location_uri, tags = now.tags, source = ${target.source}, external_id = now.external_id,
        said_by_people = now.said_by_people, state = 'modelled', updated_at = greatest(now(), a.updated_at + interval '1 millisecond')
      from (
        select given.id, given.tags, given.external_id, coalesce(given.class, b.class) as class,
          case when keeps.parent then b.parent_id else given.parent_id end as parent_id,
          case when keeps.location then b.location_id else given.location_id end as location_id,
          case when keeps.uri then b.location_uri else given.location_uri end as location_uri,
          array_remove(array[
            case when keeps.class and b.class is not null then 'class' end,
            case when keeps.parent and b.parent_id is not null then 'parent_id' end,
            case when keeps.location and b.location_id is not null then 'location_id' end,
            case when keeps.uri and b.location_uri <> '' then 'location_uri' end], null) as said_by_people
        from jsonb_to_recordset(${piece}::jsonb) as given
          (id uuid, class text, parent_id uuid, location_id uuid, location_uri text, tags text[], external_id text)
        join asset b on b.id = given.id and b.tenant_id = ${target.tenantId},
        lateral (select b.source is distinct from ${target.source}::text as is_new) adopted,
        lateral (select
          given.class is null and (is_new or 'class' = any(b.said_by_people)) as class,
          given.parent_id is null and (is_new or 'parent_id' = any(b.said_by_people)) as parent,
          given.location_id is null and (is_new or 'location_id' = any(b.said_by_people)) as location,
          given.location_id is null and given.location_uri = '' and (is_new or 'location_uri' = any(b.said_by_people)) as uri) keeps
      ) now
      where a.id = now.id and a.tenant_id = ${target.tenantId}
        and (a.class, a.parent_id, a.location_id, a.location_uri, a.tags, a.source, a.external_id, a.said_by_people, a.state)
          is distinct from (now.class, now.parent_id, now.location_id, now.location_uri, now.tags, ${target.source}::text,
            now.external_id, now.said_by_people, 'modelled')
      returning a.id`.execute(trx),
  );
}

/** Makes the points that are new; one that a device has just made known under the same name waits for the next import. */
export async function insertPoints(trx: Db, target: Target, rows: readonly PointRow[]): Promise<void> {
  for (const piece of pieces(rows)) {
    await sql`
      insert into point (id, tenant_id, asset_id, name, class, part_of, unit, states, source, external_id)
      select id, ${target.tenantId}, asset_id, name, class, part_of, unit, states, ${target.source}, external_id
      from jsonb_to_recordset(${piece}::jsonb) as given
        (id uuid, asset_id uuid, name text, class text, part_of text, unit text, states jsonb, external_id text)
      on conflict (asset_id, name) do nothing`.execute(trx);
  }
}

/** Sets what is different of points; a class, a unit or states that the model does not tell stay as they were. */
export async function updatePoints(trx: Db, target: Target, rows: readonly PointRow[]): Promise<string[]> {
  return changed(rows, (piece) =>
    sql<{ id: string }>`
      update point p set asset_id = given.asset_id, name = given.name, class = coalesce(given.class, p.class),
        part_of = case when given.class is null then p.part_of else given.part_of end,
        unit = coalesce(given.unit, p.unit), states = coalesce(given.states, p.states),
        source = ${target.source}, external_id = given.external_id, state = 'modelled', updated_at = now()
      from jsonb_to_recordset(${piece}::jsonb) as given
        (id uuid, asset_id uuid, name text, class text, part_of text, unit text, states jsonb, external_id text)
      where p.id = given.id and p.tenant_id = ${target.tenantId}
        and (p.asset_id, p.name, p.class, p.part_of, p.unit, p.states, p.source, p.external_id, p.state) is distinct from
          (given.asset_id, given.name, coalesce(given.class, p.class),
            case when given.class is null then p.part_of else given.part_of end, coalesce(given.unit, p.unit),
            coalesce(given.states, p.states), ${target.source}::text, given.external_id, 'modelled')
      returning p.id`.execute(trx),
  );
}

/**
 * Makes the relations that are missing, and takes back those that an earlier import of this source made between assets
 * that the model still has.
 */
export async function writeRelations(
  trx: Db,
  target: Target,
  { rows, assetIds }: { rows: readonly RelationRow[]; assetIds: readonly string[] },
): Promise<{ created: number; removed: number }> {
  const given = JSON.stringify(rows);
  const removed = await sql`
    with wanted as materialized (
      select * from jsonb_to_recordset(${given}::jsonb) as given (from_asset_id uuid, kind text, to_asset_id uuid))
    delete from asset_relation r
    where r.tenant_id = ${target.tenantId} and r.source = ${target.source}
      and r.from_asset_id = any(${assetIds}::uuid[]) and r.to_asset_id = any(${assetIds}::uuid[])
      and not exists (
        select from wanted
        where wanted.from_asset_id = r.from_asset_id and wanted.kind = r.kind and wanted.to_asset_id = r.to_asset_id)`.execute(
    trx,
  );
  const created = await sql`
    insert into asset_relation (tenant_id, from_asset_id, kind, to_asset_id, source)
    select ${target.tenantId}, from_asset_id, kind, to_asset_id, ${target.source}
    from jsonb_to_recordset(${given}::jsonb) as given (from_asset_id uuid, kind text, to_asset_id uuid)
    on conflict do nothing`.execute(trx);
  return { created: Number(created.numAffectedRows ?? 0), removed: Number(removed.numAffectedRows ?? 0) };
}

/** Every asset of a site that feeds another, with that one. */
export async function listFeeds(trx: Db, { tenantId, siteId }: Pick<Target, 'tenantId' | 'siteId'>): Promise<Feed[]> {
  const { rows } = await sql<Feed>`
    select r.from_asset_id as "from", r.to_asset_id as "to" from asset_relation r join asset on asset.id = r.from_asset_id
    where r.tenant_id = ${tenantId} and r.kind = 'feeds' and asset.site_id = ${siteId}
    order by r.from_asset_id, r.to_asset_id`.execute(trx);
  return rows;
}

/** Retires assets that a model no longer has: they keep their history, and their points no longer serve rules. Gives how each was. */
export async function retireAssets(
  trx: Db,
  target: Target,
  ids: readonly string[],
): Promise<{ id: string; status: string; at: Date }[]> {
  const { rows } = await sql<{ id: string; status: string; at: Date }>`
    update asset a set status = 'retired', updated_at = greatest(now(), a.updated_at + interval '1 millisecond')
    from (select id, status from asset where tenant_id = ${target.tenantId} and id = any(${ids}::uuid[]) for update) before
    where a.id = before.id and a.tenant_id = ${target.tenantId} and before.status <> 'retired'
    returning a.id, before.status, a.updated_at as at`.execute(trx);
  return rows;
}

/** Does work in a transaction that is taken back: what it would have done, and nothing of it. */
export async function rollBack<T>(db: Db, work: (trx: Db) => Promise<T>): Promise<T> {
  const trx = await db.startTransaction().execute();
  try {
    return await work(trx);
  } finally {
    await trx.rollback().execute();
  }
}

function* pieces(rows: readonly object[]): Generator<string> {
  for (let at = 0; at < rows.length; at += rowsPerStatement)
    yield JSON.stringify(rows.slice(at, at + rowsPerStatement));
}

async function changed(
  rows: readonly object[],
  update: (piece: string) => Promise<{ rows: { id: string }[] }>,
): Promise<string[]> {
  const ids: string[] = [];
  for (const piece of pieces(rows)) ids.push(...(await update(piece)).rows.map(({ id }) => id));
  return ids;
}
