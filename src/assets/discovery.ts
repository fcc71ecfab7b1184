/**
 * Assets and points that come into being because a device names them, on sites that allow it. Two processes may discover
 * the same at once: whoever is second finds what the first has made.
 */
import { z } from 'zod';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { nameAsset, namePoint } from './naming.ts';
import {
  countDiscovered,
  insertDiscoveredAssets,
  insertDiscoveredPoints,
  listNamedAssets,
  type NewAsset,
  type NewPoint,
  type PointName,
  type SiteRef,
  updateDiscoveredAsset,
  updateDiscoveredPoints,
} from './point-store.ts';

/** What a site may discover at most, so that a device that counts up in its topics cannot fill the database. */
const discoveredAssetsMax = 10_000;
const discoveredPointsMax = 100_000;

const ClassName = z
  .string()
  .regex(/^[a-z][a-z0-9]{0,31}:[A-Za-z][A-Za-z0-9_]{0,127}$/, 'must be a class with its prefix, such as brick:AHU');

/** Whether a text may name an asset or a point, in a topic or in a payload. */
export function isTopicName(text: string): boolean {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters to refuse.
  return /^[^\u0000-\u001f\u007f]{1,128}$/.test(text) && text.isWellFormed();
}

const TopicName = z.string().refine(isTopicName, 'must be 1 to 128 characters, none of them a control character');

/** What a device says about itself: the class of its asset, parameters of rules, and its points. */
export const SelfDescription = z.object({
  class: ClassName.optional(),
  params: z.record(z.string().min(1).max(64), z.number()).optional(),
  points: z
    .record(
      TopicName,
      z.object({ class: ClassName.optional(), of: ClassName.optional(), unit: z.string().min(1).max(32).optional() }),
    )
    .refine((points) => Object.keys(points).length <= 1_000, 'at most 1000 points')
    .default({}),
});
export type SelfDescription = z.infer<typeof SelfDescription>;

/** Makes whatever is missing of these points and their assets; returns false, making nothing, when the site is full. */
export async function discoverPoints(
  db: Db,
  { site, names }: { site: SiteRef; names: readonly PointName[] },
): Promise<boolean> {
  const assetNames = [...new Set(names.map(({ asset }) => asset))].sort();
  const discovered = await countDiscovered(db, site);
  if (discovered.assets + assetNames.length > discoveredAssetsMax) return false;
  if (discovered.points + names.length > discoveredPointsMax) return false;
  const assetIds = await ensureAssets(db, { site, names: assetNames });
  const points = names.flatMap(({ asset, point }) => {
    const assetId = assetIds.get(asset);
    return assetId === undefined ? [] : [newPoint(assetId, point)];
  });
  await insertDiscoveredPoints(db, { tenantId: site.tenantId, points });
  return true;
}

/**
 * Makes the asset and the points that a device describes, or changes them as long as they are `discovered`; what a person
 * has modelled stays. Returns false, making nothing, when the site is full.
 */
export async function describeAsset(
  db: Db,
  { site, asset, said }: { site: SiteRef; asset: string; said: SelfDescription },
): Promise<boolean> {
  const names = Object.keys(said.points).map((point) => ({ asset, point }));
  const discovered = await countDiscovered(db, site);
  if (discovered.assets >= discoveredAssetsMax || discovered.points + names.length > discoveredPointsMax) return false;
  const assetId = (await ensureAssets(db, { site, names: [asset] })).get(asset);
  if (assetId === undefined) return false;
  await updateDiscoveredAsset(db, {
    tenantId: site.tenantId,
    assetId,
    ...(said.class !== undefined && { class: said.class }),
    ...(said.params !== undefined && { params: said.params }),
  });
  const points = Object.entries(said.points).map(([name, point]) => ({
    id: newId(),
    assetId,
    name,
    class: point.class ?? null,
    partOf: point.of ?? null,
    unit: point.unit ?? null,
  }));
  await updateDiscoveredPoints(db, { tenantId: site.tenantId, points });
  await insertDiscoveredPoints(db, { tenantId: site.tenantId, points: points.map(withNaming) });
  return true;
}

async function ensureAssets(db: Db, { site, names }: { site: SiteRef; names: string[] }): Promise<Map<string, string>> {
  const found = await listNamedAssets(db, { site, names });
  const known = new Set(found.map(({ name }) => name));
  const missing = names.filter((name) => !known.has(name));
  if (missing.length === 0) return byName(found);
  await insertDiscoveredAssets(db, { site, assets: missing.map((name) => newAsset(site, name)) });
  return byName(await listNamedAssets(db, { site, names }));
}

function byName(assets: { id: string; name: string }[]): Map<string, string> {
  return new Map(assets.map(({ id, name }) => [name, id]));
}

function newAsset(site: SiteRef, name: string): NewAsset {
  const uri = `urn:faultline:${site.slug}:${encodeURIComponent(name)}`;
  return { id: newId(), name, uri, class: nameAsset(name), params: {} };
}

function newPoint(assetId: string, name: string): NewPoint {
  return { id: newId(), assetId, name, ...namePoint(name) };
}

/** What the device leaves out is taken from the name, unless it says another class, of which the name knows nothing. */
function withNaming(point: NewPoint): NewPoint {
  return point.class === null ? { ...newPoint(point.assetId, point.name), ...said(point) } : point;
}

function said(point: NewPoint): Partial<NewPoint> {
  return { ...(point.partOf !== null && { partOf: point.partOf }), ...(point.unit !== null && { unit: point.unit }) };
}
