import { type Area, requireSite } from '../access/api-key.ts';
import { getAuthor } from '../access/store.ts';
import { actorOf } from '../events/event.ts';
import { appendEvents } from '../events/store.ts';
import type { Db } from '../platform/database.ts';
import { requireMatch } from '../platform/etag.ts';
import { refusals } from '../platform/refusals.ts';
import type { Asset } from './asset.ts';
import { type AssetChange, canonicalAsset } from './asset-body.ts';
import {
  type AssetState,
  type AssetValues,
  findNamesake,
  insertStatusChanges,
  keepFormerName,
  lockAssets,
  movePart,
  releaseFormerName,
  updateAsset,
} from './asset-change-store.ts';
import { assetChanged } from './asset-events.ts';
import { checkParent, getNamedAsset, getNamedLocation } from './asset-links.ts';
import { canonicalClass } from './brick-classes.ts';
import type { Location } from './location.ts';
import { findAsset } from './store.ts';
import { holdSitesOf } from './tree-store.ts';

type Which = { readonly id: string; readonly ifMatch: string | undefined; readonly at: Date };

/**
 * Changes what the body gives of an asset, in the caller's transaction. Throws asset_not_found, asset_merged, asset_of_model, asset_exists,
 * site_forbidden, precondition_failed and validation_failed.
 */
export async function changeAsset(trx: Db, area: Area, which: Which & { readonly body: AssetChange }): Promise<Asset> {
  const { id, at } = which;
  const { tenantId } = area.caller;
  if (which.body.parent_id !== undefined) await holdSitesOf(trx, { tenantId, assetIds: [id] });
  const before = await holdAsset(trx, area, which);
  const body = withItsClass(canonicalAsset(which.body), before);
  refuseModelled(before, body);
  const values = await valuesOf(trx, area, before, body);
  if (Object.keys(body).length > 0) {
    await takeNames(trx, before, body);
    await updateAsset(trx, { tenantId, id, at }, values);
    if (body.parent_id !== undefined) await movePart(trx, { tenantId, id, from: before.parent_id, to: body.parent_id });
    await record(trx, area, { before, reason: body.status_reason ?? '', at });
  }
  return getAsset(trx, area, id);
}

/** Retires an asset, in the caller's transaction: its history stays, and rules leave it alone. Throws as `changeAsset` does. */
export async function retireAsset(trx: Db, area: Area, which: Which): Promise<void> {
  const before = await holdAsset(trx, area, which);
  if (before.status === 'retired') return;
  const { id, at } = which;
  await updateAsset(trx, { tenantId: area.caller.tenantId, id, at }, { status: 'retired' });
  await record(trx, area, { before, reason: '', at });
}

/** The row of an asset, held until the transaction ends. Throws asset_not_found, asset_merged, site_forbidden and precondition_failed. */
export async function holdAsset(
  trx: Db,
  area: Area,
  { id, ifMatch }: Pick<Which, 'id'> & Partial<Which>,
): Promise<AssetState> {
  const [row] = await lockAssets(trx, area, [id]);
  if (!row) throw refusals.assetNotFound(id);
  requireSite(area.caller, row.site_id);
  if (row.merged_into !== null) throw refusals.assetMerged(id, row.merged_into);
  requireMatch(ifMatch, row.updated_at);
  return row;
}

/** Another name of the class that it has is no other class. */
function withItsClass(body: AssetChange, before: AssetState): AssetChange {
  const isSame = Boolean(body.class && before.class && canonicalClass(before.class) === body.class);
  return isSame ? { ...body, class: before.class } : body;
}

/** What a building model says of equipment it would say again at its next import; what it leaves open, people may say. */
const ofModels = ['class', 'parent_id', 'location_id', 'location_uri'] as const;

function refuseModelled({ source, said_by_people: said, ...row }: AssetState, body: AssetChange): void {
  if (source === null) return;
  for (const property of ofModels) {
    const now = row[property];
    const isTheirs = now === null || now === '' || said.includes(property);
    if (body[property] !== undefined && (body[property] ?? '') !== (now ?? '') && !isTheirs)
      throw refusals.assetOfModel(property, source);
  }
}

async function valuesOf(trx: Db, area: Area, before: AssetState, body: AssetChange): Promise<AssetValues> {
  const { status_reason: _, external_id, location_uri: __, ...plain } = body;
  const siteId = before.site_id;
  if (body.parent_id) {
    const parent = await getNamedAsset(trx, area, body.parent_id);
    await checkParent(trx, { id: before.id, siteId, tenantId: before.tenant_id }, parent);
  }
  const place = body.location_id ? await getNamedLocation(trx, area, body.location_id, siteId) : undefined;
  const where = locationUriOf(before, body, place);
  return {
    ...plain,
    ...(external_id !== undefined && { own_external_id: external_id }),
    ...(where !== undefined && { location_uri: where }),
    ...(before.source !== null && { said_by_people: saidAfter(before, { ...body, location_uri: where }) }),
  };
}

/** What lies in a place is where that is, unless the body says otherwise. */
function locationUriOf(
  { location_id: before }: AssetState,
  { location_uri: uri, location_id: id }: AssetChange,
  place: Location | undefined,
): string | undefined {
  if (uri !== undefined) return uri ?? place?.uri ?? '';
  if (id === undefined || (id === null && before === null)) return undefined;
  return place?.uri ?? '';
}

function saidAfter({ said_by_people: said }: AssetState, body: AssetChange): string[] {
  const isSaid = (property: (typeof ofModels)[number]) =>
    body[property] === undefined ? said.includes(property) : Boolean(body[property]);
  return ofModels.filter(isSaid);
}

/** Throws asset_exists where another asset has what must be of one alone. */
async function takeNames(trx: Db, before: AssetState, { name, uri, barcode }: AssetChange): Promise<void> {
  const { id, tenant_id: tenantId, site_id: siteId } = before;
  const namesake = await findNamesake(trx, { tenantId, siteId, id }, { name, uri, barcode });
  if (namesake) throw refusals.assetExists(namesake.property, namesake.id);
  if (name === undefined || name === before.name) return;
  await releaseFormerName(trx, { tenantId, siteId, name });
}

type Change = { readonly before: AssetState; readonly reason: string; readonly at: Date };

/** What follows from a change: a name that is kept, a change of status on record, and the events. */
async function record(trx: Db, area: Area, { before, reason, at }: Change): Promise<void> {
  const [after] = await lockAssets(trx, area, [before.id]);
  if (!after) throw refusals.assetNotFound(before.id);
  if (after.name !== before.name) await keepFormerName(trx, before);
  if (after.status !== before.status) {
    const author = await getAuthor(trx, area.caller);
    const { tenant_id: tenantId, id: assetId } = before;
    await insertStatusChanges(trx, [{ tenantId, assetId, from: before.status, to: after.status, reason, author, at }]);
  }
  await appendEvents(trx, assetChanged(before, after, { actor: actorOf(area.caller), reason }));
}

export async function getAsset(trx: Db, area: Area, id: string): Promise<Asset> {
  const found = await findAsset(trx, area, { id });
  if (!found) throw refusals.assetNotFound(id);
  return found.asset;
}
