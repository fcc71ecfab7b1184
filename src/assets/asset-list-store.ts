import { sql } from 'kysely';
import type { Area } from '../access/api-key.ts';
import { withinSites } from '../access/site-store.ts';
import type { Db } from '../platform/database.ts';
import type { Column } from '../platform/list-range.ts';
import { inOrder, narrowed, rowsOf } from '../platform/page-store.ts';
import type { ListRequest, Rows } from '../platform/paging.ts';
import { type Asset, type AssetFilter, assetList } from './asset.ts';
import { datesShown, toAsset } from './asset-row-store.ts';
import { canonicalClass, isSubclassOf, listClasses } from './brick-classes.ts';
import { healthOfAsset } from './health-store.ts';

/** Equipment in the area, without what turned out to be another piece, and without what is retired unless that is asked for. */
export async function listAssets(db: Db, area: Area, filter: AssetFilter, page: ListRequest): Promise<Rows<Asset>> {
  let assets = db
    .selectFrom('asset')
    .innerJoin('site', 'site.id', 'asset.site_id')
    .leftJoin('location', 'location.id', 'asset.location_id')
    .where('asset.tenant_id', '=', area.caller.tenantId)
    .where('asset.merged_into', 'is', null)
    .where(withinSites('asset.site_id', area.caller));
  if (area.site !== null) assets = assets.where('asset.site_id', '=', area.site.id);
  if (filter.status !== undefined) assets = assets.where('asset.status', 'in', filter.status);
  else assets = assets.where('asset.status', '<>', 'retired');
  if (filter.site !== undefined) assets = assets.where('site.slug', '=', filter.site);
  if (filter.class !== undefined) assets = assets.where('asset.class', 'in', namesOfClass(filter.class));
  if (filter.criticality !== undefined) assets = assets.where('asset.criticality', 'in', filter.criticality);
  if (filter.state !== undefined) assets = assets.where('asset.state', '=', filter.state);
  if (filter.source !== undefined) assets = assets.where('asset.source', '=', filter.source);
  if (filter.parent_id !== undefined) assets = assets.where('asset.parent_id', '=', filter.parent_id);
  if (filter.location_id !== undefined) assets = assets.where('asset.location_id', '=', filter.location_id);
  if (filter.manufacturer !== undefined) assets = assets.where('asset.manufacturer', '=', filter.manufacturer);
  if (filter.model !== undefined) assets = assets.where('asset.model', '=', filter.model);
  if (filter.serial_number !== undefined) assets = assets.where('asset.serial_number', '=', filter.serial_number);
  if (filter.barcode !== undefined) assets = assets.where('asset.barcode', '=', filter.barcode);
  if (filter.external_id !== undefined) assets = assets.where('asset.own_external_id', '=', filter.external_id);
  if (filter.tag !== undefined) assets = assets.where(sql<boolean>`asset.tags @> array[${filter.tag}]::text[]`);
  if (filter.uri !== undefined) assets = assets.where('asset.uri', '=', filter.uri);
  const withHealth = () =>
    assets.innerJoinLateral(healthOfAsset.as('health'), (join) => join.onTrue()) as unknown as typeof assets;
  const counted = narrowed(needHealth(page.ranges) ? withHealth() : assets, page);
  const total = await counted.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const found = narrowed(needHealth([...page.order, ...page.ranges]) ? withHealth() : assets, page);
  const shown = found.selectAll('asset').select(['site.slug as site', 'location.name as location']).select(datesShown);
  return rowsOf(await inOrder(shown, page).execute(), total, toAsset);
}

/** All names of a class and of its subclasses, since equipment is stored with any of them. */
function namesOfClass(name: string): string[] {
  const known = listClasses().filter((one) => isSubclassOf(one, name));
  return [...new Set([name, canonicalClass(name), ...known])];
}

/** Whether something asks for how each piece is doing, which is found out for nothing else. */
function needHealth(asked: readonly { readonly column: Column }[]): boolean {
  return asked.some(({ column }) => column === assetList.columns.health);
}
