import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import type { Changed } from './downtime.ts';

/** The last change of an asset's status up to an instant and those since, at most `countMax`, oldest first. */
export async function listStatusChanges(
  db: Db,
  { tenantId, assetId, start, countMax }: { tenantId: string; assetId: string; start: Date; countMax: number },
): Promise<Changed[]> {
  const { rows } = await sql<Changed>`
    select from_status as "from", to_status as "to", reason, at from (
      (select * from asset_status_change where tenant_id = ${tenantId} and asset_id = ${assetId} and at <= ${start}
       order by at desc, id desc limit 1)
      union all
      (select * from asset_status_change where tenant_id = ${tenantId} and asset_id = ${assetId} and at > ${start}
       order by at, id limit ${countMax})
    ) change order by at, id`.execute(db);
  return rows;
}
