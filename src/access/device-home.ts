/** Where a device belongs, and what it is granted there, as those who ask by API may decide it. */
import type { Db } from '../platform/database.ts';
import { refusals } from '../platform/refusals.ts';
import { type Area, requireSite, requireTenant } from './api-key.ts';
import { fillGrants, grantsBeyond } from './grant-template.ts';
import { findSiteBySlug, type SiteName } from './site-store.ts';

/** A device without a site belongs to the whole tenant, and to no key that is limited to sites. */
export function requireHome({ caller }: Area, siteId: string | null): void {
  if (siteId !== null) requireSite(caller, siteId);
  else requireTenant(caller);
}

/** The site that a body names, or the one below which it came; null where it names none. */
export async function siteOf(db: Db, area: Area, slug: string | null | undefined): Promise<SiteName | null> {
  if (slug === undefined && area.site) return area.site;
  if (slug === undefined || slug === null) {
    if (area.caller.siteIds !== null)
      throw refusals.invalidBody('/site', 'required', 'is required: this API key is limited to sites');
    return null;
  }
  const site = await findSiteBySlug(db, area.caller.tenantId, slug);
  if (!site) throw refusals.invalidBody('/site', 'unknown', 'is no site of this tenant');
  requireSite(area.caller, site.id);
  return site;
}

type Grants = {
  readonly body: { readonly publish_grants?: string[] | undefined; readonly subscribe_grants?: string[] | undefined };
  readonly site: SiteName | null;
  readonly username: string;
  readonly asset_name: string | null;
  readonly external_id: string | null;
};

/** Grants as they are stored. Throws validation_failed, with all that is wrong with them. */
export function grantsOf(area: Area, { body, site, username, asset_name, external_id }: Grants) {
  if (asset_name !== null && site === null)
    throw refusals.invalidBody('/asset_name', 'invalid', 'needs a site, where the asset is');
  const names = { site: site?.slug ?? null, asset: asset_name, username, external_id };
  const sides = (['publish_grants', 'subscribe_grants'] as const).map((side) => {
    const pointer = `/${side}`;
    const { filled, errors } = fillGrants(body[side] ?? [], { names, pointer });
    return { filled, errors: [...errors, ...grantsBeyond(filled, { caller: area.caller, site, pointer })] };
  });
  const errors = sides.flatMap((side) => side.errors);
  if (errors.length > 0) throw refusals.invalid(errors);
  return { publish_grants: sides[0]?.filled ?? [], subscribe_grants: sides[1]?.filled ?? [] };
}
