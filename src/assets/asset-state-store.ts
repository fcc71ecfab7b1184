import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import type { AssetState } from './asset-change-store.ts';

/** The rows of all assets of a site. */
export function listStatesAtSite(trx: Db, { tenantId, siteId }: { tenantId: string; siteId: string }) {
  return listStates(trx, sql`asset.tenant_id = ${tenantId} and asset.site_id = ${siteId}`);
}

/** The rows of some assets. */
export function listStatesById(trx: Db, { tenantId, ids }: { tenantId: string; ids: readonly string[] }) {
  return listStates(trx, sql`asset.tenant_id = ${tenantId} and asset.id = any(${[...ids]}::uuid[])`);
}

async function listStates(trx: Db, which: RawBuilder<unknown>): Promise<AssetState[]> {
  const { rows } = await sql<AssetState>`
    select asset.*, asset.install_date::text as install_date, asset.warranty_until::text as warranty_until, site.slug as site
    from asset join site on site.id = asset.site_id where ${which} order by asset.id`.execute(trx);
  return rows;
}
