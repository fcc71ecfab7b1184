import { type Area, maySee, requireSite } from '../access/api-key.ts';
import { type Actor, actorOf } from '../events/event.ts';
import { appendEvent, appendEvents } from '../events/store.ts';
import type { Db } from '../platform/database.ts';
import { requireMatch } from '../platform/etag.ts';
import { newId } from '../platform/id.ts';
import { refusals } from '../platform/refusals.ts';
import { assetChanged } from './asset-events.ts';
import { listStatesById } from './asset-state-store.ts';
import { canonicalClass } from './brick-classes.ts';
import type { Location, LocationChange, NewLocation } from './location.ts';
import { locationDeleted, locationEvents } from './location-events.ts';
import {
  countInLocation,
  deleteLocation,
  findLocation,
  followLocation,
  insertLocation,
  listLocationsAbove,
  lockLocation,
  updateLocation,
} from './location-store.ts';
import { siteOfBody } from './site-of-body.ts';
import { holdSitesOf } from './tree-store.ts';

/** Makes a place, in the caller's transaction. Throws validation_failed and site_forbidden. */
export async function createLocation(
  trx: Db,
  area: Area,
  { body, at }: { readonly body: NewLocation; readonly at: Date },
): Promise<Location> {
  const { caller } = area;
  const { site: slug, ...values } = body;
  const parent = values.parent_id ? await getParent(trx, area, values.parent_id) : undefined;
  const ofParent = parent && { id: parent.siteId, slug: parent.location.site };
  const site = await siteOfBody(trx, area, { slug, ofParent });
  if (parent && parent.siteId !== site.id) throw elsewhere();
  const id = newId();
  await insertLocation(trx, { id, tenantId: caller.tenantId, siteId: site.id, at }, canonical(values));
  const { location } = await getLocation(trx, area, id);
  const of = { tenantId: caller.tenantId, siteId: site.id, actor: actorOf(caller) };
  await appendEvents(trx, locationEvents(undefined, location, of));
  return location;
}

type Which = { readonly id: string; readonly ifMatch: string | undefined };

/** Changes what the body gives of a place, in the caller's transaction. Throws location_not_found, location_of_model, site_forbidden, precondition_failed and validation_failed. */
export async function changeLocation(
  trx: Db,
  area: Area,
  { body, at, ...which }: Which & { readonly body: LocationChange; readonly at: Date },
): Promise<Location> {
  const { tenantId } = area.caller;
  const { id } = which;
  if (body.parent_id) await holdSite(trx, area, id);
  const { location: before, siteId } = await hold(trx, area, which);
  if (
    before.source !== null &&
    ofModel.some((property) => body[property] !== undefined && isOther(before, body, property))
  )
    throw refusals.locationOfModel(before.source);
  if (Object.keys(body).length === 0) return before;
  if (body.parent_id) await checkParent(trx, area, { id, siteId, parentId: body.parent_id });
  await updateLocation(trx, { id, tenantId, at }, canonical(body));
  const { location: after } = await getLocation(trx, area, id);
  const actor = actorOf(area.caller);
  await appendEvents(trx, locationEvents(before, after, { tenantId, siteId, actor }));
  if (after.uri !== before.uri || after.name !== before.name)
    await moveEquipment(trx, { before, after, tenantId, actor, at });
  return after;
}

type Moving = {
  readonly before: Location;
  readonly after: Location;
  readonly tenantId: string;
  readonly actor: Actor;
  readonly at: Date;
};

/** Equipment that lies in a place has its name and its URI, and each piece that has another URI now is told of. */
async function moveEquipment(trx: Db, { before, after, tenantId, actor, at }: Moving): Promise<void> {
  const ids = await followLocation(trx, { tenantId, id: after.id, from: before.uri, to: after.uri, at });
  const moved = await listStatesById(trx, { tenantId, ids });
  await appendEvents(
    trx,
    moved.flatMap((row) => assetChanged({ ...row, location_uri: before.uri }, row, { actor })),
  );
}

/** Deletes a place that holds nothing, in the caller's transaction. Throws as `changeLocation` does, and location_not_empty. */
export async function removeLocation(trx: Db, area: Area, which: Which): Promise<void> {
  const { tenantId } = area.caller;
  const { location, siteId } = await hold(trx, area, which);
  if (location.source !== null) throw refusals.locationOfModel(location.source);
  const { places, assets } = await countInLocation(trx, { tenantId, id: which.id });
  if (places + assets > 0)
    throw refusals.locationNotEmpty(`${location.name} holds ${places} places and ${assets} pieces of equipment.`);
  await deleteLocation(trx, { tenantId, id: which.id });
  await appendEvent(trx, locationDeleted(location, { tenantId, siteId, actor: actorOf(area.caller) }));
}

/** What the next import of a model would set again; people may add to it what they like. */
const ofModel = ['name', 'class', 'parent_id', 'uri', 'external_id'] as const;

function isOther(before: Location, body: LocationChange, property: (typeof ofModel)[number]): boolean {
  return canonical(body)[property] !== before[property];
}

function canonical<T extends { class?: string | null | undefined }>(given: T): T {
  return given.class ? { ...given, class: canonicalClass(given.class) } : given;
}

async function holdSite(trx: Db, area: Area, id: string): Promise<void> {
  const found = await findLocation(trx, area, id);
  const { tenantId } = area.caller;
  if (found) await holdSitesOf(trx, { tenantId, assetIds: [], siteId: found.siteId });
}

async function hold(trx: Db, area: Area, { id, ifMatch }: Which) {
  const found = await lockLocation(trx, area, id);
  if (!found) throw refusals.locationNotFound(id);
  requireSite(area.caller, found.siteId);
  requireMatch(ifMatch, found.updatedAt);
  return found;
}

async function getLocation(trx: Db, area: Area, id: string) {
  const found = await findLocation(trx, area, id);
  if (!found) throw refusals.locationNotFound(id);
  return found;
}

/** The place that a body names as the parent, which may be anything that the caller sees. */
async function getParent(trx: Db, { caller }: Area, id: string) {
  const found = await findLocation(trx, { caller, site: null }, id);
  if (!found || !maySee(caller, found.siteId))
    throw refusals.invalidBody('/parent_id', 'not_found', 'there is no such place');
  return found;
}

type Parent = { readonly id: string; readonly siteId: string; readonly parentId: string };

async function checkParent(trx: Db, area: Area, { id, siteId, parentId }: Parent): Promise<void> {
  const parent = await getParent(trx, area, parentId);
  if (parent.siteId !== siteId) throw elsewhere();
  if ((await listLocationsAbove(trx, area.caller.tenantId, parentId)).includes(id))
    throw refusals.invalidBody('/parent_id', 'cycle', 'a place is not part of itself or of its own parts');
}

function elsewhere() {
  return refusals.invalidBody('/parent_id', 'other_site', 'the place is at another site');
}
