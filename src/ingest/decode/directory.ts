/**
 * The names that devices use, and what they stand for: sites and points, in memory, each site for `freshMs`. What is not
 * here is asked of the database for a whole batch at once; what is absent there is never remembered, so that a point which
 * has just been made is found by the next message.
 */
import { describeAsset, discoverPoints, isTopicName, type SelfDescription } from '../../assets/discovery.ts';
import { listNamedPoints, listSites, type PointName, type PointRef, type SiteRef } from '../../assets/point-store.ts';
import type { Db } from '../../platform/database.ts';
import { shorten } from './sample.ts';

/** A site with those of its points that have been asked for, by the name of the asset and then their own. */
export type KnownSite = SiteRef & { readonly points: ReadonlyMap<string, ReadonlyMap<string, PointRef>> };

type Points = Map<string, Map<string, PointRef>>;
type Kept = { readonly site: SiteRef & { readonly points: Points }; readonly loadedAt: number; pointCount: number };

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
  const tenants = new Map<string, Map<string, Kept>>();
  let pointCount = 0;

  const remember = (site: KnownSite, found: readonly (PointName & { ref: PointRef })[]) => {
    for (const { asset, point, ref } of found) {
      const ofAsset = (site.points as Points).get(asset);
      if (ofAsset) ofAsset.set(point, ref);
      else (site.points as Points).set(asset, new Map([[point, ref]]));
    }
    // One that a batch has kept for longer than it is here goes with that batch.
    const kept = tenants.get(site.tenantId)?.get(site.slug);
    if (kept?.site !== site) return;
    kept.pointCount += found.length;
    pointCount += found.length;
  };

  const loadSites = async (tenantId: string, slugs: string[]): Promise<KnownSite[]> => {
    if (pointCount > pointsMax) {
      tenants.clear();
      pointCount = 0;
    }
    const sites = tenants.get(tenantId) ?? new Map<string, Kept>();
    tenants.set(tenantId, sites);
    for (const slug of slugs) {
      pointCount -= sites.get(slug)?.pointCount ?? 0;
      sites.delete(slug);
    }
    const loaded = (await listSites(db, { tenantId, slugs })).map((site) => ({ ...site, points: new Map() }));
    for (const site of loaded) sites.set(site.slug, { site, loadedAt: performance.now(), pointCount: 0 });
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
        const missing = some.filter(({ asset, point }) => !knownPoint(site, asset, point));
        if (missing.length === 0 || !site.discovery) continue;
        if (!(await discoverPoints(db, { site, names: missing }))) siteFull = true;
        remember(site, await listNamedPoints(db, { site, names: missing }));
      }
      return { siteFull };
    },
    describe: (site, asset, said) => describeAsset(db, { site, asset, said }),
  };
}

/** A point of a site as far as it is in memory. */
export function knownPoint(site: KnownSite, asset: string, point: string): PointRef | undefined {
  return site.points.get(asset)?.get(point);
}

/**
 * Brings points into memory that are not there yet, as far as their names can be names; resolves with those of their sites
 * that are full.
 */
export async function loadMissing(
  directory: Directory,
  wanted: Iterable<PointName & { readonly site: KnownSite }>,
): Promise<ReadonlySet<KnownSite>> {
  const missing = new Map<KnownSite, Map<string, PointName>>();
  for (const { site, asset, point } of wanted) {
    if (knownPoint(site, asset, point) || !isTopicName(asset) || !isTopicName(point)) continue;
    const names = missing.get(site) ?? new Map<string, PointName>();
    missing.set(site, names.set(pointKey(asset, point), { asset, point }));
  }
  const full = new Set<KnownSite>();
  for (const [site, names] of missing) {
    const { siteFull } = await directory.loadPoints(site, [...names.values()]);
    if (siteFull) full.add(site);
  }
  return full;
}

/** The key of a point within its site. Names have no line feeds, and some have slashes. */
export function pointKey(asset: string, point: string): string {
  return `${asset}\n${point}`;
}

/** Why nothing is found under a slug. */
export function siteIsUnknown(slug: string): string {
  return `there is no site ${shorten(slug)}; GET /api/v1/sites lists those there are`;
}

/** Why a name that is not known stays unknown. */
export function discoveryIsOff(site: SiteRef): string {
  return `discovery is off for site ${site.slug}`;
}

/** Why nothing more is discovered at a site that has as much as it may. */
export function siteIsFull(site: SiteRef): string {
  return `site ${site.slug} has discovered as many assets and points as it may`;
}
