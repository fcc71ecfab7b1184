import { sql } from 'kysely';
import type { Caller } from './api-key.ts';

/** The condition that a column of site ids is among the sites of a key; a key that is limited to none sees nothing. */
export function withinSites(column: string, { siteIds }: Caller) {
  return siteIds === null ? sql<boolean>`true` : sql<boolean>`${sql.ref(column)} = any(${siteIds}::uuid[])`;
}
