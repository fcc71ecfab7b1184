/** What other lists show along with their items (`expand`): equipment, sites and places that the caller may see. */
import type { Caller } from '../access/api-key.ts';
import { withinSites } from '../access/site-store.ts';
import type { Db } from '../platform/database.ts';
import type { Asset } from './asset.ts';
import { assetsShown, toAsset } from './asset-row-store.ts';
import type { Location } from './location.ts';
import { mapLocationsById } from './location-store.ts';
import type { Site } from './site.ts';
import { sitesShown, toSite } from './site-store.ts';

/** Equipment by its ids; under that of a merged piece there is that piece itself. */
export async function mapOfAssets(db: Db, caller: Caller, ids: readonly string[]): Promise<Map<string, Asset>> {
  const rows = await assetsShown(db)
    .where('asset.tenant_id', '=', caller.tenantId)
    .where('asset.id', 'in', [...ids])
    .where(withinSites('asset.site_id', caller))
    .execute();
  return new Map(rows.map((row) => [row.id, toAsset(row)]));
}

/** Sites by their slugs. */
export async function mapOfSites(db: Db, caller: Caller, slugs: readonly string[]): Promise<Map<string, Site>> {
  const rows = await sitesShown(db)
    .where('site.tenant_id', '=', caller.tenantId)
    .where('site.slug', 'in', [...slugs])
    .where(withinSites('site.id', caller))
    .execute();
  return new Map(rows.map((row) => [row.slug, toSite(row)]));
}

/** Places by their ids. */
export function mapOfLocations(db: Db, caller: Caller, ids: readonly string[]): Promise<Map<string, Location>> {
  return mapLocationsById(db, { caller, site: null }, ids);
}
