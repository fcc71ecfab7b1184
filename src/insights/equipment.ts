import { type Area, maySee, requireSite } from '../access/api-key.ts';
import { findAsset, findDefaultSite } from '../assets/store.ts';
import type { Db } from '../platform/database.ts';
import { refusals } from '../platform/refusals.ts';

/** The equipment that an insight is about, where it is ours, and the site at which it lies. */
export type Whereabouts = {
  readonly assetId: string | null;
  /** Empty where it is about none. */
  readonly uri: string;
  readonly siteId: string;
  readonly timeZone: string;
};

type Given = { readonly asset_id?: string | null | undefined; readonly equipment_uri?: string | undefined };

/**
 * Finds what an insight is about: the equipment that asset_id or equipment_uri names, or what that was merged into, else a URI of
 * an external graph; the site is that of the mount, of the equipment, or the tenant's own. Throws validation_failed, naming the
 * property, for what is unknown, not for this caller, or at another site than the mount's.
 */
export async function locate(
  db: Db,
  area: Area,
  { asset_id: id, equipment_uri: uri = '' }: Given,
): Promise<Whereabouts> {
  const found = await findEquipment(db, area, id ? { id } : uri ? { uri } : undefined);
  if (!found) {
    if (id) throw refusals.invalidBody('/asset_id', 'not_found', 'there is no such asset');
    return { assetId: null, uri, ...(await siteOf(db, area)) };
  }
  const { asset, siteId, timeZone } = found;
  if (id && uri && uri !== asset.uri) {
    throw refusals.invalidBody('/equipment_uri', 'conflict', `the uri of asset_id is ${asset.uri}`);
  }
  if (area.site !== null && siteId !== area.site.id) {
    throw refusals.invalidBody(id ? '/asset_id' : '/equipment_uri', 'other_site', 'the asset is at another site');
  }
  return { assetId: asset.id, uri: asset.uri, siteId, timeZone };
}

async function findEquipment(db: Db, area: Area, by: { id: string } | { uri: string } | undefined) {
  const anywhere: Area = { ...area, site: null };
  const named = by && (await findAsset(db, anywhere, by));
  const into = named?.asset.merged_into;
  const found = into ? await findAsset(db, anywhere, { id: into }) : named;
  return found && maySee(area.caller, found.siteId) ? found : undefined;
}

async function siteOf(db: Db, { caller, site }: Area): Promise<Pick<Whereabouts, 'siteId' | 'timeZone'>> {
  if (site !== null) return { siteId: site.id, timeZone: site.timeZone };
  const own = await findDefaultSite(db, caller.tenantId);
  if (!own) throw refusals.invalidBody('/asset_id', 'required', 'the tenant has no site yet at which it could lie');
  requireSite(caller, own.id);
  return { siteId: own.id, timeZone: own.time_zone };
}
