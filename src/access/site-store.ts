import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import type { Caller } from './api-key.ts';

export type SiteName = { readonly id: string; readonly slug: string };

/** The condition that a column of site ids is among the sites of a key; a key that is limited to none sees nothing. */
export function withinSites(column: string, { siteIds }: Caller) {
  return siteIds === null ? sql<boolean>`true` : sql<boolean>`${sql.ref(column)} = any(${siteIds}::uuid[])`;
}

/** A site of the tenant by its slug. */
export function findSiteBySlug(db: Db, tenantId: string, slug: string): Promise<SiteName | undefined> {
  return db
    .selectFrom('site')
    .select(['id', 'slug'])
    .where('tenant_id', '=', tenantId)
    .where('slug', '=', slug)
    .executeTakeFirst();
}

/** Those of some ids that are of sites of the tenant. */
export async function listSiteIds(db: Db, tenantId: string, ids: readonly string[]): Promise<string[]> {
  const rows = await db
    .selectFrom('site')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where(sql<boolean>`id = any(${[...ids]}::uuid[])`)
    .execute();
  return rows.map(({ id }) => id);
}

/** The site that a row names, where it names one. */
export async function findSiteById(db: Db, id: string | null): Promise<SiteName | null> {
  if (id === null) return null;
  return db.selectFrom('site').select(['id', 'slug']).where('id', '=', id).executeTakeFirstOrThrow();
}
