import { type Area, maySee, requireSite, requireTenant } from '../access/api-key.ts';
import { shardOf } from '../access/tenant-store.ts';
import { actorOf } from '../events/event.ts';
import { appendEvent, appendEvents } from '../events/store.ts';
import type { Db } from '../platform/database.ts';
import { requireMatch } from '../platform/etag.ts';
import { newId } from '../platform/id.ts';
import { refusals } from '../platform/refusals.ts';
import type { NewSite, Site, SiteChange } from './site.ts';
import { siteDeleted, siteEvents } from './site-events.ts';
import {
  countAtSite,
  deleteSite,
  insertSite,
  type KnownSite,
  listSitesAbove,
  lockSite,
  lockSiteTree,
  type SiteValues,
  updateSite,
} from './site-store.ts';
import { findSite } from './store.ts';

type Creation = { readonly body: NewSite; readonly at: Date };

/** Makes a site, in the caller's transaction. Throws site_exists, validation_failed, and site_forbidden to a key that is limited to sites. */
export async function createSite(trx: Db, { caller }: Area, { body, at }: Creation): Promise<Site> {
  const tenantId = requireTenant(caller);
  const { slug, name = slug, time_zone: timeZone = caller.timeZone, discovery = false, ...more } = body;
  const id = newId();
  const site = { id, slug, name, timeZone, discovery, shard: shardOf(id) };
  if (!(await insertSite(trx, { tenantId, site }))) throw refusals.siteExists(slug);
  const values = await valuesOf(trx, { caller, site: null }, { siteId: id, body: more });
  if (Object.keys(more).length > 0) await updateSite(trx, { tenantId, siteId: id, at }, values);
  const made = await getSite(trx, tenantId, slug);
  await appendEvents(trx, siteEvents(undefined, made, { tenantId, actor: actorOf(caller) }));
  return made;
}

type Which = { readonly slug: string; readonly ifMatch: string | undefined };

/** Changes what the body gives of a site, in the caller's transaction. Throws site_not_found, site_forbidden, precondition_failed and validation_failed. */
export async function changeSite(
  trx: Db,
  area: Area,
  { slug, body, ifMatch, at }: Which & { readonly body: SiteChange; readonly at: Date },
): Promise<Site> {
  const { tenantId } = area.caller;
  if (body.parent_site) await lockSiteTree(trx, tenantId);
  const known = await holdSite(trx, area, { slug, ifMatch });
  if (Object.keys(body).length === 0) return known.site;
  const values = await valuesOf(trx, area, { siteId: known.id, body });
  await updateSite(trx, { tenantId, siteId: known.id, at }, values);
  const after = await getSite(trx, tenantId, slug);
  await appendEvents(trx, siteEvents(known.site, after, { tenantId, actor: actorOf(area.caller) }));
  return after;
}

/** Deletes a site to which nothing belongs, in the caller's transaction. Throws as `changeSite` does, and site_not_empty. */
export async function removeSite(trx: Db, area: Area, which: Which): Promise<void> {
  const { caller } = area;
  const tenantId = requireTenant(caller);
  const { id: siteId, site } = await holdSite(trx, area, which);
  const there = await countAtSite(trx, { tenantId, siteId });
  if (there.length > 0)
    throw refusals.siteNotEmpty(
      `To the site ${site.slug} belong ${there.map(([what, count]) => `${count} ${what}`).join(', ')}.`,
    );
  await appendEvent(trx, siteDeleted(site, { tenantId, actor: actorOf(caller) }));
  if (!(await deleteSite(trx, { tenantId, siteId })))
    throw refusals.siteNotEmpty(
      `The site ${site.slug} is its tenant’s default one, or something of what was there is on record still.`,
    );
}

async function holdSite(
  trx: Db,
  { caller }: Area,
  { slug, ifMatch }: Which,
): Promise<KnownSite & { readonly site: Site }> {
  const known = await lockSite(trx, { tenantId: caller.tenantId, slug });
  if (!known) throw refusals.siteNotFound(slug);
  requireSite(caller, known.id);
  const site = await getSite(trx, caller.tenantId, slug);
  requireMatch(ifMatch, site.updated_at);
  return { ...known, site };
}

type Said = { readonly siteId: string; readonly body: SiteChange };

async function valuesOf(trx: Db, { caller }: Area, { siteId, body }: Said): Promise<SiteValues> {
  const { parent_site: slug, ...values } = body;
  if (slug === undefined) return values;
  if (slug === null) return { ...values, parent_site_id: null };
  const parent = await findSite(trx, caller.tenantId, slug);
  if (!parent || !maySee(caller, parent.id))
    throw refusals.invalidBody('/parent_site', 'not_found', 'there is no such site');
  if ((await listSitesAbove(trx, caller.tenantId, parent.id)).includes(siteId))
    throw refusals.invalidBody('/parent_site', 'cycle', 'a site is not part of itself or of its own parts');
  return { ...values, parent_site_id: parent.id };
}

async function getSite(trx: Db, tenantId: string, slug: string): Promise<Site> {
  const site = await findSite(trx, tenantId, slug);
  if (!site) throw refusals.siteNotFound(slug);
  return site;
}
