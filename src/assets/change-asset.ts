import { type Area, requireSite } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { requireMatch } from '../platform/etag.ts';
import { refusals } from '../platform/refusals.ts';
import type { Asset, AssetChange } from './asset.ts';
import { findAsset, lockAssets, updateAsset } from './store.ts';

type Change = {
  readonly id: string;
  readonly body: AssetChange;
  readonly ifMatch: string | undefined;
  readonly at: Date;
};

/** Changes what the body gives of an asset, in the caller's transaction. Throws asset_not_found, asset_merged, site_forbidden and precondition_failed. */
export async function changeAsset(trx: Db, area: Area, { id, body, ifMatch, at }: Change): Promise<Asset> {
  const [row] = await lockAssets(trx, area, [id]);
  if (!row) throw refusals.assetNotFound(id);
  requireSite(area.caller, row.siteId);
  if (row.mergedInto !== null) throw refusals.assetMerged(id, row.mergedInto);
  requireMatch(ifMatch, row.updatedAt);
  if (Object.keys(body).length > 0) await updateAsset(trx, { tenantId: area.caller.tenantId, id, at }, body);
  const found = await findAsset(trx, area, { id });
  if (!found) throw refusals.assetNotFound(id);
  return found.asset;
}
