import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import { formatInstant } from '../platform/instant.ts';
import { Asset } from './asset.ts';

/** Assets with all that is shown of them; filters are to be added, the tenant first of all. */
export function assetsShown(db: Db) {
  return db
    .selectFrom('asset')
    .innerJoin('site', 'site.id', 'asset.site_id')
    .leftJoin('location', 'location.id', 'asset.location_id')
    .selectAll('asset')
    .select(['site.slug as site', 'location.name as location'])
    .select(datesShown);
}

/** The days that drivers would otherwise read as midnights somewhere. */
export const datesShown = [
  sql<string | null>`asset.install_date::text`.as('install_day'),
  sql<string | null>`asset.warranty_until::text`.as('warranty_day'),
] as const;

/** A row of `assetsShown`. */
export type AssetRow = {
  install_day: string | null;
  warranty_day: string | null;
  external_id: string | null;
  own_external_id: string | null;
  created_at: Date;
  updated_at: Date;
};

/** An asset as it is shown. */
export function toAsset({ install_day, warranty_day, external_id, own_external_id, ...row }: AssetRow): Asset {
  return Asset.parse({
    ...row,
    install_date: install_day,
    warranty_until: warranty_day,
    external_id: own_external_id,
    source_id: external_id,
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
