import { type Area, maySee } from '../access/api-key.ts';
import { actorOf } from '../events/event.ts';
import { appendEvent } from '../events/store.ts';
import type { Db } from '../platform/database.ts';
import { requireMatch } from '../platform/etag.ts';
import { refusals } from '../platform/refusals.ts';
import type { AssetState } from './asset-change-store.ts';
import { relationChanged } from './asset-events.ts';
import { changeAsset, holdAsset } from './change-asset.ts';
import type { AssetRelation, RelationKind } from './relation.ts';
import { deleteRelation, findRelation, insertRelation, type RelationKey } from './relation-store.ts';
import { findAsset } from './store.ts';
import { holdSitesOf, isWithin, reaches } from './tree-store.ts';

type Which = { readonly id: string; readonly kind: RelationKind; readonly other: string; readonly at: Date };

/**
 * Sees to it that one asset feeds another, or is part of it, in the caller's transaction. Throws asset_not_found, asset_merged,
 * asset_of_model, asset_relation_not_possible and site_forbidden.
 */
export async function relateAssets(trx: Db, area: Area, which: Which): Promise<AssetRelation> {
  const { caller } = area;
  const { tenantId } = caller;
  const { asset, key } = await holdBoth(trx, area, which);
  const found = await findRelation(trx, area, key);
  const stands = found !== undefined && (key.kind === 'feeds' || asset.parent_id === key.to);
  if (!stands && key.kind === 'feeds') {
    if (await reaches(trx, { tenantId, from: key.to, to: key.from }))
      throw refusals.assetRelationNotPossible(`The asset ${key.from} would feed itself, by way of ${key.to}.`);
    await insertRelation(trx, tenantId, key);
    await appendEvent(trx, relationChanged(asset, { field: 'feeds', from: null, to: key.to }, actorOf(caller)));
  }
  if (!stands && key.kind === 'isPartOf') await partOf(trx, area, { asset, which });
  const made = await findRelation(trx, area, key);
  if (!made) throw refusals.assetRelationNotFound();
  return made;
}

/** One asset feeds another no more, or is no more part of it. Throws as `relateAssets` does, and asset_relation_not_found and precondition_failed. */
export async function separateAssets(
  trx: Db,
  area: Area,
  { ifMatch, ...which }: Which & { readonly ifMatch: string | undefined },
): Promise<void> {
  const { asset, key } = await holdBoth(trx, area, which);
  const found = await findRelation(trx, area, key);
  if (!found) throw refusals.assetRelationNotFound();
  requireMatch(ifMatch, found.updated_at);
  if (found.source !== null) throw refusals.assetOfModel('kind', found.source);
  if (key.kind === 'isPartOf' && asset.parent_id === key.to) {
    await changeAsset(trx, area, { id: which.id, body: { parent_id: null }, ifMatch: undefined, at: which.at });
    return;
  }
  await deleteRelation(trx, area.caller.tenantId, key);
  const change = { field: key.kind, from: key.to, to: null };
  await appendEvent(trx, relationChanged(asset, change, actorOf(area.caller)));
}

async function partOf(trx: Db, area: Area, { asset, which }: { asset: AssetState; which: Which }): Promise<void> {
  const { id, other, at } = which;
  const { tenant_id: tenantId, parent_id: parent } = asset;
  if (parent !== null && parent !== other)
    throw refusals.assetRelationNotPossible(`The asset ${id} is part of ${parent}; take it out of that first.`);
  if (await isWithin(trx, { tenantId, id: other, within: id }))
    throw refusals.assetRelationNotPossible(`The asset ${other} is itself part of ${id}.`);
  if (parent === other) await insertRelation(trx, tenantId, { from: id, kind: 'isPartOf', to: other });
  else await changeAsset(trx, area, { id, body: { parent_id: other }, ifMatch: undefined, at });
}

/** The asset of the path, held, with its site, whose trees and feeds nobody else changes meanwhile; the other must be there, too. */
async function holdBoth(
  trx: Db,
  area: Area,
  { id, kind, other }: Which,
): Promise<{ asset: AssetState; key: RelationKey }> {
  const { caller } = area;
  await holdSitesOf(trx, { tenantId: caller.tenantId, assetIds: [id] });
  const asset = await holdAsset(trx, area, { id });
  const found = await findAsset(trx, { caller, site: null }, { id: other });
  if (!found || !maySee(caller, found.siteId)) throw refusals.assetNotFound(other);
  if (found.asset.merged_into !== null) throw refusals.assetMerged(other, found.asset.merged_into);
  if (found.siteId !== asset.site_id) throw refusals.assetRelationNotPossible('The two assets lie at different sites.');
  return { asset, key: { from: id, kind, to: other } };
}
