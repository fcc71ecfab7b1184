/** What a body says that a piece of equipment belongs to, resolved for its caller: other equipment and a place. */
import { type Area, maySee } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { refusals } from '../platform/refusals.ts';
import type { Asset } from './asset.ts';
import { holdLocation } from './asset-change-store.ts';
import type { Location } from './location.ts';
import { findLocation } from './location-store.ts';
import { findAsset } from './store.ts';
import { isWithin } from './tree-store.ts';

export type Parent = { readonly asset: Asset; readonly siteId: string };

/** The equipment that parent_id names. Throws validation_failed where it is not there for the caller, or was merged. */
export async function getNamedAsset(trx: Db, { caller }: Area, id: string): Promise<Parent> {
  const found = await findAsset(trx, { caller, site: null }, { id });
  if (!found || !maySee(caller, found.siteId))
    throw refusals.invalidBody('/parent_id', 'not_found', 'there is no such asset');
  const { merged_into: mergedInto } = found.asset;
  if (mergedInto !== null)
    throw refusals.invalidBody('/parent_id', 'conflict', `is that of an asset that was merged into ${mergedInto}`);
  return found;
}

/** Throws validation_failed unless an asset may be part of another one: at the same site, and not part of it itself. */
export async function checkParent(
  trx: Db,
  { id, siteId, tenantId }: { readonly id: string; readonly siteId: string; readonly tenantId: string },
  parent: Parent,
): Promise<void> {
  if (parent.siteId !== siteId) throw refusals.invalidBody('/parent_id', 'other_site', 'the asset is at another site');
  if (await isWithin(trx, { tenantId, id: parent.asset.id, within: id }))
    throw refusals.invalidBody('/parent_id', 'cycle', 'an asset is not part of itself or of its own parts');
}

/** The place that location_id names, held until the transaction ends. Throws validation_failed. */
export async function getNamedLocation(trx: Db, { caller }: Area, id: string, siteId: string): Promise<Location> {
  const isThere = await holdLocation(trx, { tenantId: caller.tenantId, id });
  const found = isThere ? await findLocation(trx, { caller, site: null }, id) : undefined;
  if (!found || !maySee(caller, found.siteId))
    throw refusals.invalidBody('/location_id', 'not_found', 'there is no such place');
  if (found.siteId !== siteId) throw refusals.invalidBody('/location_id', 'other_site', 'the place is at another site');
  return found.location;
}
