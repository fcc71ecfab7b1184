import type { Area } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { refusals } from '../platform/refusals.ts';
import { checkParent, resolveEquipment, resolveInsight } from './links.ts';
import type { HeldWorkOrder, WorkOrderColumns } from './store.ts';
import type { WorkOrderChange } from './work-order-body.ts';

type Relinking = { readonly before: HeldWorkOrder; readonly body: WorkOrderChange };

/** The zone in which local times are read from now on, where the work order moves to another site. */
type Relinked = { readonly columns: WorkOrderColumns; readonly timeZone?: string };

/**
 * The columns of what a change points at, once that was looked up. Throws validation_failed for what is not there, not for this
 * caller, or does not fit together.
 */
export async function linkColumns(trx: Db, area: Area, { before, body }: Relinking): Promise<Relinked> {
  if (body.parent) await checkParent(trx, area, { id: before.id, parentId: body.parent });
  const equipment = await equipmentColumns(trx, area, { before, body });
  const insight = await insightColumns(trx, area, { before: { ...before, ...equipment.columns }, body });
  return { ...equipment, columns: { ...equipment.columns, ...insight } };
}

/**
 * Equipment carries its location along unless the body names one, and, on the tenant's mount, its site: a work order
 * lies where its equipment does.
 */
async function equipmentColumns(trx: Db, area: Area, { before, body }: Relinking): Promise<Relinked> {
  const { asset_id, equipment_uri, location_uri } = body;
  if (asset_id === undefined && equipment_uri === undefined) return { columns: {} };
  const equipment = await resolveEquipment(trx, area, { asset_id, equipment_uri });
  const located = location_uri === undefined && equipment.locationUri !== '';
  const { place } = equipment;
  const columns = {
    asset_id: equipment.assetId,
    equipment_uri: equipment.uri,
    site_id: place?.siteId ?? before.site_id,
    ...(located ? { location_uri: equipment.locationUri } : {}),
  };
  return place && place.siteId !== before.site_id ? { columns, timeZone: place.timeZone } : { columns };
}

/** A rule's work order keeps its insight: by it the rule knows that it has opened one. */
async function insightColumns(trx: Db, area: Area, { before, body }: Relinking): Promise<WorkOrderColumns> {
  const { insight: given } = body;
  if (given === undefined || (given ?? null) === before.insight_id) return {};
  if (before.source === 'rule') throw refusals.invalidBody('/insight', 'conflict', 'a rule opened it for its insight');
  if (given === null) return { insight_id: null };
  const { siteId } = await resolveInsight(trx, area, given);
  if (siteId !== before.site_id) throw refusals.invalidBody('/insight', 'other_site', 'the insight is of another site');
  return { insight_id: given };
}
