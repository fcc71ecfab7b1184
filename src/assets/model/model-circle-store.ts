/** What a model and people say together must lead one way, as each does by itself: parts of parts, and what feeds what. */
import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import type { RelationRow, Target } from './model-store.ts';

/** Takes assets out of what people have put them in, where the model has made that a part of them; gives their names. */
export async function breakCirclesOfParts(trx: Db, { tenantId, siteId }: Target): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    update asset a set parent_id = null, said_by_people = array_remove(said_by_people, 'parent_id'),
      updated_at = greatest(now(), a.updated_at + interval '1 millisecond')
    where a.tenant_id = ${tenantId} and a.site_id = ${siteId} and 'parent_id' = any(a.said_by_people) and a.id in (
      with recursive above (id) as (
        select a.parent_id
        union select asset.parent_id from asset join above on asset.id = above.id where asset.tenant_id = ${tenantId})
      select id from above)
    returning a.name`.execute(trx);
  return rows.map(({ name }) => name);
}

/** Each asset of the site that people have put into another is a part of that for rules, too, and of no other. */
export async function keepPartsOfPeople(trx: Db, { tenantId, siteId }: Target): Promise<void> {
  await sql`delete from asset_relation r using asset a
    where r.tenant_id = ${tenantId} and a.tenant_id = ${tenantId} and a.site_id = ${siteId} and r.from_asset_id = a.id
      and r.kind = 'isPartOf' and r.source is null and r.to_asset_id is distinct from a.parent_id`.execute(trx);
}

/** Takes back what a model says of feeds where, with what others have said, something would feed itself; gives those relations by name. */
export async function breakCirclesOfFeeds(
  trx: Db,
  { tenantId, source }: Target,
  rows: readonly RelationRow[],
): Promise<string[]> {
  const given = JSON.stringify(rows.filter(({ kind }) => kind === 'feeds'));
  const { rows: taken } = await sql<{ told: string }>`
    delete from asset_relation r
    using jsonb_to_recordset(${given}::jsonb) as wanted (from_asset_id uuid, to_asset_id uuid), asset f, asset t
    where r.tenant_id = ${tenantId} and r.source = ${source} and r.kind = 'feeds'
      and r.from_asset_id = wanted.from_asset_id and r.to_asset_id = wanted.to_asset_id
      and f.id = r.from_asset_id and t.id = r.to_asset_id
      and exists (select from asset_relation o join asset at on at.id = o.from_asset_id
        where o.tenant_id = ${tenantId} and o.kind = 'feeds' and o.source is distinct from ${source}::text and at.site_id = f.site_id)
      and r.from_asset_id in (
        with recursive fed (id) as (
          select r.to_asset_id
          union select o.to_asset_id from asset_relation o join fed on o.from_asset_id = fed.id
            where o.tenant_id = ${tenantId} and o.kind = 'feeds')
        select id from fed)
    returning f.name || ' feeds ' || t.name as told`.execute(trx);
  return taken.map(({ told }) => told);
}
