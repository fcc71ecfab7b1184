import { type Selectable, sql, type UpdateObject } from 'kysely';
import type { Area } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import type { Asset as AssetTable, DB } from '../platform/schema.ts';
import { laterThanBefore } from '../platform/version-store.ts';
import type { AssetChange } from './asset-body.ts';
import type { KeptImage } from './asset-image.ts';
import { deleteRelation, insertRelation } from './relation-store.ts';

/** The row of an asset, its days as texts, with the slug of its site. */
export type AssetState = Omit<Selectable<AssetTable>, 'install_date' | 'warranty_until'> & {
  readonly site: string;
  readonly install_date: string | null;
  readonly warranty_until: string | null;
};

/** Assets of the area by id, held in the order of their ids, so that two who hold the same never wait for each other. */
export async function lockAssets(trx: Db, area: Area, ids: readonly string[]): Promise<AssetState[]> {
  const { rows } = await sql<AssetState>`
    select asset.*, asset.install_date::text as install_date, asset.warranty_until::text as warranty_until, site.slug as site
    from asset join site on site.id = asset.site_id
    where asset.tenant_id = ${area.caller.tenantId} and asset.id = any(${[...ids]}::uuid[])
      and (${area.site?.id ?? null}::uuid is null or asset.site_id = ${area.site?.id ?? null}::uuid)
    order by asset.id for update of asset`.execute(trx);
  return rows;
}

/** What a change writes of an asset: the properties of its body that are columns, and what follows from them. */
export type AssetValues = Omit<AssetChange, 'status_reason' | 'external_id' | 'location_uri'> & {
  readonly own_external_id?: string | null | undefined;
  readonly location_uri?: string | undefined;
  readonly said_by_people?: string[] | undefined;
  readonly image?: KeptImage | null | undefined;
};

type Which = { readonly id: string; readonly tenantId: string; readonly at: Date };

/** Makes an asset that a person has modelled. */
export async function insertAsset(
  trx: Db,
  { id, tenantId, siteId, at }: Which & { readonly siteId: string },
  { name, uri, ...values }: AssetValues & { readonly name: string; readonly uri: string },
): Promise<void> {
  const { params, custom, metadata, tags, ...plain } = values;
  await trx
    .insertInto('asset')
    .values({
      ...given(plain),
      id,
      tenant_id: tenantId,
      site_id: siteId,
      shard: sql<number>`(select shard from site where id = ${siteId})`,
      name,
      uri,
      tags: [...new Set(tags)],
      params: JSON.stringify(withoutNulls(params)),
      custom: JSON.stringify(withoutNulls(custom)),
      metadata: JSON.stringify(metadata ?? {}),
      created_at: at,
      updated_at: at,
    })
    .execute();
}

/** Sets what is given: tags and metadata at once, parameters and custom fields one by one, where null takes one away. A person has modelled it from then on. */
export async function updateAsset(trx: Db, { id, tenantId, at }: Which, values: AssetValues): Promise<void> {
  const { params, custom, metadata, tags, ...plain } = values;
  const merged = (column: 'params' | 'custom', more: object) =>
    sql<never>`jsonb_strip_nulls(${sql.ref(column)} || ${JSON.stringify(more)}::jsonb)`;
  await trx
    .updateTable('asset')
    .set({
      ...given(plain),
      ...(tags !== undefined && { tags: [...new Set(tags)] }),
      ...(params !== undefined && { params: merged('params', params) }),
      ...(custom !== undefined && { custom: merged('custom', custom) }),
      ...(metadata !== undefined && { metadata: JSON.stringify(metadata) }),
      state: 'modelled',
      updated_at: laterThanBefore(at),
    } as UpdateObject<DB, 'asset'>)
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

function given<T extends object>(values: T): Partial<T> {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as Partial<T>;
}

function withoutNulls(values: object = {}): object {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== null));
}

/** What must be of one asset alone. */
export type Names = {
  readonly name?: string | undefined;
  readonly uri?: string | undefined;
  readonly barcode?: string | null | undefined;
};

/** An asset other than `id` that has one of these already, and which; undefined: none has. */
export async function findNamesake(
  trx: Db,
  { tenantId, siteId, id }: { tenantId: string; siteId: string; id: string },
  names: Names,
): Promise<{ property: keyof Names; id: string } | undefined> {
  const [name, uri, barcode] = [names.name ?? null, names.uri ?? null, names.barcode ?? null];
  const { rows } = await sql<{ property: keyof Names; id: string }>`
    select coalesce(merged_into, id) as id, property
    from asset, lateral (select case
      when site_id = ${siteId} and name = ${name} and not is_former_name then 'name'
      when uri = ${uri} then 'uri'
      when barcode = ${barcode} and merged_into is null then 'barcode' end as property) taken
    where tenant_id = ${tenantId} and id <> ${id} and property is not null
      and ((site_id = ${siteId} and name = ${name}) or uri = ${uri} or barcode = ${barcode})
    limit 1`.execute(trx);
  return rows[0];
}

/** A name that stood for another asset, which has a name of its own since, stands for whoever is given it now. */
export async function releaseFormerName(
  trx: Db,
  { tenantId, siteId, name }: { tenantId: string; siteId: string; name: string },
): Promise<void> {
  await trx
    .deleteFrom('asset')
    .where('tenant_id', '=', tenantId)
    .where('site_id', '=', siteId)
    .where('name', '=', name)
    .where('is_former_name', '=', true)
    .execute();
}

/** Whatever comes under the name that an asset has had so far is still of that asset. */
export async function keepFormerName(
  trx: Db,
  { id, tenant_id, site_id, shard, site, name }: AssetState,
): Promise<void> {
  const stub = newId();
  await trx
    .insertInto('asset')
    .values({
      id: stub,
      tenant_id,
      site_id,
      shard,
      name,
      uri: `urn:faultline:${site}:former-name:${stub}`,
      status: 'retired',
      merged_into: id,
      is_former_name: true,
    })
    .execute();
}

/** A change of an asset's status, as it is kept. */
export type StatusChange = {
  readonly tenantId: string;
  readonly assetId: string;
  readonly from: string;
  readonly to: string;
  readonly reason: string;
  readonly author: string;
  readonly at: Date;
};

/** Keeps changes of status, many in one statement. */
export async function insertStatusChanges(trx: Db, changes: readonly StatusChange[]): Promise<void> {
  if (changes.length === 0) return;
  const rows = changes.map(({ tenantId, assetId, from, to, ...more }) => ({
    id: newId(),
    tenant_id: tenantId,
    asset_id: assetId,
    from_status: from,
    to_status: to,
    ...more,
  }));
  await trx.insertInto('asset_status_change').values(rows).execute();
}

/** An asset is part of one other, or of none; rules find that upstream of it. */
export async function movePart(
  trx: Db,
  { tenantId, id, from, to }: { tenantId: string; id: string; from: string | null; to: string | null },
): Promise<void> {
  if (from !== null) await deleteRelation(trx, tenantId, { from: id, kind: 'isPartOf', to: from });
  if (to !== null) await insertRelation(trx, tenantId, { from: id, kind: 'isPartOf', to });
}

/** Holds a place that equipment is put in, so that nobody deletes it meanwhile; false where it is not there. */
export async function holdLocation(trx: Db, { tenantId, id }: { tenantId: string; id: string }): Promise<boolean> {
  const { rows } =
    await sql`select id from location where tenant_id = ${tenantId} and id = ${id} for key share`.execute(trx);
  return rows.length > 0;
}
