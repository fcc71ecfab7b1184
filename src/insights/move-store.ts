import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { laterThanBefore } from '../platform/version-store.ts';

/**
 * Insights of merged assets that are over, at most `countMax`. Of several that would have one identity there it is the first, and
 * none where the other asset has one of that identity.
 */
export async function listEndedOfMerged(db: Db, countMax: number): Promise<string[]> {
  const { rows } = await sql<{ id: string }>`
    select distinct on (a.merged_into, i.rule_id, i.opened_at) i.id
    from asset a join insight i on i.asset_id = a.id
    where a.merged_into is not null and (i.ended_at is not null or i.rule_id is null)
      and not exists (select from insight o
        where o.rule_id = i.rule_id and o.asset_id = a.merged_into and o.opened_at = i.opened_at)
    order by a.merged_into, i.rule_id, i.opened_at, i.id
    limit ${countMax}`.execute(db);
  return rows.map(({ id }) => id);
}

/** Insights of merged assets become those of the assets that these were merged into. */
export async function moveInsights(trx: Db, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await trx
    .updateTable('insight')
    .set({ asset_id: sql`(select merged_into from asset where asset.id = insight.asset_id)` })
    .set({ updated_at: laterThanBefore(new Date()) })
    .where('id', 'in', [...ids])
    .where(sql<boolean>`exists (select from asset where asset.id = insight.asset_id and merged_into is not null)`)
    .execute();
}
