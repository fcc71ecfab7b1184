import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';

/** An open insight as screens on the floor show it, and where it belongs. */
export type FloorInsight = {
  readonly tenantId: string;
  /** Its slug. */
  readonly site: string;
  /** The name of the asset, within its site. */
  readonly asset: string;
  readonly id: string;
  readonly ruleId: string | null;
  readonly title: string;
  readonly severity: 'critical' | 'warning' | 'info';
  readonly status: string;
  readonly openedAt: Date;
  readonly message: string;
  readonly workOrder: { readonly id: string; readonly number: number; readonly status: string } | null;
};

/** An asset by the names that it has in topics. */
export type FloorAsset = Pick<FloorInsight, 'tenantId' | 'site' | 'asset'>;

/** As the index insight_open has it: word for word, or it is not used. */
const isOpen = sql<boolean>`insight.status in ('open', 'in_progress', 'snoozed')`;
/** A rule on trial tells nobody of what it finds. */
const isShown = sql<boolean>`not insight.shadow and insight.withdrawn_at is null`;

/** All insights that stand open now, those of one asset together and the gravest first; at most `countMax`. */
export async function listFloorInsights(db: Db, countMax: number): Promise<FloorInsight[]> {
  const { rows } = await sql<FloorInsight>`
    select insight.tenant_id as "tenantId", site.slug as site, asset.name as asset, insight.id, insight.rule_id as "ruleId",
      insight.title, insight.severity, insight.status, insight.opened_at as "openedAt", insight.message,
      (select jsonb_build_object('id', w.id, 'number', w.number, 'status', w.status) from work_order w
        where w.insight_id = insight.id and w.deleted_at is null order by w.created_at desc, w.id desc limit 1) as "workOrder"
    from insight join site on site.id = insight.site_id join asset on asset.id = insight.asset_id
    where ${isOpen} and ${isShown}
    order by insight.site_id, insight.asset_id, array_position(array['critical', 'warning', 'info'], insight.severity),
      insight.opened_at desc, insight.id
    limit ${countMax}`.execute(db);
  return rows;
}

/** The assets of which an insight has ended last, at most `countMax`: under their topics something may still be retained. */
export async function listFormerAssets(db: Db, countMax: number): Promise<FloorAsset[]> {
  const { rows } = await sql<FloorAsset>`
    select insight.tenant_id as "tenantId", site.slug as site, asset.name as asset
    from insight join site on site.id = insight.site_id join asset on asset.id = insight.asset_id
    where not (${isOpen} and ${isShown})
    group by insight.tenant_id, site.slug, asset.name
    order by max(insight.updated_at) desc
    limit ${countMax}`.execute(db);
  return rows;
}
