import type { Area } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { Id } from '../platform/fields.ts';
import type { Asset } from './asset.ts';
import { findAsset } from './store.ts';

/** The asset of the area's tenant that has a barcode, or that id; of a merged one the one that it was merged into. */
export async function findAssetByCode(
  db: Db,
  area: Area,
  code: string,
): Promise<{ asset: Asset; siteId: string } | undefined> {
  const printed = await db
    .selectFrom('asset')
    .select('id')
    .where('tenant_id', '=', area.caller.tenantId)
    .where('barcode', '=', code)
    .where('merged_into', 'is', null)
    .executeTakeFirst();
  const id = printed?.id ?? (Id.safeParse(code).success ? code : undefined);
  if (id === undefined) return undefined;
  const found = await findAsset(db, { ...area, site: null }, { id });
  const { merged_into: mergedInto = null } = found?.asset ?? {};
  return mergedInto === null ? within(area, found) : findAsset(db, area, { id: mergedInto });
}

function within<T extends { siteId: string }>({ site }: Area, found: T | undefined): T | undefined {
  return site === null || found?.siteId === site.id ? found : undefined;
}
