import { type Area, maySee, requireSite } from '../../access/api-key.ts';
import { findAsset, findSite } from '../../assets/store.ts';
import type { Db } from '../../platform/database.ts';
import { refusals } from '../../platform/refusals.ts';

/** A site, or one piece of equipment there, and the zone in which local times are read. */
export type Place = { siteId: string; assetId: string | null; timeZone: string };

type Named = { readonly asset_id?: string | undefined; readonly site?: string | undefined };

/** What `asset_id` or `site` of a body names; below a site that one. Throws validation_failed and site_forbidden. */
export async function resolvePlace(db: Db, area: Area, { asset_id: assetId, site: slug }: Named): Promise<Place> {
  const { caller } = area;
  if (assetId !== undefined) {
    if (slug !== undefined) throw refusals.invalidBody('/site', 'conflict', 'give either site or asset_id, not both');
    const found = await findAsset(db, area, { id: assetId });
    if (!found || !maySee(caller, found.siteId)) {
      throw refusals.invalidBody('/asset_id', 'not_found', 'there is no such asset');
    }
    return { siteId: found.siteId, assetId, timeZone: found.timeZone };
  }
  if (area.site !== null) return { siteId: area.site.id, assetId: null, timeZone: area.site.timeZone };
  if (slug === undefined) throw refusals.invalidBody('/asset_id', 'required', 'give asset_id, or the site');
  const site = await findSite(db, caller.tenantId, slug);
  if (!site) throw refusals.invalidBody('/site', 'not_found', 'there is no such site');
  requireSite(caller, site.id);
  return { siteId: site.id, assetId: null, timeZone: site.time_zone };
}
