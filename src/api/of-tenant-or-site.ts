/** What belongs to one site or, where it names none, to the whole tenant: retention policies, overrides of rules. */
import { type Area, requireSite } from '../access/api-key.ts';
import { requireMatch } from '../platform/etag.ts';
import type { Refusal } from '../platform/refusal.ts';
import { refusals } from '../platform/refusals.ts';

type Found = { readonly siteId: string | null; readonly updatedAt: Date };

/** What was found, for reading; below a site only what is of that site or of the whole tenant. */
export function requireReadable<T extends Found>(area: Area, found: T | undefined, notFound: () => Refusal): T {
  const isElsewhere = area.site !== null && found?.siteId != null && found.siteId !== area.site.id;
  if (!found || isElsewhere) throw notFound();
  if (found.siteId !== null) requireSite(area.caller, found.siteId);
  return found;
}

/** The same for writing: what is of the whole tenant is beyond a key that is limited to sites, and beyond a site's mount. */
export function requireWritable(
  area: Area,
  { siteId, updatedAt }: Found,
  { ifMatch, notFound }: { readonly ifMatch: string | undefined; readonly notFound: () => Refusal },
): void {
  if (siteId === null && area.site !== null) throw notFound();
  if (siteId === null && area.caller.siteIds !== null) throw refusals.siteForbidden();
  requireMatch(ifMatch, updatedAt);
}
