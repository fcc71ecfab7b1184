/** What retention reads of points and their policies, and the horizons that it leaves behind. */
import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { instant } from '../../platform/instant-store.ts';
import { everySeries } from './horizon.ts';
import { type KeptTable, kept, type Policy } from './retention.ts';
import type { Group } from './retention-plan.ts';

/** All points that readings are stored under, by tenant, site and class. */
export async function listGroups(db: Db): Promise<Group[]> {
  const { rows } = await sql<Group>`
    select p.tenant_id as "tenantId", s.id as "siteId", s.slug as site, p.class, array_agg(p.series_id) as "seriesIds"
    from point p join asset a on a.id = p.asset_id join site s on s.id = a.site_id
    group by p.tenant_id, s.id, s.slug, p.class
    order by s.slug, p.class nulls first`.execute(db);
  return rows;
}

/** The policies of one tenant, or of all. */
export async function listKeepPolicies(db: Db, tenantId?: string): Promise<Policy[]> {
  let policies = db.selectFrom('retention_policy').selectAll();
  if (tenantId !== undefined) policies = policies.where('tenant_id', '=', tenantId);
  return (await policies.execute()).map((row) => ({
    tenantId: row.tenant_id,
    siteId: row.site_id,
    class: row.class,
    keep: keepOfRow(row),
  }));
}

/** What a policy's row says, in days; 0 stands for ever in it. */
export function keepOfRow(row: Partial<Record<(typeof columns)[KeptTable], number | null>>): Policy['keep'] {
  const said = kept.flatMap((table) => {
    const days = row[columns[table]];
    return days == null ? [] : [[table, days === 0 ? Number.POSITIVE_INFINITY : days] as const];
  });
  return Object.fromEntries(said);
}

export const columns = {
  reading: 'raw_days',
  rollup_1m: 'rollup_1m_days',
  rollup_15m: 'rollup_15m_days',
  rollup_1h: 'rollup_1h_days',
} as const satisfies Record<KeptTable, string>;

/** Records, in the transaction that drops them, that the rows of a table before an instant are gone. */
export async function raiseHorizons(
  trx: Db,
  { table, seriesIds, beforeMs }: { table: KeptTable; seriesIds: readonly number[]; beforeMs: number },
): Promise<void> {
  await sql`
    insert into retention_horizon (time_table, series_id, before)
    select ${table}, series_id, ${instant(beforeMs)} from unnest(${[...seriesIds]}::integer[]) as series_id
    on conflict (time_table, series_id) do update set before = greatest(retention_horizon.before, excluded.before)`.execute(
    trx,
  );
  if (!seriesIds.includes(everySeries)) return;
  // What everybody has lost needs no row of its own.
  await sql`
    delete from retention_horizon where time_table = ${table} and series_id <> ${everySeries}
      and before <= ${instant(beforeMs)}`.execute(trx);
}

/** Since when something of a table that is due is held back, by the days for which it is kept. */
export async function listHeldSince(db: Db, table: KeptTable): Promise<Map<number, number>> {
  const { rows } = await sql<{ days: number; sinceMs: number }>`
    select kept_days as days, (extract(epoch from since) * 1000)::float8 as "sinceMs"
    from retention_wait where time_table = ${table}`.execute(db);
  return new Map(rows.map(({ days, sinceMs }) => [days, sinceMs]));
}

/** Records of what is kept for how long something is held back now, since when it first was. */
export async function noteHeld(
  db: Db,
  { table, heldDays, nowMs }: { table: KeptTable; heldDays: ReadonlySet<number>; nowMs: number },
): Promise<void> {
  const days = [...heldDays];
  await sql`
    with ended as (delete from retention_wait where time_table = ${table} and kept_days <> all(${days}::integer[]))
    insert into retention_wait (time_table, kept_days, since)
    select ${table}, days, ${instant(nowMs)} from unnest(${days}::integer[]) as days
    on conflict (time_table, kept_days) do nothing`.execute(db);
}

/** How many rows a day of readings makes in each table at most. */
const rowsADayMax = { reading: null, rollup_1m: 1_440, rollup_15m: 96, rollup_1h: 24 } as const;

export type Going = {
  readonly seriesId: number;
  readonly group: number;
  readonly fromMs: number;
  readonly beforeMs: number;
};

/** About how many rows of a table lie in spans of series, by their group: the roll-ups by day tell. */
export async function estimateRows(db: Db, table: KeptTable, going: readonly Going[]): Promise<Map<number, number>> {
  const max = rowsADayMax[table];
  const { rows } = await sql<{ group: number; rows: number }>`
    select going.group_index as group, sum(least(d.count::float8 + d.nulls, ${max}::float8))::float8 as rows
    from unnest(
      ${going.map(({ seriesId }) => seriesId)}::integer[], ${going.map(({ group }) => group)}::integer[],
      ${going.map(({ fromMs }) => fromMs)}::float8[], ${going.map(({ beforeMs }) => beforeMs)}::float8[]
    ) as going (series_id, group_index, from_ms, before_ms)
    join rollup_1d d on d.series_id = going.series_id
      and d.bucket >= to_timestamp(going.from_ms / 1000) and d.bucket < to_timestamp(going.before_ms / 1000)
    group by 1`.execute(db);
  return new Map(rows.map(({ group, rows: count }) => [group, count]));
}
