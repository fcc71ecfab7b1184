import { type Area, requireSite, requireTenant } from '../access/api-key.ts';
import { shardOf } from '../access/tenant-store.ts';
import type { Db } from '../platform/database.ts';
import { requireMatch } from '../platform/etag.ts';
import { newId } from '../platform/id.ts';
import { refusals } from '../platform/refusals.ts';
import type { NewSite, Site, SiteChange } from './site.ts';
import { insertSite, lockSite, updateSite } from './site-store.ts';
import { findSite } from './store.ts';

/** Makes a site, in the caller's transaction. Throws site_exists, and site_forbidden to a key that is limited to sites. */
export async function createSite(trx: Db, { caller }: Area, body: NewSite): Promise<Site> {
  const tenantId = requireTenant(caller);
  const { slug, name = slug, time_zone: timeZone = caller.timeZone, discovery = false } = body;
  const id = newId();
  const site = { id, slug, name, timeZone, discovery, shard: shardOf(id) };
  if (!(await insertSite(trx, { tenantId, site }))) throw refusals.siteExists(slug);
  return getSite(trx, tenantId, slug);
}

type Change = {
  readonly slug: string;
  readonly body: SiteChange;
  readonly ifMatch: string | undefined;
  readonly at: Date;
};

/** Changes what the body gives of a site, in the caller's transaction. Throws site_not_found, site_forbidden and precondition_failed. */
export async function changeSite(trx: Db, { caller }: Area, { slug, body, ifMatch, at }: Change): Promise<Site> {
  const { tenantId } = caller;
  const known = await lockSite(trx, { tenantId, slug });
  if (!known) throw refusals.siteNotFound(slug);
  requireSite(caller, known.id);
  requireMatch(ifMatch, (await getSite(trx, tenantId, slug)).updated_at);
  const { time_zone: timeZone, ...plain } = body;
  if (Object.keys(body).length > 0) await updateSite(trx, { tenantId, siteId: known.id, at }, { ...plain, timeZone });
  return getSite(trx, tenantId, slug);
}

async function getSite(trx: Db, tenantId: string, slug: string): Promise<Site> {
  const site = await findSite(trx, tenantId, slug);
  if (!site) throw refusals.siteNotFound(slug);
  return site;
}
