import { sql } from 'kysely';
import type { Caller } from '../access/api-key.ts';
import { withinSites } from '../access/site-store.ts';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { AssetHealth, healthWeights, levelOf } from './health.ts';

const { critical, warning, info, degraded, stalePoints } = healthWeights;

/**
 * One row for the row `asset` of the query that it is joined to: the score of health.ts and what it is made of. The insight that
 * points have stopped reporting names them in its evidence, 50 at most, and then how many more there are.
 */
export const healthOfAsset = sql<HealthRow>`(
  select counted.*, case
    when asset.status = 'retired' or asset.merged_into is not null then null
    when asset.status = 'down' then 0
    when points + critical + warning + info = 0 and asset.status = 'operational' then null
    else greatest(0, 100 - ${sql.lit(critical)} * critical - ${sql.lit(warning)} * warning - ${sql.lit(info)} * info
      - case when asset.status = 'degraded' then ${sql.lit(degraded)} else 0 end
      - coalesce(round(${sql.lit(stalePoints)}.0 * points_stale / nullif(points_expected, 0)), 0))::integer
    end as score
  from (
    select found.*, points.*, least(stale.count, points_expected) as points_stale
    from (
      select count(*) filter (where severity = 'critical')::integer as critical,
        count(*) filter (where severity = 'warning')::integer as warning,
        count(*) filter (where severity = 'info')::integer as info
      from insight where insight.asset_id = asset.id and insight.tenant_id = asset.tenant_id
        and insight.status in ('open', 'in_progress', 'snoozed') and not insight.shadow and insight.suppressed_by is null
        and insight.rule_id is distinct from 'data-missing'
    ) found, (
      select count(*)::integer as points, count(expected_interval_ms)::integer as points_expected
      from point where point.asset_id = asset.id and point.tenant_id = asset.tenant_id and point.merged_into is null
    ) points, (
      select coalesce(sum(case name when 'point …' then substring(told ->> 'value' from '[0-9]+')::integer else 1 end), 0)::integer as count
      from insight, jsonb_each(insight.evidence) as said (name, told)
      where insight.asset_id = asset.id and insight.tenant_id = asset.tenant_id and insight.rule_id = 'data-missing'
        and insight.status in ('open', 'in_progress', 'snoozed') and name like 'point %'
    ) stale
  ) counted
)`;

export type HealthRow = {
  score: number | null;
  critical: number;
  warning: number;
  info: number;
  points: number;
  points_expected: number;
  points_stale: number;
};

/** How each of some assets is doing that the caller may see, by their ids. */
export async function mapOfHealth(db: Db, caller: Caller, ids: readonly string[]): Promise<Map<string, AssetHealth>> {
  const { rows } = await sql<HealthRow & { id: string; status: string; at: Date }>`
    select asset.id, asset.status, now() as at, health.*
    from asset join lateral ${healthOfAsset} as health on true
    where asset.tenant_id = ${caller.tenantId} and asset.id = any(${[...ids]}::uuid[])
      and ${withinSites('asset.site_id', caller)}`.execute(db);
  return new Map(rows.map((row) => [row.id, toHealth(row)]));
}

function toHealth({
  id,
  status,
  at,
  score,
  ...row
}: HealthRow & { id: string; status: string; at: Date }): AssetHealth {
  const { critical, warning, info, ...points } = row;
  return AssetHealth.parse({
    asset_id: id,
    score,
    level: levelOf(score, status),
    open_insights: { critical, warning, info },
    ...points,
    at: formatInstant(at),
  });
}
