/**
 * What a change of equipment is told as. Each property that changed is in one event alone: status ─▶ status_changed, anything else
 * ─▶ updated.
 */
import { type Actor, type Change, changesBetween, type NewEvent } from '../events/event.ts';
import type { AssetState } from './asset-change-store.ts';
import { AssetImage } from './asset-image.ts';

/** Equipment that has come to be. */
export function assetCreated(row: AssetState, actor: Actor): NewEvent {
  return { ...eventOf(row, actor), type: 'asset.created', changes: [] };
}

/** What led from one state of a piece of equipment to another; nothing where they show the same. */
export function assetChanged(
  before: AssetState,
  after: AssetState,
  { actor, reason = '' }: { actor: Actor; reason?: string },
): NewEvent[] {
  const event = eventOf(after, actor);
  const [was, is] = [shownOf(before), shownOf(after)];
  const events: NewEvent[] = [];
  const changes = changesBetween(was, is);
  if (changes.length > 0) events.push({ ...event, type: 'asset.updated', changes });
  const ofStatus = changesBetween({ status: before.status }, { status: after.status });
  if (ofStatus.length > 0)
    events.push({ ...event, type: 'asset.status_changed', changes: ofStatus, data: { ...event.data, reason } });
  return events;
}

/** A relation that equipment has or has no more, which is a property of that at which it begins. */
export function relationChanged(row: AssetState, change: Change, actor: Actor): NewEvent {
  return { ...eventOf(row, actor), type: 'asset.updated', changes: [change] };
}

function eventOf(row: AssetState, actor: Actor) {
  const { id, site_id, name, uri, status, state, parent_id, location_id, merged_into } = row;
  return {
    tenantId: row.tenant_id,
    siteId: site_id,
    assetId: id,
    actor,
    subject: { kind: 'asset', id },
    data: { id, site_id, name, uri, class: row.class, status, state, parent_id, location_id, merged_into },
  } as const;
}

function shownOf(row: AssetState) {
  return {
    name: row.name,
    description: row.description,
    uri: row.uri,
    class: row.class,
    parent_id: row.parent_id,
    location_id: row.location_id,
    location_uri: row.location_uri,
    manufacturer: row.manufacturer,
    model: row.model,
    serial_number: row.serial_number,
    install_date: row.install_date,
    warranty_until: row.warranty_until,
    purchase_cost: row.purchase_cost,
    useful_life_years: row.useful_life_years,
    criticality: row.criticality,
    barcode: row.barcode,
    image: row.image === null ? null : AssetImage.parse(row.image),
    tags: row.tags,
    params: row.params,
    custom: row.custom,
    state: row.state,
    merged_into: row.merged_into,
    external_id: row.own_external_id,
    metadata: row.metadata,
  };
}
