/** Points as people make and change them. */
import { sql } from 'kysely';
import type { Area } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import type { HeldPoint, NewPoint } from './point.ts';
import type { Conversion } from './units.ts';

/** A point held until the transaction ends, with what a change of it has to know. */
export type LockedPoint = HeldPoint & {
  readonly name: string;
  readonly unit: string | null;
  readonly states: Readonly<Record<string, number>> | null;
  readonly min: number | null;
  readonly max: number | null;
  /** The building model that it comes from, if any. */
  readonly source: string | null;
  readonly mergedInto: string | null;
  readonly learnedMs: number | null;
  readonly updatedAt: Date;
};

/** Points of the area by id, held in the order of their ids, so that two who hold the same never wait for each other. */
export async function lockPoints(trx: Db, area: Area, ids: readonly string[]): Promise<LockedPoint[]> {
  const { rows } = await sql<LockedPoint>`
    select p.tenant_id as "tenantId", p.id as "pointId", p.series_id as "seriesId", a.site_id as "siteId",
      a.id as "assetId", a.shard, s.time_zone as "timeZone", p.name, p.unit, p.states, p.range_min as min,
      p.range_max as max, p.source, p.merged_into as "mergedInto",
      (select learned_ms from point_interval i where i.point_id = p.id) as "learnedMs", p.updated_at as "updatedAt"
    from point p join asset a on a.id = p.asset_id join site s on s.id = a.site_id
    where p.tenant_id = ${area.caller.tenantId} and p.id = any(${ids}::uuid[])
      and (${area.site?.id ?? null}::uuid is null or a.site_id = ${area.site?.id ?? null}::uuid)
    order by p.id for update of p`.execute(trx);
  return rows;
}

/** What is set of a point; what is absent stays. */
export type PointValues = {
  readonly class?: string | null | undefined;
  readonly part_of?: string | null | undefined;
  readonly unit?: string | null | undefined;
  readonly range_min?: number | null | undefined;
  readonly range_max?: number | null | undefined;
  readonly states?: Readonly<Record<string, number>> | null | undefined;
  readonly tags?: object | undefined;
  readonly expected_interval_ms?: number | null | undefined;
  readonly own_external_id?: string | null | undefined;
  readonly metadata?: object | undefined;
};

/** Sets what is given of a point, which is modelled from then on: no device changes it any more by describing itself. */
export async function updatePoint(
  trx: Db,
  { tenantId, id, at }: { tenantId: string; id: string; at: Date },
  { states, tags, metadata, ...plain }: PointValues,
): Promise<void> {
  const given = Object.fromEntries(Object.entries(plain).filter(([, value]) => value !== undefined));
  await trx
    .updateTable('point')
    .set({
      ...given,
      ...(states !== undefined && { states: states && JSON.stringify(states) }),
      ...(tags !== undefined && { tags: JSON.stringify(tags) }),
      ...(metadata !== undefined && { metadata: JSON.stringify(metadata) }),
      state: 'modelled',
      updated_at: laterThanBefore(at),
    })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

/** What comes in another unit under the names of points that were merged into one is converted to the new unit of that one. */
export async function convertMerged(
  trx: Db,
  { tenantId, pointId }: Pick<HeldPoint, 'tenantId' | 'pointId'>,
  { scale, offset, steps }: Conversion,
): Promise<void> {
  await sql`
    update point set merge_scale = merge_scale * ${scale}::float8, merge_offset = merge_offset * ${scale}::float8 + ${offset}::float8,
      merge_steps = ${steps}::float8
    where tenant_id = ${tenantId} and merged_into = ${pointId} and merge_scale is not null`.execute(trx);
}

/** Makes a point that a person has modelled; false when its asset has one of the name. */
export async function insertPoint(
  trx: Db,
  { id, tenantId, assetId, at }: { id: string; tenantId: string; assetId: string; at: Date },
  { name, min, max, states, tags, expected_interval_s: seconds, ...plain }: NewPoint,
): Promise<boolean> {
  const made = await trx
    .insertInto('point')
    .values({
      id,
      tenant_id: tenantId,
      asset_id: assetId,
      name,
      class: plain.class ?? null,
      part_of: plain.part_of ?? null,
      unit: plain.unit ?? null,
      range_min: min ?? null,
      range_max: max ?? null,
      states: states ? JSON.stringify(states) : null,
      tags: JSON.stringify(tags ?? {}),
      own_external_id: plain.external_id ?? null,
      metadata: JSON.stringify(plain.metadata ?? {}),
      expected_interval_ms: seconds ? Math.round(seconds * 1_000) : null,
      created_at: at,
      updated_at: at,
    })
    .onConflict((conflict) => conflict.columns(['asset_id', 'name']).doNothing())
    .returning('id')
    .executeTakeFirst();
  return made !== undefined;
}

/** The point of that name at an asset: what stands in the way of a new one. */
export async function getNamedPoint(trx: Db, { assetId, name }: { assetId: string; name: string }) {
  return trx
    .selectFrom('point')
    .select(['id', 'merged_into as mergedInto'])
    .where('asset_id', '=', assetId)
    .where('name', '=', name)
    .executeTakeFirstOrThrow();
}
