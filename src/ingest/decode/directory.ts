/**
 * The names that devices use, and what they stand for: sites and points, in memory, each site for `freshMs`. What is not
 * here is asked of the database for a whole batch at once; what is absent there is never remembered, so that a point which
 * has just been made is found by the next message.
 */
import { describeAsset, discoverPoints, type SelfDescription } from '../../assets/discovery.ts';
import { listNamedPoints, listSites, type PointName, type PointRef, type SiteRef } from '../../assets/point-store.ts';
import type { Db } from '../../platform/database.ts';

/** A site with those of its points that have been asked for, by `asset/point`. */
export type KnownSite = SiteRef & { readonly points: Map<string, PointRef> };

export type Directory = {
  /** Those of a tenant's sites that have one of these slugs, by slug: for the caller to keep while a batch lasts. */
  findSites(tenantId: string, slugs: Iterable<string>): Promise<ReadonlyMap<string, KnownSite>>;
  /** Brings points into memory, as far as they exist or discovery makes them; tells of those left whether the site is full. */
  loadPoints(site: KnownSite, names: readonly PointName[]): Promise<{ siteFull: boolean }>;
  /** Keeps what a device says about an asset; false when the site is full. */
  describe(site: KnownSite, asset: string, said: SelfDescription): Promise<boolean>;
};

const freshMs = 30_000;
const pointsMax = 500_000;
/** Names in one statement; a batch of 10,000 readings may name as many points. */
const namesAtOnceMax = 5_000;

/** A directory over `db`. */
export function createDirectory(db: Db): Directory {
  const tenants = new Map<string, Map<string, { site: KnownSite; loadedAt: number }>>();
  let pointCount = 0;

  const remember = (site: KnownSite, found: readonly (PointName & { ref: PointRef })[]) => {
    for (const { asset, point, ref } of found) site.points.set(pointKey(asset, point), ref);
    pointCount += found.length;
  };

  const loadSites = async (tenantId: string, slugs: string[]): Promise<KnownSite[]> => {
    if (pointCount > pointsMax) {
      tenants.clear();
      pointCount = 0;
    }
    const sites = tenants.get(tenantId) ?? new Map();
    tenants.set(tenantId, sites);
    for (const slug of slugs) {
      pointCount -= sites.get(slug)?.site.points.size ?? 0;
      sites.delete(slug);
    }
    const loaded = (await listSites(db, { tenantId, slugs })).map((site) => ({ ...site, points: new Map() }));
    for (const site of loaded) sites.set(site.slug, { site, loadedAt: performance.now() });
    return loaded;
  };

  return {
    findSites: async (tenantId, slugs) => {
      const found = new Map<string, KnownSite>();
      const missing: string[] = [];
      for (const slug of slugs) {
        const known = tenants.get(tenantId)?.get(slug);
        if (known && performance.now() - known.loadedAt < freshMs) found.set(slug, known.site);
        else missing.push(slug);
      }
      if (missing.length > 0) for (const site of await loadSites(tenantId, missing)) found.set(site.slug, site);
      return found;
    },
    loadPoints: async (site, names) => {
      let siteFull = false;
      for (let from = 0; from < names.length; from += namesAtOnceMax) {
        const some = names.slice(from, from + namesAtOnceMax);
        remember(site, await listNamedPoints(db, { site, names: some }));
        const missing = some.filter(({ asset, point }) => !site.points.has(pointKey(asset, point)));
        if (missing.length === 0 || !site.discovery) continue;
        if (!(await discoverPoints(db, { site, names: missing }))) siteFull = true;
        remember(site, await listNamedPoints(db, { site, names: missing }));
      }
      return { siteFull };
    },
    describe: (site, asset, said) => describeAsset(db, { site, asset, said }),
  };
}

/** The key of a point within its site; it is the rest of the point's topic, too. */
export function pointKey(asset: string, point: string): string {
  return `${asset}/${point}`;
}
