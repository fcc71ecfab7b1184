import { type Actor, changesBetween, type NewEvent } from '../events/event.ts';
import type { Location } from './location.ts';

type Of = { readonly tenantId: string; readonly siteId: string; readonly actor: Actor };

/** What has become of a place, from one state to the next; nothing where they show the same. Without a state before it was made. */
export function locationEvents(before: Location | undefined, after: Location, of: Of): NewEvent[] {
  const event = eventOf(after, of);
  if (before === undefined) return [{ ...event, type: 'location.created', changes: [] }];
  const changes = changesBetween(shownOf(before), shownOf(after));
  return changes.length === 0 ? [] : [{ ...event, type: 'location.updated', changes }];
}

/** A place that is there no more. */
export function locationDeleted(location: Location, of: Of): NewEvent {
  return { ...eventOf(location, of), type: 'location.deleted', changes: [] };
}

function eventOf(location: Location, { tenantId, siteId, actor }: Of) {
  const { id, name, parent_id, uri, external_id } = location;
  return {
    tenantId,
    siteId,
    assetId: null,
    actor,
    subject: { kind: 'location', id },
    data: { id, site_id: siteId, name, class: location.class, parent_id, uri, external_id },
  } as const;
}

function shownOf({ id: _id, site: _site, created_at: _created, updated_at: _updated, ...shown }: Location) {
  return shown;
}
