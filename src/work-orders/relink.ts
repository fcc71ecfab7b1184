import type { Area } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { refusals } from '../platform/refusals.ts';
import { checkParent, resolveEquipment, resolveInsight } from './references.ts';
import type { HeldWorkOrder, WorkOrderColumns } from './store.ts';
import type { WorkOrderChange } from './work-order-body.ts';
import { dueColumns } from './work-order-columns.ts';

type Relinking = { readonly before: HeldWorkOrder; readonly body: WorkOrderChange };

/** The zone in which local times are read from now on, where the work order moves to another site. */
type Relinked = { readonly columns: WorkOrderColumns; readonly timeZone?: string };

/**
 * The columns of what a change points at, once that was looked up. Throws validation_failed for what is not there, not for this
 * caller, or does not fit together.
 */
export async function linkColumns(trx: Db, area: Area, { before, body }: Relinking): Promise<Relinked> {
  if (body.parent && body.parent !== before.parent_id)
    await checkParent(trx, area, { id: before.id, parentId: body.parent });
  const equipment = await equipmentColumns(trx, area, { before, body });
  const siteId = equipment.columns.site_id ?? before.site_id;
  const insight = await insightColumns(trx, area, { before, body, siteId });
  return { ...equipment, columns: { ...equipment.columns, ...insight } };
}

/**
 * Equipment carries its location along unless the body names one, and, on the tenant's mount, its site: a work order
 * lies where its equipment does, and is due by the clock there. What is said as it stands changes nothing: the URI may be one that
 * the equipment had.
 */
async function equipmentColumns(trx: Db, area: Area, { before, body }: Relinking): Promise<Relinked> {
  const { asset_id, equipment_uri, location_uri } = body;
  const isSaid = asset_id !== undefined || equipment_uri !== undefined;
  const isOther =
    before.asset_id === null ||
    (asset_id !== undefined && asset_id !== before.asset_id) ||
    (equipment_uri !== undefined && equipment_uri !== before.equipment_uri);
  if (!isSaid || !isOther) return { columns: {} };
  const equipment = await resolveEquipment(trx, area, { asset_id, equipment_uri });
  const { place, locationUri } = equipment;
  const hasMoved = place !== null && place.siteId !== before.site_id;
  // A place at the site that it leaves is none any more.
  const isLocated = location_uri === undefined && (locationUri !== '' || hasMoved);
  const columns = {
    asset_id: equipment.assetId,
    equipment_uri: equipment.uri,
    ...(isLocated ? { location_uri: locationUri } : {}),
  };
  if (!hasMoved) return { columns };
  const { siteId: site_id, timeZone } = place;
  return { columns: { ...columns, site_id, ...dueColumns(before.due_date, timeZone) }, timeZone };
}

/** A rule's work order keeps its insight: by it the rule knows that it has opened one. */
async function insightColumns(
  trx: Db,
  area: Area,
  { before, body, siteId }: Relinking & { siteId: string },
): Promise<WorkOrderColumns> {
  const given = body.insight === undefined ? before.insight_id : body.insight;
  const isOther = given !== before.insight_id;
  if (isOther && before.source === 'rule')
    throw refusals.invalidBody('/insight', 'conflict', 'a rule opened it for its insight');
  if (given === null) return { insight_id: null };
  if (!isOther && siteId === before.site_id) return {};
  const insight = await resolveInsight(trx, area, given);
  if (insight.siteId !== siteId)
    throw refusals.invalidBody('/insight', 'other_site', 'the insight is of another site than the work order');
  return { insight_id: given };
}
