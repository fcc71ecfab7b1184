/**
 * Equipment as rules see it, for requests: each shard's model is kept until its version says that it has changed. A shard
 * holds equipment of many tenants; what is read and kept here is one tenant's part of it.
 */
import type { Caller } from '../../access/api-key.ts';
import type { Db } from '../../platform/database.ts';
import { createPlant, type Plant } from '../../rules/kernel/plant.ts';
import { findModelVersion, getShardModel, type ModelAsset, type ShardModel } from '../../rules/live/store.ts';
import { listSiteShards } from './plant-store.ts';

/** The equipment of one site that has a class, without which no rule is for it. */
export type SitePlant = {
  readonly siteId: string;
  readonly slug: string;
  readonly assets: readonly ModelAsset[];
  /** The same, for rules that read points of the site or of what is upstream. */
  readonly plant: Plant;
};

export type Plants = {
  /** One plant for each site that the caller may see, or for the one that is named; by their slugs. */
  list(caller: Caller, siteId: string | null): Promise<SitePlant[]>;
};

export function createPlants(db: Db): Plants {
  const models = new Map<string, ShardModel>();
  const modelOf = async (tenantId: string, shard: number): Promise<ShardModel> => {
    const name = `${tenantId} ${shard}`;
    const kept = models.get(name);
    if (kept && kept.version === (await findModelVersion(db, shard))) return kept;
    const model = await getShardModel(db, shard);
    models.set(name, model);
    return model;
  };
  return {
    list: async (caller, siteId) => {
      const plants: SitePlant[] = [];
      for (const { id, slug, shard } of await listSiteShards(db, caller, siteId)) {
        const { assets } = await modelOf(caller.tenantId, shard);
        const own = assets.filter(
          ({ asset, owner }) => asset.class !== '' && owner.siteId === id && owner.tenantId === caller.tenantId,
        );
        plants.push({ siteId: id, slug, assets: own, plant: createPlant(own) });
      }
      return plants;
    },
  };
}
