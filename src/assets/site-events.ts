import { type Actor, changesBetween, type NewEvent } from '../events/event.ts';
import type { Site } from './site.ts';

type Of = { readonly tenantId: string; readonly actor: Actor };

/** What has become of a site, from one state to the next; nothing where they show the same. Without a state before it was made. */
export function siteEvents(before: Site | undefined, after: Site, { tenantId, actor }: Of): NewEvent[] {
  const event = eventOf(after, { tenantId, actor });
  if (before === undefined) return [{ ...event, type: 'site.created', changes: [] }];
  const changes = changesBetween(shownOf(before), shownOf(after));
  return changes.length === 0 ? [] : [{ ...event, type: 'site.updated', changes }];
}

/** A site that is there no more. */
export function siteDeleted(site: Site, of: Of): NewEvent {
  return { ...eventOf(site, of), type: 'site.deleted', changes: [] };
}

function eventOf(site: Site, { tenantId, actor }: Of) {
  const { id, slug, name, time_zone, discovery, parent_site } = site;
  return {
    tenantId,
    siteId: id,
    assetId: null,
    actor,
    subject: { kind: 'site', id },
    data: { id, slug, name, time_zone, discovery, parent_site },
  } as const;
}

function shownOf({ id: _id, created_at: _created, updated_at: _updated, ...shown }: Site) {
  return shown;
}
