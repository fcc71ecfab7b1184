import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import type { Conversion } from './units.ts';

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
  /** What comes under this name is in another unit than the point, which the name's own point was merged into. */
  readonly conversion?: Conversion | null;
  /** Before which instant its readings were dropped, in milliseconds since the epoch; absent or null: none were. */
  readonly droppedBeforeMs?: number | null;
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
  /** The least and the greatest value that make sense. */
  readonly min?: number | null;
  readonly max?: number | null;
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

/** Those of a site's points that have one of these names, each with its name; a merged one is the point that it was merged into. */
export async function listNamedPoints(
  db: Db,
  { site, names }: { site: SiteRef; names: readonly PointName[] },
): Promise<(PointName & { ref: PointRef })[]> {
  const { rows } = await sql<PointRef & PointName>`
    select given.asset, given.point, ${refColumns}
    from unnest(${names.map(({ asset }) => asset)}::text[], ${names.map(({ point }) => point)}::text[]) as given (asset, point)
    join asset named on named.site_id = ${site.siteId} and named.tenant_id = ${site.tenantId} and named.name = given.asset
    left join point own on own.asset_id = named.id and own.tenant_id = named.tenant_id and own.name = given.point
    left join point other on own.id is null and other.asset_id = named.merged_into and other.tenant_id = named.tenant_id
      and other.name = given.point
    join point p on p.id = coalesce(own.id, other.id)
    ${refJoins}`.execute(db);
  return rows.map(({ asset, point, ...ref }) => ({ asset, point, ref }));
}

/** A point `p` as a PointRef, with `refJoins`: where it has been merged, the point that has its readings now. */
export const refColumns = sql.raw(`
  coalesce(t.id, p.id) as "pointId", coalesce(t.series_id, p.series_id) as "seriesId", a.id as "assetId", a.shard,
  coalesce(p.states, t.states) as states,
  case when p.merge_scale is not null
    then json_build_object('scale', p.merge_scale, 'offset', p.merge_offset, 'steps', p.merge_steps) end as conversion,
  (select (extract(epoch from max(h.before)) * 1000)::float8 from retention_horizon h
   where h.time_table = 'reading' and h.series_id in (0, coalesce(t.series_id, p.series_id))) as "droppedBeforeMs"`);
export const refJoins = sql.raw(`
  left join point t on t.id = p.merged_into
  join asset a on a.id = coalesce(t.asset_id, p.asset_id)`);

/** Those of a site's assets that have one of these names; a merged one is the asset that it was merged into. */
export async function listNamedAssets(
  db: Db,
  { site, names }: { site: SiteRef; names: readonly string[] },
): Promise<{ id: string; name: string; state: string }[]> {
  return db
    .selectFrom('asset')
    .select(['name', 'state', sql<string>`coalesce(merged_into, id)`.as('id')])
    .where('tenant_id', '=', site.tenantId)
    .where('site_id', '=', site.siteId)
    .where('name', 'in', names)
    .execute();
}

/** How many assets and points of a site were made by discovery. */
export async function countDiscovered(db: Db, site: SiteRef): Promise<{ assets: number; points: number }> {
  const { rows } = await sql<{ assets: number; points: number }>`
    select
      (select count(*)::integer from asset where site_id = ${site.siteId} and state = 'discovered' and merged_into is null) as assets,
      (select count(*)::integer from point p join asset a on a.id = p.asset_id
       where a.site_id = ${site.siteId} and p.state = 'discovered' and p.merged_into is null) as points`.execute(db);
  return rows[0] ?? { assets: 0, points: 0 };
}

/** Makes assets in the state `discovered`; one that is there already stays as it is. Returns the ids of those that are new. */
export async function insertDiscoveredAssets(
  db: Db,
  { site, assets }: { site: SiteRef; assets: NewAsset[] },
): Promise<string[]> {
  if (assets.length === 0) return [];
  const made = await db
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
    .returning('id')
    .execute();
  return made.map(({ id }) => id);
}

/** Makes points in the state `discovered`; one that is there already stays as it is. */
export async function insertDiscoveredPoints(
  db: Db,
  { tenantId, points }: { tenantId: string; points: NewPoint[] },
): Promise<void> {
  if (points.length === 0) return;
  await sql`
    insert into point (id, tenant_id, asset_id, name, class, part_of, unit, expected_interval_ms, range_min, range_max, state)
    select id, ${tenantId}, asset_id, name, class, part_of, unit, expected_interval_ms, range_min, range_max, 'discovered'
    from unnest(
      ${points.map((point) => point.id)}::uuid[], ${points.map((point) => point.assetId)}::uuid[],
      ${points.map((point) => point.name)}::text[], ${points.map((point) => point.class)}::text[],
      ${points.map((point) => point.partOf)}::text[], ${points.map((point) => point.unit)}::text[],
      ${points.map((point) => point.expectedIntervalMs ?? null)}::integer[],
      ${points.map((point) => point.min ?? null)}::float8[], ${points.map((point) => point.max ?? null)}::float8[]
    ) as given (id, asset_id, name, class, part_of, unit, expected_interval_ms, range_min, range_max)
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
