/**
 * Where an edge node's metrics belong: the site whose slug is its group, else the tenant's default site; the asset that has
 * the name of the device, or of the node itself. Devices of two edge nodes may have one name: whoever comes first is the
 * asset of that name, for good, and the second is `node:device`, or `group:node:device`.
 */
import { createHash } from 'node:crypto';
import { isTopicName } from '../../assets/discovery.ts';
import type { Db } from '../../platform/database.ts';
import type { Directory, KnownSite } from '../decode/directory.ts';
import { shorten } from '../decode/sample.ts';
import type { Tenants } from '../decode/tenants.ts';
import type { Rejection } from '../quarantine/quarantine.ts';
import type { Birth, NamedMetric } from './births.ts';
import { claimAsset, type NodeKey } from './sparkplug-store.ts';

export type Place = {
  readonly site: KnownSite;
  readonly names: Pick<Birth, 'siteId' | 'siteSlug' | 'asset'>;
};

export type Places = {
  /** The place of what is born, `device` '' being the node; it stays what it was while the group means the same site. */
  ofBirth(key: NodeKey, born: { device: string; before: Birth | undefined }): Promise<Place | Rejection>;
  /** The place that is known already. */
  ofKnown(key: NodeKey, birth: Birth): Promise<Place | Rejection>;
  /** Registers the points of a birth where discovery is on; returns what they were described with. */
  describe(place: Place, said: Description): Promise<string>;
};

type Description = {
  readonly before: Birth | undefined;
  readonly class: string | undefined;
  readonly named: readonly NamedMetric[];
};

export type PlacesOptions = { readonly db: Db; readonly directory: Directory; readonly tenants: Tenants };

/** Places as they are in the database. */
export function createPlaces({ db, directory, tenants }: PlacesOptions): Places {
  const findSite = async ({ tenantId, group }: NodeKey): Promise<KnownSite | undefined> => {
    const fallback = (await tenants.findTenants(new Set([tenantId]))).get(tenantId)?.defaultSite ?? group;
    const sites = await directory.findSites(tenantId, new Set([group, fallback]));
    return sites.get(group) ?? sites.get(fallback);
  };

  return {
    ofBirth: async (key, { device, before }) => {
      const site = await findSite(key);
      if (!site) return noSite(key.group);
      const { siteId, slug: siteSlug } = site;
      if (before?.siteId === siteId) return { site, names: { siteId, siteSlug, asset: before.asset } };
      const asset = await claimAsset(db, { ...key, device, siteId, names: assetNames(key, device) });
      return asset === undefined
        ? noName(device === '' ? key.edge : device)
        : { site, names: { siteId, siteSlug, asset } };
    },
    ofKnown: async ({ tenantId, group }, { siteId, siteSlug, asset }) => {
      const site = (await directory.findSites(tenantId, [siteSlug])).get(siteSlug);
      return site ? { site, names: { siteId, siteSlug, asset } } : noSite(group);
    },
    describe: async ({ site, names }, { before, named, ...said }) => {
      if (!site.discovery) return '';
      const points = named.map(
        ({ name, metric }) => [name, metric.unit === undefined ? {} : { unit: metric.unit }] as const,
      );
      const described = createHash('sha256')
        .update(JSON.stringify([site.siteId, said.class, points]))
        .digest('base64');
      if (described === before?.described) return described;
      const { class: assetClass } = said;
      const description = {
        ...(assetClass !== undefined && { class: assetClass }),
        points: Object.fromEntries(points),
      };
      return (await directory.describe(site, names.asset, description)) ? described : '';
    },
  };
}

function assetNames({ group, edge }: NodeKey, device: string): string[] {
  const names =
    device === '' ? [edge, `${group}:${edge}`] : [device, `${edge}:${device}`, `${group}:${edge}:${device}`];
  return names.filter(isTopicName);
}

function noSite(group: string): Rejection {
  return { reason: 'unknown_site', detail: `there is no site ${shorten(group)}, and no default site` };
}

function noName(name: string): Rejection {
  const detail = `${shorten(name)} cannot be an asset: others have its names, or the tenant has too many edge nodes and devices`;
  return { reason: 'unknown_point', detail };
}
