import { type Area, requireSite } from '../access/api-key.ts';
import { getAuthor } from '../access/store.ts';
import { actorOf } from '../events/event.ts';
import { appendEvents } from '../events/store.ts';
import type { Db } from '../platform/database.ts';
import { requireMatch } from '../platform/etag.ts';
import { newId } from '../platform/id.ts';
import { refusals } from '../platform/refusals.ts';
import { canonicalPoint, type NewPoint, type Point, type PointChange } from './point.ts';
import {
  convertMerged,
  getNamedPoint,
  insertPoint,
  type LockedPoint,
  lockPoints,
  type PointValues,
  updatePoint,
} from './point-change-store.ts';
import { pointEvents } from './point-events.ts';
import { type HistoryPlan, type PointHistory, planHistory } from './point-history.ts';
import { findAsset, findPoint } from './store.ts';
import { convert, findNamedConversion } from './units.ts';

type Change = {
  readonly id: string;
  readonly body: PointChange;
  readonly ifMatch: string | undefined;
  readonly at: Date;
  readonly history: PointHistory;
};

/**
 * Changes what the body gives of a point, in the caller's transaction, and its readings with it where the body says so. Throws
 * point_not_found, point_merged, site_forbidden, precondition_failed, history_undecided and validation_failed.
 */
export async function changePoint(trx: Db, area: Area, change: Change): Promise<Point> {
  const { id, ifMatch, at, history } = change;
  const body = canonicalPoint(change.body);
  const point = await getLockedPoint(trx, area, id);
  requireMatch(ifMatch, point.updatedAt);
  const isAnother = body.unit !== undefined || body.states !== undefined;
  const plan = isAnother && (await history.hasReadings(trx, point.seriesId)) ? planHistory(point, body) : nothing;
  const values = valuesOf(point, body, plan);
  const before = (await getPoint(trx, area, id)).point;
  if (plan.kind !== 'nothing') {
    const { reason = plan.what, history: _, history_before: __, ...request } = body;
    const record = { request, reason, author: await getAuthor(trx, area.caller) };
    if (plan.kind === 'relabel') await history.relabel(trx, point, record);
    else await history.convert(trx, point, { ...plan, record });
  }
  const conversion = point.unit && body.unit ? findNamedConversion(point.unit, body.unit) : undefined;
  if (conversion && plan.kind !== 'relabel') await convertMerged(trx, point, conversion);
  if (Object.keys(values).length > 0) await updatePoint(trx, { tenantId: point.tenantId, id, at }, values);
  return tellPoint(trx, area, { id, before });
}

const nothing: HistoryPlan = { kind: 'nothing' };

/** Makes a point, in the caller's transaction. Throws validation_failed, site_forbidden and point_exists. */
export async function createPoint(trx: Db, area: Area, { body, at }: { body: NewPoint; at: Date }): Promise<Point> {
  const assetId = await findAssetId(trx, area, body);
  refuseEmptyRange(body.min ?? null, body.max ?? null);
  const id = newId();
  if (!(await insertPoint(trx, { id, tenantId: area.caller.tenantId, assetId, at }, canonicalPoint(body)))) {
    const other = await getNamedPoint(trx, { assetId, name: body.name });
    throw refusals.pointExists(body.name, other.mergedInto ?? other.id);
  }
  return tellPoint(trx, area, { id, before: undefined });
}

/** Tells what has become of a point in the transaction, and gives it as it is now. */
export async function tellPoint(
  trx: Db,
  area: Area,
  { id, before }: { id: string; before: Point | undefined },
): Promise<Point> {
  const { point, siteId } = await getPoint(trx, area, id);
  const { caller } = area;
  await appendEvents(trx, pointEvents(before, point, { tenantId: caller.tenantId, siteId, actor: actorOf(caller) }));
  return point;
}

/** The asset that a new point belongs to. Throws validation_failed and site_forbidden. */
async function findAssetId(trx: Db, area: Area, { asset_id: id, asset_uri: uri }: NewPoint): Promise<string> {
  if ((id === undefined) === (uri === undefined))
    throw refusals.invalidBody('/asset_id', 'required', 'give either asset_id or asset_uri');
  const found = await findAsset(trx, area, id === undefined ? { uri: uri ?? '' } : { id });
  const pointer = id === undefined ? '/asset_uri' : '/asset_id';
  if (!found) throw refusals.invalidBody(pointer, 'not_found', 'must be that of an asset');
  requireSite(area.caller, found.siteId);
  const { merged_into: mergedInto } = found.asset;
  if (mergedInto !== null)
    throw refusals.invalidBody(pointer, 'conflict', `is that of an asset that was merged into ${mergedInto}`);
  return found.asset.id;
}

/** A point of the area held until the transaction ends. Throws point_not_found, point_merged and site_forbidden. */
export async function getLockedPoint(trx: Db, area: Area, id: string): Promise<LockedPoint> {
  const [point] = await lockPoints(trx, area, [id]);
  if (!point) throw refusals.pointNotFound(id);
  requireSite(area.caller, point.siteId);
  if (point.mergedInto !== null) throw refusals.pointMerged(id, point.mergedInto);
  return point;
}

/** A point of the area, and its site. Throws point_not_found. */
export async function getPoint(trx: Db, area: Area, id: string) {
  const found = await findPoint(trx, area, id);
  if (!found) throw refusals.pointNotFound(id);
  return found;
}

function valuesOf(point: LockedPoint, body: PointChange, plan: HistoryPlan): PointValues {
  const { history: _, history_before: __, reason: ___, expected_interval_s: seconds, min, max, ...said } = body;
  const { external_id, ...plain } = said;
  const range = { min: min === undefined ? point.min : min, max: max === undefined ? point.max : max };
  // A range goes with the numbers, unless it is given.
  if (plan.kind === 'convert' && plan.change.kind === 'unit') {
    const { scale, offset, steps } = plan.change.conversion;
    if (min === undefined && range.min !== null) range.min = convert(range.min, scale, offset, steps);
    if (max === undefined && range.max !== null) range.max = convert(range.max, scale, offset, steps);
  }
  refuseEmptyRange(range.min, range.max);
  return {
    ...plain,
    ...(range.min !== point.min && { range_min: range.min }),
    ...(range.max !== point.max && { range_max: range.max }),
    ...(seconds !== undefined && { expected_interval_ms: intervalOf(seconds, point) }),
    ...(external_id !== undefined && { own_external_id: external_id }),
  };
}

function refuseEmptyRange(min: number | null, max: number | null): void {
  if (min !== null && max !== null && max <= min)
    throw refusals.invalidBody('/max', 'conflict', `must be more than min, which is ${min}`);
}

function intervalOf(seconds: number | 'learned' | null, { learnedMs }: LockedPoint): number | null {
  if (seconds === null) return null;
  if (seconds !== 'learned') return Math.round(seconds * 1_000);
  if (learnedMs === null)
    throw refusals.invalidBody(
      '/expected_interval_s',
      'conflict',
      'cannot be what was learned: its readings have come too seldom or too unevenly so far',
    );
  return learnedMs;
}
