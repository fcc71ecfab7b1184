import { type SelectQueryBuilder, sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { inOrder, narrowed, rowsOf } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import type { DB } from '../../platform/schema.ts';
import { laterThanBefore } from '../../platform/version-store.ts';
import type { Override } from '../language/override.ts';

/** What a person decides about a rule, or about all of them (`*`); without site, asset and tag it holds for the whole tenant. */
export type NewOverride = {
  readonly tenantId: string;
  readonly rule: string;
  readonly siteId?: string | null | undefined;
  readonly assetId?: string | null | undefined;
  readonly tag?: string | null | undefined;
  readonly reason: string;
  readonly author: string;
  /** Never in the past, which has been evaluated; absent: now. */
  readonly sinceAt?: Date | null | undefined;
  readonly untilAt?: Date | null | undefined;
} & OverrideEffect;

/** What an override does to a rule: what is absent or null stays as the rule has it. */
type OverrideEffect = {
  readonly params?: Readonly<Record<string, number>> | undefined;
  readonly severity?: Override['severity'] | undefined;
  readonly enabled?: Override['enabled'] | undefined;
};

export type OverrideChange = OverrideEffect & {
  readonly reason?: string | undefined;
  readonly untilAt?: Date | null | undefined;
  /** Who changes it. */
  readonly author: string;
};

/** An override as it is recorded. `site` is a slug; `siteId` is that of the asset where it is about one asset. */
export type OverrideRecord = {
  readonly id: string;
  readonly rule: string;
  readonly site: string | null;
  readonly siteId: string | null;
  readonly assetId: string | null;
  readonly assetName: string | null;
  readonly tag: string | null;
  readonly params: Record<string, number>;
  readonly severity: Override['severity'];
  readonly enabled: Override['enabled'];
  readonly sinceAt: Date;
  readonly untilAt: Date | null;
  readonly reason: string;
  readonly author: string;
  /** The override that goes on where this one, its past, was changed. */
  readonly replacedBy: string | null;
  readonly endedAt: Date | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

export type OverrideFilter = {
  readonly rule?: string | undefined;
  readonly siteId?: string | undefined;
  readonly assetId?: string | undefined;
  /** Whether it holds now or will; false: whether its time is over. */
  readonly active?: boolean | undefined;
};

type Tenant = {
  readonly tenantId: string;
  /** The sites that the caller may see; absent: all. Overrides of the whole tenant are about every site. */
  readonly siteIds?: readonly string[] | undefined;
};

// Whole milliseconds, as ticks are; of the database's clock, which decides when ticks close.
const now = sql<Date>`date_trunc('milliseconds', clock_timestamp())`;

/** The overrides that hold, will hold, or held within the last `backMs` on assets of a shard, oldest first. */
export function listShardOverrides(db: Db, { shard, backMs }: { shard: number; backMs: number }): Promise<Override[]> {
  return listEffective(
    db
      .selectFrom('rule_override')
      .where('rule_override.tenant_id', 'in', (of) =>
        of.selectFrom('asset').select('asset.tenant_id').where('asset.shard', '=', shard),
      )
      .where(sql<boolean>`coalesce(until_at, 'infinity') > ${now} - make_interval(secs => ${backMs / 1_000})`),
  );
}

/** All overrides that a tenant has or had, oldest first: for back-tests and for what runs where. */
export function listTenantOverrides(db: Db, tenantId: string): Promise<Override[]> {
  return listEffective(db.selectFrom('rule_override').where('rule_override.tenant_id', '=', tenantId));
}

async function listEffective(overrides: SelectQueryBuilder<DB, 'rule_override', unknown>): Promise<Override[]> {
  const rows = await overrides
    .selectAll('rule_override')
    .where(sql<boolean>`coalesce(until_at, 'infinity') > since_at`)
    .orderBy('rule_override.created_at')
    .orderBy('rule_override.id')
    .execute();
  return rows.map((row) => ({
    id: row.id,
    tenantId: row.tenant_id,
    rule: row.rule_id,
    site: row.site_id,
    asset: row.asset_id,
    tag: row.tag,
    params: row.params as Record<string, number>,
    severity: row.severity as Override['severity'],
    enabled: fromText(row.enabled),
    sinceMs: row.since_at.getTime(),
    untilMs: row.until_at?.getTime() ?? null,
    reason: row.reason,
    author: row.author,
  }));
}

/** Overrides of a tenant, newest first. */
export async function listOverrides(
  db: Db,
  tenant: Tenant,
  filter: OverrideFilter,
  page: ListRequest,
): Promise<Rows<OverrideRecord>> {
  let overrides = overridesOf(db, tenant);
  if (filter.rule !== undefined) overrides = overrides.where('rule_override.rule_id', '=', filter.rule);
  if (filter.assetId !== undefined) overrides = overrides.where('rule_override.asset_id', '=', filter.assetId);
  if (filter.siteId !== undefined)
    overrides = overrides.where(sql`coalesce(rule_override.site_id, asset.site_id)`, '=', filter.siteId);
  if (filter.active !== undefined)
    overrides = overrides.where(sql<boolean>`(coalesce(until_at, 'infinity') > ${now}) = ${filter.active}`);
  overrides = narrowed(overrides, page);
  const total = await overrides.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const query = inOrder(overrides.selectAll('rule_override').select(shown), page);
  return rowsOf(await query.execute(), total, toRecord);
}

/** One override of a tenant, whatever its time. */
export async function findOverride(db: Db, tenant: Tenant, id: string, { isHeld = false } = {}) {
  const query = overridesOf(db, tenant).selectAll('rule_override').select(shown).where('rule_override.id', '=', id);
  const row = await (isHeld ? query.forUpdate('rule_override') : query).executeTakeFirst();
  return row && toRecord(row);
}

/** Adds an override; the caller has checked that rule, site, asset and parameters exist and fit. Returns its id. */
export async function insertOverride(db: Db, override: NewOverride): Promise<string> {
  const id = newId();
  await db
    .insertInto('rule_override')
    .values({
      id,
      tenant_id: override.tenantId,
      rule_id: override.rule,
      site_id: override.siteId ?? null,
      asset_id: override.assetId ?? null,
      tag: override.tag ?? null,
      params: JSON.stringify(override.params ?? {}),
      severity: override.severity ?? null,
      enabled: toText(override.enabled ?? null),
      since_at: sql`greatest(${override.sinceAt ?? null}::timestamptz, ${now})`,
      until_at: sql`greatest(${override.untilAt ?? null}::timestamptz,
        case when ${override.untilAt ?? null}::timestamptz is not null then greatest(${override.sinceAt ?? null}::timestamptz, ${now}) end)`,
      reason: override.reason,
      author: override.author,
    })
    .execute();
  return id;
}

/**
 * Changes an override from now on; run it in a transaction. What it did until now stays on record as an override of its own,
 * ended and replaced by this one. Returns false for one that is not there or whose time is over.
 */
export async function changeOverride(
  trx: Db,
  { tenantId, id, change }: { tenantId: string; id: string; change: OverrideChange },
): Promise<boolean> {
  const present = await trx
    .selectFrom('rule_override')
    .selectAll()
    .select(now.as('at'))
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where(sql<boolean>`coalesce(until_at, 'infinity') > ${now}`)
    .forUpdate()
    .executeTakeFirst();
  if (!present) return false;
  const { at, ...past } = present;
  const isOther = change.params !== undefined || change.severity !== undefined || change.enabled !== undefined;
  const isSplit = isOther && past.since_at < at;
  if (isSplit) {
    const ended = { id: newId(), until_at: at, ended_at: at, replaced_by: id, params: JSON.stringify(past.params) };
    await trx
      .insertInto('rule_override')
      .values({ ...past, ...ended })
      .execute();
  }
  const since = isSplit ? at : past.since_at;
  await trx
    .updateTable('rule_override')
    .set({ since_at: since, author: change.author, updated_at: laterThanBefore(at) })
    .$if(change.params !== undefined, (set) => set.set({ params: JSON.stringify(change.params) }))
    .$if(change.severity !== undefined, (set) => set.set({ severity: change.severity ?? null }))
    .$if(change.enabled !== undefined, (set) => set.set({ enabled: toText(change.enabled ?? null) }))
    .$if(change.reason !== undefined, (set) => set.set({ reason: change.reason ?? past.reason }))
    .$if(change.untilAt !== undefined, (set) => set.set({ until_at: latest(change.untilAt, since, at) }))
    .where('id', '=', id)
    .execute();
  return true;
}

function latest(until: Date | null | undefined, ...instants: Date[]): Date | null {
  return until ? new Date(Math.max(until.getTime(), ...instants.map((one) => one.getTime()))) : null;
}

/** Ends an override now; one that has not begun never does. Returns false for one that is not there or whose time is over. */
export async function endOverride(db: Db, { tenantId, id }: { tenantId: string; id: string }): Promise<boolean> {
  const ended = await db
    .updateTable('rule_override')
    .set({ until_at: sql`greatest(since_at, ${now})`, ended_at: now, updated_at: laterThanBefore(new Date(0)) })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where(sql<boolean>`coalesce(until_at, 'infinity') > ${now}`)
    .returning('id')
    .executeTakeFirst();
  return ended !== undefined;
}

const shown = [
  'site.slug as site_slug',
  sql<string | null>`coalesce(rule_override.site_id, asset.site_id)`.as('shown_site_id'),
  'asset.name as asset_name',
] as const;

function overridesOf(db: Db, { tenantId, siteIds }: Tenant) {
  const overrides = db
    .selectFrom('rule_override')
    .leftJoin('asset', 'asset.id', 'rule_override.asset_id')
    .leftJoin('site', (on) => on.on('site.id', '=', sql`coalesce(rule_override.site_id, asset.site_id)`))
    .where('rule_override.tenant_id', '=', tenantId);
  if (siteIds === undefined) return overrides;
  return overrides.where(
    sql<boolean>`coalesce(coalesce(rule_override.site_id, asset.site_id) = any(${siteIds}::uuid[]), true)`,
  );
}

type Row = {
  id: string;
  rule_id: string;
  site_slug: string | null;
  shown_site_id: string | null;
  asset_id: string | null;
  asset_name: string | null;
  tag: string | null;
  params: unknown;
  severity: string | null;
  enabled: string | null;
  since_at: Date;
  until_at: Date | null;
  reason: string;
  author: string;
  replaced_by: string | null;
  ended_at: Date | null;
  created_at: Date;
  updated_at: Date;
};

function toRecord(row: Row): OverrideRecord {
  return {
    id: row.id,
    rule: row.rule_id,
    site: row.site_slug,
    siteId: row.shown_site_id,
    assetId: row.asset_id,
    assetName: row.asset_name,
    tag: row.tag,
    params: row.params as Record<string, number>,
    severity: row.severity as Override['severity'],
    enabled: fromText(row.enabled),
    sinceAt: row.since_at,
    untilAt: row.until_at,
    reason: row.reason,
    author: row.author,
    replacedBy: row.replaced_by,
    endedAt: row.ended_at,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}

function toText(enabled: Override['enabled']): string | null {
  return enabled === null ? null : String(enabled);
}

function fromText(text: string | null): Override['enabled'] {
  return text === 'shadow' || text === 'paused' || text === null ? text : text === 'true';
}
