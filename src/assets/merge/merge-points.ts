/**
 * Points become one with others, and assets with all their points: what is asked, checked, and done at once. Readings follow
 * step by step; see point-merge.ts.
 */
import { type Area, type Caller, requireSite } from '../../access/api-key.ts';
import { getAuthor } from '../../access/store.ts';
import { actorOf } from '../../events/event.ts';
import { appendEvents } from '../../events/store.ts';
import type { Db } from '../../platform/database.ts';
import { refusals } from '../../platform/refusals.ts';
import { type AssetState, insertStatusChanges, lockAssets } from '../asset-change-store.ts';
import { assetChanged } from '../asset-events.ts';
import { getPoint, tellPoint } from '../change-point.ts';
import { type LockedPoint, lockPoints } from '../point-change-store.ts';
import { feedsItself, holdSitesOf } from '../tree-store.ts';
import { type Conversion, findNamedConversion } from '../units.ts';
import { listParts, listPointPairs, mergeAssetRows, type PointPair } from './asset-merge-store.ts';
import { findMerge, insertMerge } from './merge-store.ts';
import { stepMerge } from './move-merged.ts';
import type { AssetMerge, PointMerge, SeriesMover } from './point-merge.ts';

/** So many readings move with the request itself, so that a small history has moved when it is answered. */
const readingsAtOnce = 10_000;

type Asked = { readonly id: string; readonly target: string; readonly reason?: string | undefined };

/** Merges a point into another, in the caller's transaction. Throws point_not_found, point_merged, site_forbidden, validation_failed and merge_not_possible. */
export async function mergePoint(
  trx: Db,
  area: Area,
  { id, target: targetId, reason = '', mover }: Asked & { readonly mover: SeriesMover },
): Promise<PointMerge> {
  if (id === targetId) throw refusals.invalidBody('/target', 'conflict', 'must be another point');
  const points = new Map((await lockPoints(trx, area, [id, targetId])).map((point) => [point.pointId, point]));
  const [source, target] = [points.get(id), points.get(targetId)];
  if (!source) throw refusals.pointNotFound(id);
  requireSite(area.caller, source.siteId);
  if (!target) throw refusals.invalidBody('/target', 'not_found', 'must be the id of a point');
  requireSite(area.caller, target.siteId);
  const author = await getAuthor(trx, area.caller);
  return mergeLocked(trx, area, { source, target, reason, author, mover, limit: readingsAtOnce });
}

type Locked = {
  readonly source: LockedPoint;
  readonly target: LockedPoint;
  readonly reason: string;
  readonly author: string;
  readonly mover: SeriesMover;
  readonly limit: number;
};

async function mergeLocked(trx: Db, area: Area, given: Locked): Promise<PointMerge> {
  const { source, target, reason, author, mover, limit } = given;
  if (source.mergedInto !== null) throw refusals.pointMerged(source.pointId, source.mergedInto);
  const why = findObstacle(source, target);
  if (why !== undefined) throw refusals.mergeNotPossible(why);
  const conversion = conversionOf(source, target) ?? null;
  const before = [await getPoint(trx, area, source.pointId), await getPoint(trx, area, target.pointId)];
  const id = await insertMerge(trx, { source, target, conversion, reason, author });
  for (const { point } of before) await tellPoint(trx, area, { id: point.id, before: point });
  if (limit > 0) await stepMerge(trx, { id, mover, limit });
  const found = await findMerge(trx, area, id);
  if (!found) throw refusals.pointMergeNotFound(id);
  return found.merge;
}

/** Why one point cannot become another; undefined when it can. */
function findObstacle(source: LockedPoint, target: LockedPoint): string | undefined {
  if (target.mergedInto !== null)
    return `The target was itself merged, into ${target.mergedInto}; give that one as the target.`;
  if (source.siteId !== target.siteId) return 'The two points lie at different sites.';
  if (source.source !== null)
    return `${source.name} comes from the building model ${source.source}, which would make it anew; merge the other into it, or take it out of the model.`;
  if (source.unit !== null && target.unit !== null && conversionOf(source, target) === undefined)
    return `${source.name} is in ${source.unit} and ${target.name} in ${target.unit}, and one does not become the other; give one of them its right unit first.`;
  const texts = Object.entries(source.states ?? {}).filter(
    ([text, number]) => (target.states?.[text] ?? number) !== number,
  );
  const [text] = texts[0] ?? [];
  if (text !== undefined)
    return `The state ${text} is ${source.states?.[text]} of the one and ${target.states?.[text]} of the other; give both the same states first.`;
  return undefined;
}

/** How values change on the way; null where they do not, undefined where they cannot. */
function conversionOf({ unit: from }: LockedPoint, { unit: to }: LockedPoint): Conversion | null | undefined {
  if (from === null || to === null || from === to) return null;
  const conversion = findNamedConversion(from, to);
  const isSame = conversion?.scale === 1 && conversion.offset === 0;
  return isSame ? null : conversion;
}

/** The work orders of one asset become those of another, in the caller's transaction and name. */
export type MoveWorkOrders = (
  trx: Db,
  move: { readonly caller: Caller; readonly fromAssetId: string; readonly toAssetId: string },
) => Promise<void>;

type AskedOfAsset = Asked & {
  /** Names of its points, and of those that they turned out to be; absent: the same names. */
  readonly points?: Readonly<Record<string, string>> | undefined;
  readonly mover: SeriesMover;
  readonly moveWorkOrders: MoveWorkOrders;
};

/** Merges an asset into another, with its points, in the caller's transaction; throws as `mergePoint` does, and asset_not_found. */
export async function mergeAsset(trx: Db, area: Area, asked: AskedOfAsset): Promise<AssetMerge> {
  const { id, target: targetId, points: names = {}, reason = '', mover, moveWorkOrders } = asked;
  const before = await lockAll(trx, area, asked);
  const author = await getAuthor(trx, area.caller);
  const pairs = await listPointPairs(trx, { sourceId: id, targetId, names });
  refuseUnknownNames(names, pairs);
  refuseOwnPoints(pairs);
  const locked = await lockPoints(
    trx,
    area,
    pairs.flatMap((pair) => (pair.targetId ? [pair.sourceId, pair.targetId] : [pair.sourceId])),
  );
  const byId = new Map(locked.map((point) => [point.pointId, point]));
  const merges: PointMerge[] = [];
  for (const pair of pairs) {
    if (pair.targetId === null) continue;
    const [from, into] = [byId.get(pair.sourceId), byId.get(pair.targetId)];
    const limit = Math.floor(readingsAtOnce / pairs.length);
    if (!from || !into) continue;
    merges.push(await mergeLocked(trx, area, { source: from, target: into, reason, author, mover, limit }));
    byId.set(into.pointId, { ...into, unit: into.unit ?? from.unit, states: into.states ?? from.states });
  }
  const moved = pairs.filter((pair) => pair.targetId === null).map((pair) => pair.sourceId);
  const { caller } = area;
  const { tenantId } = caller;
  await mergeAssetRows(trx, { tenantId, sourceId: id, targetId, pointIds: moved });
  if (await feedsItself(trx, { tenantId, id: targetId }))
    throw refusals.mergeNotPossible('The one feeds the other by way of others, so that it would feed itself.');
  await recordMerge(trx, area, { before, author, reason });
  await moveWorkOrders(trx, { caller, fromAssetId: id, toAssetId: targetId });
  return { asset_id: targetId, moved_points: moved, merges };
}

/** Holds both assets and the parts of the first, so that nobody changes their trees meanwhile. Throws why the one cannot become the other. */
async function lockAll(trx: Db, area: Area, { id, target: targetId }: Asked): Promise<AssetState[]> {
  const { tenantId } = area.caller;
  if (id === targetId) throw refusals.invalidBody('/target', 'conflict', 'must be another asset');
  await holdSitesOf(trx, { tenantId, assetIds: [id, targetId] });
  const held = await lockAssets(trx, area, [id, targetId, ...(await listParts(trx, { tenantId, id }))]);
  const assets = new Map(held.map((asset) => [asset.id, asset]));
  const [source, target] = [assets.get(id), assets.get(targetId)];
  if (!source) throw refusals.assetNotFound(id);
  requireSite(area.caller, source.site_id);
  if (!target) throw refusals.invalidBody('/target', 'not_found', 'must be the id of an asset');
  requireSite(area.caller, target.site_id);
  if (source.merged_into !== null)
    throw refusals.mergeNotPossible(`It was merged already, into ${source.merged_into}.`);
  if (target.merged_into !== null)
    throw refusals.mergeNotPossible(`The target was itself merged, into ${target.merged_into}; give that one.`);
  if (source.site_id !== target.site_id) throw refusals.mergeNotPossible('The two assets lie at different sites.');
  if (source.source !== null)
    throw refusals.mergeNotPossible(
      `${source.name} comes from the building model ${source.source}, which would make it anew; merge the other into it.`,
    );
  return held;
}

type Merged = { readonly before: readonly AssetState[]; readonly author: string; readonly reason: string };

/** What a merging has changed of assets: that one of them is retired is on record, and all of it is told. */
async function recordMerge(trx: Db, area: Area, { before, author, reason }: Merged): Promise<void> {
  const ids = before.map(({ id }) => id);
  const after = new Map((await lockAssets(trx, area, ids)).map((asset) => [asset.id, asset]));
  const changed = before.flatMap((was) => {
    const is = after.get(was.id);
    return is ? [{ was, is }] : [];
  });
  await insertStatusChanges(
    trx,
    changed
      .filter(({ was, is }) => was.status !== is.status)
      .map(({ was, is }) => ({
        tenantId: was.tenant_id,
        assetId: was.id,
        from: was.status,
        to: is.status,
        reason: reason || `merged into ${is.merged_into}`,
        author,
        at: is.updated_at,
      })),
  );
  const actor = actorOf(area.caller);
  await appendEvents(
    trx,
    changed.flatMap(({ was, is }) => assetChanged(was, is, { actor, reason })),
  );
}

/** A point of the other asset may have become one of this one: the two are one already, at the asset that is to go. */
function refuseOwnPoints(pairs: readonly PointPair[]): void {
  const own = new Map(pairs.map((pair) => [pair.sourceId, pair.name]));
  const name = pairs.map(({ targetId }) => own.get(targetId ?? '')).find((one) => one !== undefined);
  if (name !== undefined)
    throw refusals.mergeNotPossible(
      `A point of the other asset was merged into its point ${name}; merge the other asset into this one.`,
    );
}

function refuseUnknownNames(names: Readonly<Record<string, string>>, pairs: readonly PointPair[]): void {
  const known = new Map(pairs.map((pair) => [pair.name, pair.targetId]));
  for (const [from, into] of Object.entries(names)) {
    if (!known.has(from)) throw refusals.invalidBody('/points', 'not_found', `names no point of the asset: ${from}`);
    if (known.get(from) === null)
      throw refusals.invalidBody('/points', 'not_found', `names no point of the other asset: ${into}`);
  }
}
