import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../platform/database.ts';

/** A site as ingest needs it. */
export type SiteRef = {
  readonly siteId: string;
  readonly tenantId: string;
  readonly slug: string;
  readonly timeZone: string;
  readonly discovery: boolean;
  readonly shard: number;
};

/** A point as ingest needs it: where its readings are stored, and for whom. */
export type PointRef = {
  readonly pointId: string;
  readonly seriesId: number;
  readonly assetId: string;
  readonly shard: number;
  /** Texts that stand for numbers, where the point declares any. */
  readonly states: Readonly<Record<string, number>> | null;
};

/** The names by which a device calls a point, within its tenant. */
export type PointName = { readonly asset: string; readonly point: string };

/** A point that is made because a device named it. */
export type NewPoint = {
  readonly id: string;
  readonly assetId: string;
  readonly name: string;
  readonly class: string | null;
  readonly partOf: string | null;
  readonly unit: string | null;
  /** How often its device says that it reports. */
  readonly expectedIntervalMs?: number | null;
};

/** An asset that is made because a device named it. */
export type NewAsset = {
  readonly id: string;
  readonly name: string;
  readonly uri: string;
  readonly class: string | null;
  readonly params: Readonly<Record<string, number>>;
};

/** Those of a tenant's sites that have one of these slugs. */
export async function listSites(
  db: Db,
  { tenantId, slugs }: { tenantId: string; slugs: string[] },
): Promise<SiteRef[]> {
  const rows = await db
    .selectFrom('site')
    .select(['id', 'slug', 'time_zone', 'discovery', 'shard'])
    .where('tenant_id', '=', tenantId)
    .where('slug', 'in', slugs)
    .execute();
  return rows.map((row) => ({
    siteId: row.id,
    tenantId,
    slug: row.slug,
    timeZone: row.time_zone,
    discovery: row.discovery,
    shard: row.shard,
  }));
}

/** Those of a site's points that have one of these names, each with its name. */
export async function listNamedPoints(
  db: Db,
  { site, names }: { site: SiteRef; names: readonly PointName[] },
): Promise<(PointName & { ref: PointRef })[]> {
  const { rows } = await sql<PointRef & PointName>`
    select a.name as asset, p.name as point, p.id as "pointId", p.series_id as "seriesId", a.id as "assetId", a.shard, p.states
    from unnest(${names.map(({ asset }) => asset)}::text[], ${names.map(({ point }) => point)}::text[]) as given (asset, point)
    join asset a on a.site_id = ${site.siteId} and a.tenant_id = ${site.tenantId} and a.name = given.asset
    join point p on p.asset_id = a.id and p.tenant_id = a.tenant_id and p.name = given.point`.execute(db);
  return rows.map(({ asset, point, ...ref }) => ({ asset, point, ref }));
}

/** Those of a site's assets that have one of these names. */
export async function listNamedAssets(
  db: Db,
  { site, names }: { site: SiteRef; names: readonly string[] },
): Promise<{ id: string; name: string; state: string }[]> {
  return db
    .selectFrom('asset')
    .select(['id', 'name', 'state'])
    .where('tenant_id', '=', site.tenantId)
    .where('site_id', '=', site.siteId)
    .where('name', 'in', names)
    .execute();
}

/** How many assets and points of a site were made by discovery. */
export async function countDiscovered(db: Db, site: SiteRef): Promise<{ assets: number; points: number }> {
  const { rows } = await sql<{ assets: number; points: number }>`
    select
      (select count(*)::integer from asset where site_id = ${site.siteId} and state = 'discovered') as assets,
      (select count(*)::integer from point p join asset a on a.id = p.asset_id
       where a.site_id = ${site.siteId} and p.state = 'discovered') as points`.execute(db);
  return rows[0] ?? { assets: 0, points: 0 };
}

/** Makes assets in the state `discovered`; one that is there already stays as it is. */
export async function insertDiscoveredAssets(
  db: Db,
  { site, assets }: { site: SiteRef; assets: NewAsset[] },
): Promise<void> {
  if (assets.length === 0) return;
  await db
    .insertInto('asset')
    .values(
      assets.map(({ params, ...asset }) => ({
        ...asset,
        params: json(params),
        tenant_id: site.tenantId,
        site_id: site.siteId,
        shard: site.shard,
        state: 'discovered',
      })),
    )
    // In one order everywhere, so that two processes that discover the same cannot lock each other out.
    .onConflict((conflict) => conflict.doNothing())
    .execute();
}

/** Makes points in the state `discovered`; one that is there already stays as it is. */
export async function insertDiscoveredPoints(
  db: Db,
  { tenantId, points }: { tenantId: string; points: NewPoint[] },
): Promise<void> {
  if (points.length === 0) return;
  await sql`
    insert into point (id, tenant_id, asset_id, name, class, part_of, unit, expected_interval_ms, state)
    select id, ${tenantId}, asset_id, name, class, part_of, unit, expected_interval_ms, 'discovered'
    from unnest(
      ${points.map((point) => point.id)}::uuid[], ${points.map((point) => point.assetId)}::uuid[],
      ${points.map((point) => point.name)}::text[], ${points.map((point) => point.class)}::text[],
      ${points.map((point) => point.partOf)}::text[], ${points.map((point) => point.unit)}::text[],
      ${points.map((point) => point.expectedIntervalMs ?? null)}::integer[]
    ) as given (id, asset_id, name, class, part_of, unit, expected_interval_ms)
    order by asset_id, name
    on conflict (asset_id, name) do nothing`.execute(db);
}

/** Sets what a device says about its asset, as long as nobody has modelled it. */
export async function updateDiscoveredAsset(
  db: Db,
  {
    tenantId,
    assetId,
    ...said
  }: { tenantId: string; assetId: string; class?: string; params?: Readonly<Record<string, number>> },
): Promise<void> {
  await db
    .updateTable('asset')
    .set({
      ...(said.class !== undefined && { class: said.class }),
      ...(said.params !== undefined && { params: json<never>(said.params) }),
      updated_at: sql`now()`,
    })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', assetId)
    .where('state', '=', 'discovered')
    // Each change makes the rules of the shard be bound again: a device may describe itself as often as it likes.
    .where(
      sql<boolean>`(coalesce(${said.class ?? null}, class), coalesce(${json(said.params)}, params)) is distinct from (class, params)`,
    )
    .execute();
}

/** Sets what a device says about points of its asset, as long as nobody has modelled them; null says nothing. */
export async function updateDiscoveredPoints(
  db: Db,
  { tenantId, points }: { tenantId: string; points: NewPoint[] },
): Promise<void> {
  if (points.length === 0) return;
  await sql`
    update point p
    set class = coalesce(given.class, p.class), part_of = coalesce(given.part_of, p.part_of),
        unit = coalesce(given.unit, p.unit),
        expected_interval_ms = coalesce(given.expected_interval_ms, p.expected_interval_ms), updated_at = now()
    from unnest(
      ${points.map((point) => point.assetId)}::uuid[], ${points.map((point) => point.name)}::text[],
      ${points.map((point) => point.class)}::text[], ${points.map((point) => point.partOf)}::text[],
      ${points.map((point) => point.unit)}::text[],
      ${points.map((point) => point.expectedIntervalMs ?? null)}::integer[]
    ) as given (asset_id, name, class, part_of, unit, expected_interval_ms)
    where p.asset_id = given.asset_id and p.name = given.name and p.tenant_id = ${tenantId} and p.state = 'discovered'
      and (coalesce(given.class, p.class), coalesce(given.part_of, p.part_of), coalesce(given.unit, p.unit),
        coalesce(given.expected_interval_ms, p.expected_interval_ms))
        is distinct from (p.class, p.part_of, p.unit, p.expected_interval_ms)`.execute(db);
}

function json<T>(value: object | undefined): RawBuilder<T> {
  return sql`${value === undefined ? null : JSON.stringify(value)}::jsonb`;
}
