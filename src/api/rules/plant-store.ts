import type { Caller } from '../../access/api-key.ts';
import { withinSites } from '../../access/site-store.ts';
import type { Db } from '../../platform/database.ts';

/** The sites that a caller may see, or the one of them that is named, each with the shard that its equipment is in. */
export function listSiteShards(
  db: Db,
  caller: Caller,
  siteId: string | null,
): Promise<{ id: string; slug: string; shard: number }[]> {
  let sites = db
    .selectFrom('site')
    .select(['id', 'slug', 'shard'])
    .where('tenant_id', '=', caller.tenantId)
    .where(withinSites('site.id', caller));
  if (siteId !== null) sites = sites.where('id', '=', siteId);
  return sites.orderBy('slug').execute();
}
