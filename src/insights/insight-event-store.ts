import { type Selectable, sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import type { Insight } from '../platform/schema.ts';
import type { InsightKey } from './insight-key.ts';

/** The row of an insight, with the URI of its equipment where that is ours. */
export type InsightRow = Selectable<Insight> & { readonly asset_uri: string | null };

/** Insights by their ids, by what identifies those of rules, and those of assets that stood at an instant or came later. */
export type WhichInsights = {
  readonly ids?: readonly string[];
  readonly keys?: readonly InsightKey[];
  readonly since?: { readonly assetIds: readonly string[]; readonly at: Date };
};

/**
 * The rows of insights as they are now, held until the transaction ends: whoever compares two states of them must know that
 * nobody else changed them in between. Ordered by id, so that of two who hold many neither waits for ever.
 */
export async function lockInsights(trx: Db, { ids = [], keys = [], since }: WhichInsights): Promise<InsightRow[]> {
  if (ids.length === 0 && keys.length === 0 && since === undefined) return [];
  const given = sql`unnest(${keys.map(({ ruleId }) => ruleId)}::text[], ${keys.map(({ assetId }) => assetId)}::uuid[],
    ${keys.map(({ openedAt }) => openedAt)}::timestamptz[])`;
  const { rows } = await sql<InsightRow>`
    select insight.*, (select uri from asset where asset.id = insight.asset_id) as asset_uri from insight where insight.id in (
      select unnest(${[...ids]}::uuid[])
      union
      select i.id from ${given} as given (rule_id, asset_id, opened_at)
      join insight i on i.rule_id = given.rule_id and i.asset_id = given.asset_id and i.opened_at = given.opened_at
      union
      select i.id from insight i
      where i.asset_id = any(${[...(since?.assetIds ?? [])]}::uuid[])
        and i.rule_id is not null
        and (i.ended_at is null or i.ended_at > ${since?.at ?? null} or i.opened_at > ${since?.at ?? null})
    )
    order by insight.id for no key update`.execute(trx);
  return rows;
}
