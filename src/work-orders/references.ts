/**
 * What a work order points at, resolved for a caller: equipment, insight, assignee, parent. Something that is unknown, of
 * another tenant, or out of the key's sites is one and the same refusal, 400 naming the property.
 */
import { type Area, maySee } from '../access/api-key.ts';
import { findAsset } from '../assets/store.ts';
import type { Insight } from '../insights/insight.ts';
import { findInsight } from '../insights/store.ts';
import type { Db } from '../platform/database.ts';
import { refusals } from '../platform/refusals.ts';
import { listActiveUsers } from './assignee-store.ts';
import { findWorkOrder, listAncestors } from './store.ts';

/** A site, and the zone in which its local times are read. */
export type Place = { readonly siteId: string; readonly timeZone: string };

export type Equipment = {
  readonly assetId: string | null;
  readonly uri: string;
  readonly locationUri: string;
  /** Null where the URI is one of an external graph, which lies at no site of ours. */
  readonly place: Place | null;
};

/** The equipment that asset_id or equipment_uri names; either fills in the other. */
export async function resolveEquipment(
  db: Db,
  area: Area,
  given: { asset_id?: string | null | undefined; equipment_uri?: string | undefined },
): Promise<Equipment> {
  const anywhere: Area = { ...area, site: null };
  const { asset_id: id, equipment_uri: uri } = given;
  const by = id ? { id } : uri ? { uri } : undefined;
  const found = by && (await findAsset(db, anywhere, by));
  if (!found || !maySee(area.caller, found.siteId)) {
    if (id) throw refusals.invalidBody('/asset_id', 'not_found', 'there is no such asset');
    return { assetId: null, uri: uri ?? '', locationUri: '', place: null };
  }
  const { asset, siteId, timeZone } = found;
  if (asset.merged_into !== null) {
    const message = `is that of an asset that was merged into ${asset.merged_into}`;
    throw refusals.invalidBody(id ? '/asset_id' : '/equipment_uri', 'conflict', message);
  }
  if (id && uri && uri !== asset.uri) {
    throw refusals.invalidBody('/equipment_uri', 'conflict', `the uri of asset_id is ${asset.uri}`);
  }
  if (area.site !== null && siteId !== area.site.id) {
    throw refusals.invalidBody(id ? '/asset_id' : '/equipment_uri', 'other_site', 'the asset is at another site');
  }
  return { assetId: asset.id, uri: asset.uri, locationUri: asset.location_uri, place: { siteId, timeZone } };
}

/** The equipment of an insight, which may have turned out to be another piece since the insight was opened. */
export async function resolveEquipmentOf(
  db: Db,
  area: Area,
  { asset_id: id, equipment_uri: uri }: Pick<Insight, 'asset_id' | 'equipment_uri'>,
): Promise<Equipment> {
  if (id === null) return resolveEquipment(db, area, { equipment_uri: uri });
  const found = await findAsset(db, { ...area, site: null }, { id });
  return resolveEquipment(db, area, { asset_id: found?.asset.merged_into ?? id });
}

/** The insight that is to be linked, with the equipment that it is about. */
export async function resolveInsight(db: Db, area: Area, id: string) {
  const found = await findInsight(db, area, id);
  if (!found || !maySee(area.caller, found.siteId)) {
    throw refusals.invalidBody('/insight', 'not_found', 'there is no such insight');
  }
  return found;
}

/** Throws unless the assignees are active users of the tenant (R15), but for those who have the work already. */
export async function checkAssignees(
  db: Db,
  area: Area,
  { assigned_to, assignees }: { assigned_to?: string | null | undefined; assignees?: readonly string[] | undefined },
  hasIt: (id: string) => boolean = () => false,
): Promise<void> {
  const ids = [...(assigned_to ? [assigned_to] : []), ...(assignees ?? [])];
  const others = ids.filter((id) => !hasIt(id));
  if (others.length === 0) return;
  const active = await listActiveUsers(db, { tenantId: area.caller.tenantId, ids: others });
  const unknown = ids.findIndex((id) => !hasIt(id) && !active.has(id));
  if (unknown < 0) return;
  const pointer = assigned_to && unknown === 0 ? '/assigned_to' : `/assignees/${unknown - (assigned_to ? 1 : 0)}`;
  throw refusals.invalidBody(pointer, 'not_found', 'there is no such active user');
}

/** Throws unless the parent exists for this caller and is neither the work order itself nor one of its sub-tasks (T11); the caller holds the trees. */
export async function checkParent(trx: Db, area: Area, { id, parentId }: { id: string | null; parentId: string }) {
  const found = await findWorkOrder(trx, { ...area, site: null }, parentId);
  if (!found || !maySee(area.caller, found.siteId)) {
    throw refusals.invalidBody('/parent', 'not_found', 'there is no such work order');
  }
  if (id === null) return;
  const ancestors = await listAncestors(trx, area.caller.tenantId, parentId);
  if (ancestors.includes(id)) {
    throw refusals.invalidBody('/parent', 'cycle', 'a work order is not a sub-task of itself or of its own sub-tasks');
  }
}
