import type { Db } from '../../platform/database.ts';
import type { Override } from '../../rules/language/override.ts';
import { suggest } from '../../rules/language/suggestion.ts';
import { listTenantOverrides } from '../../rules/live/override-store.ts';
import { getShardModel, type ModelAsset } from '../../rules/live/store.ts';
import { type InstalledSite, listInstalledSites } from './installation-store.ts';

/** The equipment of one site that has a class or points that are expected to report, and what people have set otherwise about rules there. */
export type StoredPlant = {
  readonly site: InstalledSite;
  readonly assets: readonly ModelAsset[];
  readonly overrides: readonly Override[];
};

/** The plants of an installation: of one site where it is named by slug or id. Throws a sentence where there is no such site. */
export async function listPlants(db: Db, site: string | undefined): Promise<StoredPlant[]> {
  const sites = await listInstalledSites(db, site);
  if (sites.length === 0) throw new Error(await noSuchSite(db, site));
  if (site !== undefined && sites.length > 1) {
    const ids = sites.map(({ id, tenant }) => `${id} (${tenant})`).join(', ');
    throw new Error(`${sites.length} tenants have a site '${site}'; name it by its id: ${ids}`);
  }
  const plants: StoredPlant[] = [];
  for (const found of sites) {
    const { assets } = await getShardModel(db, found.shard);
    const own = assets.filter(({ owner }) => owner.siteId === found.id);
    plants.push({ site: found, assets: own, overrides: await listTenantOverrides(db, found.tenantId) });
  }
  return plants;
}

/** The same without the equipment that has no class: no rule is for it. */
export function withClass(plants: readonly StoredPlant[]): StoredPlant[] {
  return plants.map((plant) => ({ ...plant, assets: plant.assets.filter(({ asset }) => asset.class !== '') }));
}

/** The asset that goes by a name, an id or a URI, with its plant. Throws a sentence where there is none or more than one. */
export function findAssetOf(plants: readonly StoredPlant[], named: string): { plant: StoredPlant; found: ModelAsset } {
  const all = plants.flatMap((plant) => plant.assets.map((found) => ({ plant, found })));
  const matching = all.filter(
    ({ found: { asset, owner } }) => asset.id === named || asset.name === named || owner.uri === named,
  );
  const [first, ...others] = matching;
  if (!first) {
    const help = suggest(
      named,
      all.map(({ found }) => found.asset.name),
    );
    throw new Error(`there is no asset '${named}' that has a class${help === undefined ? '' : `; ${help}`}`);
  }
  if (others.length > 0) {
    const places = matching.map(({ plant, found }) => `${found.asset.id} (${plant.site.slug})`).join(', ');
    throw new Error(`${matching.length} assets are called '${named}'; name one by its id: ${places}`);
  }
  return first;
}

async function noSuchSite(db: Db, site: string | undefined): Promise<string> {
  if (site === undefined) return 'there is no site yet';
  const slugs = (await listInstalledSites(db, undefined)).map(({ slug }) => slug);
  const help = suggest(site, slugs);
  return `there is no site '${site}'${help === undefined ? '' : `; ${help}`}`;
}
