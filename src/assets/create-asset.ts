import type { Area } from '../access/api-key.ts';
import { actorOf } from '../events/event.ts';
import { appendEvent } from '../events/store.ts';
import type { Db } from '../platform/database.ts';
import { newId } from '../platform/id.ts';
import { refusals } from '../platform/refusals.ts';
import type { Asset } from './asset.ts';
import { canonicalAsset, type NewAsset } from './asset-body.ts';
import { findNamesake, insertAsset, lockAssets, movePart, releaseFormerName } from './asset-change-store.ts';
import { assetCreated } from './asset-events.ts';
import { checkParent, getNamedAsset, getNamedLocation } from './asset-links.ts';
import { madeUpUri, ownUri } from './asset-uri.ts';
import { getAsset } from './change-asset.ts';
import { nameAsset } from './naming.ts';
import { siteOfBody } from './site-of-body.ts';
import { holdSitesOf } from './tree-store.ts';

/**
 * Makes an asset, in the caller's transaction; a device that sends under its site and name finds it. Throws asset_exists, site_forbidden
 * and validation_failed.
 */
export async function createAsset(
  trx: Db,
  area: Area,
  given: { readonly body: NewAsset; readonly at: Date },
): Promise<Asset> {
  const { caller } = area;
  const { tenantId } = caller;
  const { site: slug, external_id, location_uri, status_reason: _, ...body } = canonicalAsset(given.body);
  const parent = body.parent_id ? await getNamedAsset(trx, area, body.parent_id) : undefined;
  const ofParent = parent && { id: parent.siteId, slug: parent.asset.site };
  const site = await siteOfBody(trx, area, { slug, ofParent });
  const id = newId();
  if (parent) {
    await holdSitesOf(trx, { tenantId, assetIds: [parent.asset.id] });
    await checkParent(trx, { id, siteId: site.id, tenantId }, parent);
  }
  const place = body.location_id ? await getNamedLocation(trx, area, body.location_id, site.id) : undefined;
  const whose = { tenantId, siteId: site.id, id };
  const namesake = await findNamesake(trx, whose, { ...body, uri: body.uri ?? undefined });
  if (namesake) throw refusals.assetExists(namesake.property, namesake.id);
  const uri = body.uri ?? (await makeUpUri(trx, whose, { site: site.slug, name: body.name }));
  await releaseFormerName(trx, { tenantId, siteId: site.id, name: body.name });
  const which = { id, tenantId, siteId: site.id, at: given.at };
  await insertAsset(trx, which, {
    ...body,
    uri,
    class: body.class === undefined ? nameAsset(body.name) : body.class,
    own_external_id: external_id,
    location_uri: location_uri ?? place?.uri ?? '',
  });
  if (parent) await movePart(trx, { tenantId, id, from: null, to: parent.asset.id });
  const [row] = await lockAssets(trx, area, [id]);
  if (row) await appendEvent(trx, assetCreated(row, actorOf(caller)));
  return getAsset(trx, area, id);
}

/** A URI that tells the name, and the id as well where other equipment has that. */
async function makeUpUri(
  trx: Db,
  whose: { tenantId: string; siteId: string; id: string },
  of: { site: string; name: string },
): Promise<string> {
  const uri = madeUpUri(of);
  return (await findNamesake(trx, whose, { uri })) ? ownUri(uri, whose.id) : uri;
}
