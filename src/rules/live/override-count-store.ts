import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { repairSpanMsMax } from '../../telemetry/append-store.ts';

/** What an override is about. */
export type OverridePlace = {
  readonly tenantId: string;
  readonly rule: string;
  readonly siteId: string | null;
  readonly assetId: string | null;
};

export type OverrideCounts = {
  /** Of the tenant, those that hold or will. */
  readonly inForce: number;
  /** Of the tenant, those and what held within the span of repairs, which live evaluation looks at as well. */
  readonly recent: number;
  /**
   * Of the recent ones those that name the same rule and can concern the same equipment: those of the asset; or those of no
   * asset, whatever their tags, there.
   */
  readonly alike: number;
};

/** Counts a tenant's overrides, and holds up others that count them until the transaction ends, so that limits hold. */
export async function countOverrides(
  trx: Db,
  { tenantId, rule, siteId, assetId }: OverridePlace,
): Promise<OverrideCounts> {
  await sql`select from tenant where id = ${tenantId} for no key update`.execute(trx);
  const { rows } = await sql<{ in_force: number; recent: number; alike: number }>`
    select count(*) filter (where coalesce(until_at, 'infinity') > clock_timestamp())::int as in_force,
      count(*)::int as recent,
      count(*) filter (where rule_id = ${rule} and asset_id is not distinct from ${assetId}::uuid
        and (site_id is null or site_id = ${siteId}::uuid))::int as alike
    from rule_override where tenant_id = ${tenantId}
      and coalesce(until_at, 'infinity') > clock_timestamp() - make_interval(secs => ${repairSpanMsMax / 1_000})`.execute(
    trx,
  );
  const [row] = rows;
  return { inForce: row?.in_force ?? 0, recent: row?.recent ?? 0, alike: row?.alike ?? 0 };
}
