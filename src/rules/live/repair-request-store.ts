/** A repair that somebody asks for: the word that a late reading leaves, of any age, by which shards find what to evaluate again. */
import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { instant } from '../../platform/instant-store.ts';

type Asked = { readonly tenantId: string; readonly siteId: string; readonly assetId: string | null };

/** How many assets a repair of a site, or of one of them, is about. */
export async function countRepaired(db: Db, asked: Asked): Promise<number> {
  const { rows } = await sql<{ n: number }>`select count(*)::integer as n from asset where ${isAsked(asked)}`.execute(
    db,
  );
  return rows[0]?.n ?? 0;
}

/** The series of these assets' points, and of all that they are linked to, with which they are evaluated. */
export async function listRepairedSeries(db: Db, asked: Asked): Promise<number[]> {
  const { rows } = await sql<{ id: number }>`
    with recursive linked as (
      select id from asset where ${isAsked(asked)}
      union
      select other.id from linked, lateral (
        select to_asset_id as id from asset_relation where from_asset_id = linked.id and kind in ('feeds', 'isPartOf')
        union all
        select from_asset_id from asset_relation where to_asset_id = linked.id and kind in ('feeds', 'isPartOf')
      ) other
    )
    select series_id as id from point join linked on linked.id = point.asset_id where point.merged_into is null`.execute(
    db,
  );
  return rows.map(({ id }) => id);
}

/** Leaves word that these assets are to be evaluated again from an instant on. */
export async function requestRepair(trx: Db, { fromMs, ...asked }: Asked & { readonly fromMs: number }): Promise<void> {
  await sql`
    insert into ingest_batch (asset_ids, least_times, shards)
    select array_agg(id), array_agg(${instant(fromMs)}), array_agg(shard) from asset where ${isAsked(asked)}
    having count(*) > 0`.execute(trx);
}

function isAsked({ tenantId, siteId, assetId }: Asked) {
  return sql`tenant_id = ${tenantId} and site_id = ${siteId} and status <> 'retired'
    and (${assetId}::uuid is null or id = ${assetId}::uuid)`;
}
