import { type Area, maySee, requireSite } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { refusals } from '../platform/refusals.ts';
import { keepSite } from './site-store.ts';
import { findDefaultSite, findSite } from './store.ts';

/** A site at which something is to be made. */
export type SiteHere = { readonly id: string; readonly slug: string };

/**
 * The site at which something is made: that of the path, or the one that the body names, or that of what it is made part of, or the
 * tenant's default one. Throws validation_failed for one that is not there or not the path's, site_forbidden for the default one.
 */
export async function siteOfBody(trx: Db, area: Area, given: Given): Promise<SiteHere> {
  const site = await findHere(trx, area, given);
  const isThere = await keepSite(trx, { tenantId: area.caller.tenantId, siteId: site.id });
  if (!isThere) throw refusals.invalidBody('/site', 'not_found', 'there is no such site');
  return site;
}

type Given = { readonly slug: string | undefined; readonly ofParent: SiteHere | undefined };

async function findHere(trx: Db, area: Area, { slug, ofParent }: Given): Promise<SiteHere> {
  const { caller, site: here } = area;
  if (here !== null) {
    if (slug !== undefined && slug !== here.slug)
      throw refusals.invalidBody('/site', 'other_site', `must be that of the path, ${here.slug}, or absent`);
    return here;
  }
  if (slug !== undefined) {
    const named = await findSite(trx, caller.tenantId, slug);
    if (!named || !maySee(caller, named.id)) throw refusals.invalidBody('/site', 'not_found', 'there is no such site');
    return named;
  }
  if (ofParent) return ofParent;
  const byDefault = await findDefaultSite(trx, caller.tenantId);
  if (!byDefault) throw refusals.invalidBody('/site', 'required', 'the tenant has no site yet');
  requireSite(caller, byDefault.id);
  return byDefault;
}
