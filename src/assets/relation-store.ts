import { sql } from 'kysely';
import type { Area } from '../access/api-key.ts';
import { withinSites } from '../access/site-store.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { newestFirst, rowsOf } from '../platform/page-store.ts';
import type { PageRequest, Rows } from '../platform/paging.ts';
import { AssetRelation, type RelationFilter, type RelationKind } from './relation.ts';

/** The relations of one asset of the area's tenant, both ways, newest first. */
export async function listRelations(
  db: Db,
  area: Area,
  { id, ...filter }: RelationFilter & { readonly id: string },
  page: PageRequest,
): Promise<Rows<AssetRelation>> {
  let relations = relationsOf(db, area, id);
  if (filter.kind !== undefined) relations = relations.where('asset_relation.kind', '=', filter.kind);
  if (filter.direction === 'out') relations = relations.where('from_asset_id', '=', id);
  if (filter.direction === 'in') relations = relations.where('to_asset_id', '=', id);
  const total = await relations.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await newestFirst(relations.select(shown), { table: 'asset_relation', page }).execute();
  return rowsOf(rows, total, (row) => toRelation(row, id));
}

export type RelationKey = { readonly from: string; readonly kind: RelationKind; readonly to: string };

/** One relation, as it is seen from where it begins. */
export async function findRelation(
  db: Db,
  area: Area,
  { from, kind, to }: RelationKey,
): Promise<AssetRelation | undefined> {
  const row = await relationsOf(db, area, from)
    .select(shown)
    .where('from_asset_id', '=', from)
    .where('asset_relation.kind', '=', kind)
    .where('to_asset_id', '=', to)
    .executeTakeFirst();
  return row && toRelation(row, from);
}

/** Makes a relation that a person has said; one that is there stays as it is. */
export async function insertRelation(trx: Db, tenantId: string, { from, kind, to }: RelationKey): Promise<void> {
  await trx
    .insertInto('asset_relation')
    .values({ tenant_id: tenantId, from_asset_id: from, kind, to_asset_id: to })
    .onConflict((conflict) => conflict.columns(['from_asset_id', 'kind', 'to_asset_id']).doNothing())
    .execute();
}

export async function deleteRelation(trx: Db, tenantId: string, { from, kind, to }: RelationKey): Promise<void> {
  await trx
    .deleteFrom('asset_relation')
    .where('tenant_id', '=', tenantId)
    .where('from_asset_id', '=', from)
    .where('kind', '=', kind)
    .where('to_asset_id', '=', to)
    .execute();
}

const shown = [
  'asset_relation.id',
  'asset_relation.kind',
  'from_asset_id',
  'to_asset_id',
  'asset_relation.source',
  'asset_relation.created_at',
  'asset.id as other_id',
  'asset.name',
  'asset.uri',
  'asset.class',
  'asset.status',
] as const;

function relationsOf(db: Db, { caller }: Area, id: string) {
  return db
    .selectFrom('asset_relation')
    .innerJoin('asset', (join) =>
      join.on(sql<boolean>`asset.id = case when from_asset_id = ${id} then to_asset_id else from_asset_id end`),
    )
    .where('asset_relation.tenant_id', '=', caller.tenantId)
    .where(withinSites('asset.site_id', caller))
    .where((or) => or.or([or('from_asset_id', '=', id), or('to_asset_id', '=', id)]));
}

type Row = {
  id: string;
  kind: string;
  from_asset_id: string;
  to_asset_id: string;
  source: string | null;
  created_at: Date;
  other_id: string;
  name: string;
  uri: string;
  class: string | null;
  status: string;
};

function toRelation({ other_id, name, uri, class: brickClass, status, ...row }: Row, id: string): AssetRelation {
  const at = formatInstant(row.created_at);
  return AssetRelation.parse({
    ...row,
    direction: row.from_asset_id === id ? 'out' : 'in',
    asset: { id: other_id, name, uri, class: brickClass, status },
    created_at: at,
    updated_at: at,
  });
}
