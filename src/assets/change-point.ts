import { type Area, requireSite } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { etagOf, ifMatchHolds } from '../platform/etag.ts';
import { refusals } from '../platform/refusals.ts';
import type { Point, PointChange } from './asset.ts';
import { findPoint, lockPoint, updatePoint } from './store.ts';

type Change = {
  readonly id: string;
  readonly body: PointChange;
  readonly ifMatch: string | undefined;
  readonly at: Date;
};

/** Changes what the body gives of a point, in the caller's transaction. Throws point_not_found, site_forbidden and precondition_failed. */
export async function changePoint(trx: Db, area: Area, { id, body, ifMatch, at }: Change): Promise<Point> {
  const row = await lockPoint(trx, area, id);
  if (!row) throw refusals.pointNotFound(id);
  requireSite(area.caller, row.siteId);
  const etag = etagOf(row.updatedAt);
  if (!ifMatchHolds(ifMatch, etag)) throw refusals.preconditionFailed(etag);
  if (Object.keys(body).length > 0) await updatePoint(trx, { tenantId: area.caller.tenantId, id, at }, body);
  const found = await findPoint(trx, area, id);
  if (!found) throw refusals.pointNotFound(id);
  return found.point;
}
