/**
 * Assets and points that come into being because a device names them, on sites that allow it. Two processes may discover
 * the same at once: whoever is second finds what the first has made.
 */
import { z } from 'zod';
import { appendEvents } from '../events/store.ts';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { assetChanged, assetCreated } from './asset-events.ts';
import { listStatesById } from './asset-state-store.ts';
import { madeUpUri, ownUri } from './asset-uri.ts';
import { nameAsset, namePoint } from './naming.ts';
import { expectedIntervalMax } from './point.ts';
import {
  countDiscovered,
  insertDiscoveredAssets,
  insertDiscoveredPoints,
  listNamedAssets,
  listNamedPoints,
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

/** Counted first: to find fault with each of a hundred thousand entries would take half a second. */
function atMost(max: number, what: string) {
  const isFew = (given: unknown) => typeof given !== 'object' || given === null || Object.keys(given).length <= max;
  return z.unknown().refine(isFew, `at most ${max} ${what}`);
}

const Params = z.record(TopicName.max(64), z.number());
const Points = z.record(
  TopicName,
  z.object({
    class: ClassName.optional(),
    of: ClassName.optional(),
    unit: TopicName.max(32).optional(),
    expected_interval_s: z.number().min(1).max(expectedIntervalMax.seconds).optional(),
  }),
);

/** What a device says about itself: the class of its asset, parameters of rules, and its points. */
export const SelfDescription = z.object({
  class: ClassName.optional(),
  params: atMost(200, 'params').pipe(Params).optional(),
  points: atMost(1_000, 'points').pipe(Points).default({}),
});
export type SelfDescription = z.infer<typeof SelfDescription>;

/** A point by its names, with what is known of it beside them; what is null or absent its name may tell. */
export type WantedPoint = PointName & {
  readonly assetClass?: string | null;
  readonly class?: string | null;
  readonly unit?: string | null;
  readonly min?: number | null;
  readonly max?: number | null;
};

/**
 * Makes whatever is missing of these points and their assets and fits; false when the site is too full for all. What is there stays
 * as it is.
 */
export async function discoverPoints(
  db: Db,
  { site, names }: { site: SiteRef; names: readonly WantedPoint[] },
): Promise<boolean> {
  const fitting = await findFitting(db, { site, assets: names.map(({ asset }) => asset), points: names });
  if (fitting.assets.length === 0) return false;
  const classes = new Map(names.map(({ asset, assetClass }) => [asset, assetClass ?? null]));
  const assetIds = await ensureAssets(db, { site, names: fitting.assets, classes });
  const points = fitting.points.flatMap(({ asset, point, ...known }: WantedPoint) => {
    const assetId = assetIds.get(asset);
    return assetId === undefined ? [] : [knownPoint(newPoint(assetId, point), known)];
  });
  await insertDiscoveredPoints(db, { tenantId: site.tenantId, points });
  return fitting.isAll;
}

/**
 * Makes the asset and the points that a device describes, or changes them as long as they are `discovered`; what a person
 * has modelled stays. Returns false, making nothing, when the site is too full for what is missing.
 */
export async function describeAsset(
  db: Db,
  { site, asset, said }: { site: SiteRef; asset: string; said: SelfDescription },
): Promise<boolean> {
  const names = Object.keys(said.points).map((point) => ({ asset, point }));
  const { isAll, knownPoints } = await findFitting(db, { site, assets: [asset], points: names });
  if (!isAll) return false;
  const assetId = (await ensureAssets(db, { site, names: [asset] })).get(asset);
  if (assetId === undefined) return false;
  const { tenantId } = site;
  const describe = (trx: Db) => sayOfAsset(trx, { tenantId, assetId, said });
  await (db.isTransaction ? describe(db) : db.transaction().execute(describe));
  const points = Object.entries(said.points).map(([name, point]) => ({
    id: newId(),
    assetId,
    name,
    class: point.class ?? null,
    partOf: point.of ?? null,
    unit: point.unit ?? null,
    expectedIntervalMs: point.expected_interval_s === undefined ? null : Math.round(point.expected_interval_s * 1_000),
  }));
  await updateDiscoveredPoints(db, { tenantId: site.tenantId, points });
  // A name that stands for a point of another name, since that was merged, is no new point.
  const missing = points.filter(({ name }) => !knownPoints.has(name));
  await insertDiscoveredPoints(db, { tenantId: site.tenantId, points: missing.map(withNaming) });
  return true;
}

type Saying = { readonly tenantId: string; readonly assetId: string; readonly said: SelfDescription };

/** Sets what a device says of its asset, and tells of it where that is anything new; in a transaction. */
async function sayOfAsset(trx: Db, { tenantId, assetId, said }: Saying): Promise<void> {
  const [before] = await listStatesById(trx, { tenantId, ids: [assetId] });
  await updateDiscoveredAsset(trx, {
    tenantId,
    assetId,
    ...(said.class !== undefined && { class: said.class }),
    ...(said.params !== undefined && { params: said.params }),
  });
  const [after] = await listStatesById(trx, { tenantId, ids: [assetId] });
  if (before && after) await appendEvents(trx, assetChanged(before, after, { actor: { kind: 'system' } }));
}

type Wanted = { readonly site: SiteRef; readonly assets: readonly string[]; readonly points: readonly PointName[] };
type Fitting = {
  readonly assets: string[];
  readonly points: PointName[];
  readonly isAll: boolean;
  /** The names of those points that are there, whatever their assets. */
  readonly knownPoints: ReadonlySet<string>;
};

/** All assets if those that are missing fit into the site, else those that are there; all of their points, or nothing. */
async function findFitting(db: Db, { site, assets, points }: Wanted): Promise<Fitting> {
  const names = [...new Set(assets)].sort();
  const knownAssets = new Set((await listNamedAssets(db, { site, names })).map(({ name }) => name));
  const found = await listNamedPoints(db, { site, names: points });
  const knownPoints = new Set(found.map(({ point }) => point));
  const missing = { assets: names.length - knownAssets.size, points: points.length - found.length };
  // Counting all of a large site takes long, and a device may describe its asset often.
  if (missing.assets + missing.points === 0) return { assets: names, points: [...points], isAll: true, knownPoints };
  const discovered = await countDiscovered(db, site);
  const assetsFit = missing.assets === 0 || discovered.assets + missing.assets <= discoveredAssetsMax;
  const wanted = assetsFit ? [...points] : points.filter(({ asset }) => knownAssets.has(asset));
  const pointsFit = discovered.points + wanted.length - found.length <= discoveredPointsMax;
  if (!pointsFit && wanted.length > found.length) return { assets: [], points: [], isAll: false, knownPoints };
  return { assets: assetsFit ? names : [...knownAssets], points: wanted, isAll: assetsFit, knownPoints };
}

type Assets = {
  readonly site: SiteRef;
  readonly names: string[];
  readonly classes?: ReadonlyMap<string, string | null>;
};

async function ensureAssets(db: Db, { site, names, classes }: Assets): Promise<Map<string, string>> {
  const found = await listNamedAssets(db, { site, names });
  const known = new Set(found.map(({ name }) => name));
  const missing = names.filter((name) => !known.has(name));
  if (missing.length === 0) return byName(found);
  const assets = missing.map((name) => newAsset(site, name, classes?.get(name)));
  if (db.isTransaction) await makeKnown(db, { site, assets });
  else await db.transaction().execute((trx) => makeKnown(trx, { site, assets }));
  return byName(await listNamedAssets(db, { site, names }));
}

/** Makes assets, and tells of those that are new; in a transaction. */
async function makeKnown(trx: Db, { site, assets }: { site: SiteRef; assets: NewAsset[] }): Promise<void> {
  const first = new Set(await insertDiscoveredAssets(trx, { site, assets }));
  // Of the others somebody has made one of the name meanwhile, or other equipment has the URI.
  const others = assets.filter(({ id }) => !first.has(id)).map((one) => ({ ...one, uri: ownUri(one.uri, one.id) }));
  const ids = [...first, ...(await insertDiscoveredAssets(trx, { site, assets: others }))];
  const made = await listStatesById(trx, { tenantId: site.tenantId, ids });
  await appendEvents(
    trx,
    made.map((row) => assetCreated(row, { kind: 'system' })),
  );
}

function byName(assets: { id: string; name: string }[]): Map<string, string> {
  return new Map(assets.map(({ id, name }) => [name, id]));
}

function newAsset(site: SiteRef, name: string, known: string | null = null): NewAsset {
  const uri = madeUpUri({ site: site.slug, name });
  return { id: newId(), name, uri, class: known ?? nameAsset(name), params: {} };
}

function newPoint(assetId: string, name: string): NewPoint {
  return { id: newId(), assetId, name, ...namePoint(name) };
}

/** The range of values goes with the unit that was said, which the name would not know. */
function knownPoint(named: NewPoint, known: Omit<WantedPoint, keyof PointName>): NewPoint {
  const isAnother = known.class != null && known.class !== named.class;
  return {
    ...named,
    ...(isAnother && { class: known.class, partOf: null, unit: null }),
    ...(known.unit != null && { unit: known.unit }),
    min: known.min ?? null,
    max: known.max ?? null,
  };
}

/** What the device leaves out is taken from the name, unless it says another class, of which the name knows nothing. */
function withNaming(point: NewPoint): NewPoint {
  return point.class === null ? { ...newPoint(point.assetId, point.name), ...said(point) } : point;
}

function said(point: NewPoint): Partial<NewPoint> {
  return {
    ...(point.partOf !== null && { partOf: point.partOf }),
    ...(point.unit !== null && { unit: point.unit }),
    expectedIntervalMs: point.expectedIntervalMs ?? null,
  };
}
