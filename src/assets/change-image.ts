import type { Area } from '../access/api-key.ts';
import { actorOf } from '../events/event.ts';
import { appendEvents } from '../events/store.ts';
import type { Db } from '../platform/database.ts';
import { refusals } from '../platform/refusals.ts';
import { lockAssets, updateAsset } from './asset-change-store.ts';
import { assetChanged } from './asset-events.ts';
import { KeptImage } from './asset-image.ts';
import { holdAsset } from './change-asset.ts';

type Which = { readonly id: string; readonly ifMatch: string | undefined; readonly at: Date };

/**
 * Gives a piece of equipment another picture, or takes it away (null), in the caller's transaction; gives the one that it had, whose
 * files are to be dropped. Throws asset_not_found, asset_merged, site_forbidden, precondition_failed, and asset_image_not_found where
 * there is none to take away.
 */
export async function changeImage(
  trx: Db,
  area: Area,
  { image, ...which }: Which & { readonly image: KeptImage | null },
): Promise<KeptImage | null> {
  const before = await holdAsset(trx, area, which);
  const had = before.image === null ? null : KeptImage.parse(before.image);
  if (image === null && had === null) throw refusals.assetImageNotFound(which.id);
  await updateAsset(trx, { id: before.id, tenantId: before.tenant_id, at: which.at }, { image });
  const [after] = await lockAssets(trx, area, [before.id]);
  if (!after) throw refusals.assetNotFound(which.id);
  await appendEvents(trx, assetChanged(before, after, { actor: actorOf(area.caller) }));
  return had;
}
