import { type Area, requireSite } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { refusals } from '../platform/refusals.ts';
import { findAsset } from './store.ts';

/** An asset that the caller may see. Throws asset_not_found and site_forbidden. */
export async function getVisibleAsset(db: Db, area: Area, id: string) {
  const found = await findAsset(db, area, { id });
  if (!found) throw refusals.assetNotFound(id);
  requireSite(area.caller, found.siteId);
  return found;
}

/** The same of one that is still itself. Throws asset_merged, too. */
export async function getPresentAsset(db: Db, area: Area, id: string) {
  const found = await getVisibleAsset(db, area, id);
  if (found.asset.merged_into !== null) throw refusals.assetMerged(id, found.asset.merged_into);
  return found;
}
