import { newId } from '../../src/platform/id.ts';
import type { TestApi, World } from './api.ts';

/** What the examples of merging name as their target. */
const targetId = '0198f0a0-7b5c-7def-8abc-0123456789ab';

/** The point and the asset that the document's examples merge into; gives a maker of what can be merged, anew each time. */
export async function makeMergeExamples(
  { database: { db } }: TestApi,
  { tenantId, campusId, ahuId }: Pick<World, 'tenantId' | 'campusId' | 'ahuId'>,
): Promise<(collection: string) => Promise<string>> {
  let count = 0;
  const makeAsset = async (id: string) => {
    const name = `duplicate-${++count}`;
    const asset = { id, tenant_id: tenantId, site_id: campusId, name, uri: `urn:${name}`, shard: 0 };
    await db.insertInto('asset').values(asset).execute();
    return id;
  };
  const makePoint = async ({ id = newId(), assetId = ahuId, name = `duplicate-${++count}` }) => {
    await db.insertInto('point').values({ id, tenant_id: tenantId, asset_id: assetId, name }).execute();
    return id;
  };
  await makePoint({ id: targetId });
  await makePoint({ assetId: await makeAsset(targetId), name: 'sat' });
  return async (collection) => {
    if (collection === 'points') return makePoint({});
    const assetId = await makeAsset(newId());
    await makePoint({ assetId, name: 'SupTmp' });
    return assetId;
  };
}
