import { type Actor, changesBetween, type NewEvent } from '../events/event.ts';
import type { Point } from './point.ts';

type Of = { readonly tenantId: string; readonly siteId: string; readonly actor: Actor };

/** What people have made of a point, from one state to the next; nothing where they show the same. Without a state before it was made. */
export function pointEvents(before: Point | undefined, after: Point, of: Of): NewEvent[] {
  const { id, asset_id, name, unit, merged_into } = after;
  const event = {
    ...of,
    assetId: asset_id,
    subject: { kind: 'point', id },
    data: { id, asset_id, name, class: after.class, unit, merged_into },
  } as const;
  if (before === undefined) return [{ ...event, type: 'point.created', changes: [] }];
  const changes = changesBetween(shownOf(before), shownOf(after));
  return changes.length === 0 ? [] : [{ ...event, type: 'point.updated', changes }];
}

/** What its readings say of it is no change of it; nor is what its asset is called. */
function shownOf({
  learned_interval_s: _learned,
  asset: _asset,
  created_at: _created,
  updated_at: _updated,
  ...shown
}: Point) {
  return shown;
}
