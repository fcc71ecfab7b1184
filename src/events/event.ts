/**
 * The log of what has happened: one event for each change of a thing, written in the transaction that changes it, never changed
 * itself, kept 90 days. Timelines, the live stream and whatever follows what happens are read from it, so nothing is told
 * that was rolled back, and nothing that was committed is left out.
 */
import { type Caller, callerIdOf } from '../access/api-key.ts';

/** Every type that is written, `noun.verb_past`; they are added, never renamed. */
export const eventTypes = [
  'insight.opened',
  'insight.reopened',
  'insight.updated',
  'insight.acknowledged',
  'insight.assigned',
  'insight.snoozed',
  'insight.dismissed',
  'insight.resolved',
  'work_order.created',
  'work_order.updated',
  'work_order.assigned',
  'work_order.status_changed',
  'work_order.completed',
  'work_order.overdue',
  'work_order.sla_at_risk',
  'work_order.sla_breached',
  'work_order.deleted',
  'sla_policy.updated',
  'team.created',
  'team.updated',
  'team.deleted',
  'comment.created',
  'comment.updated',
  'comment.deleted',
  'insight_comment.created',
  'insight_comment.updated',
  'insight_comment.deleted',
  'attachment.created',
  'attachment.updated',
  'attachment.deleted',
  'photo.created',
  'photo.updated',
  'photo.deleted',
  'signature.created',
  'signature.deleted',
  'task.created',
  'task.updated',
  'task.deleted',
  'labor.created',
  'labor.updated',
  'labor.deleted',
  'link.created',
  'link.deleted',
  'asset.created',
  'asset.updated',
  'asset.status_changed',
  'point.created',
  'point.updated',
  'location.created',
  'location.updated',
  'location.deleted',
  'site.created',
  'site.updated',
  'site.deleted',
  'device.online',
  'device.offline',
] as const;
export type EventType = (typeof eventTypes)[number];

/** Who did it; a key acts in the name of a person, if it was made by one. */
export type Actor =
  | { readonly kind: 'key'; readonly id: string; readonly user_id: string | null }
  | { readonly kind: 'user' | 'rule' | 'device'; readonly id: string }
  | { readonly kind: 'system' };

export type Change = { readonly field: string; readonly from: unknown; readonly to: unknown };

/** What happened to one object. */
type Happening = {
  readonly type: EventType;
  readonly subject: {
    readonly kind:
      | 'insight'
      | 'asset'
      | 'point'
      | 'location'
      | 'site'
      | 'work_order'
      | 'sla_policy'
      | 'team'
      | 'device';
    readonly id: string;
  };
  readonly actor: Actor;
  /** Empty where it came to be. */
  readonly changes: readonly Change[];
  /** What the subject was after it, in short. */
  readonly data: Readonly<Record<string, unknown>>;
};

/** An event before it is written: of the site and the equipment that it is about, if any. */
export type NewEvent = Happening & {
  readonly tenantId: string;
  readonly siteId: string | null;
  readonly assetId: string | null;
};

/** An event as streams tell it. */
export type Event = Happening & {
  /** Its number in the log, in decimal digits. */
  readonly id: string;
  /** When it was written (ISO 8601). */
  readonly at: string;
  /** The slug of its site. */
  readonly site: string | null;
  readonly asset_id: string | null;
};

/** The caller of the API as the one who did it. */
export function actorOf({ keyId, userId }: Pick<Caller, 'keyId' | 'userId'>): Actor {
  if (keyId !== null) return { kind: 'key', id: keyId, user_id: userId };
  return { kind: 'user', id: callerIdOf({ keyId, userId }) };
}

/** What differs between two states of an object, in the order of the fields of the second; only those that it names. */
export function changesBetween(
  before: Readonly<Record<string, unknown>>,
  after: Readonly<Record<string, unknown>>,
): Change[] {
  return Object.entries(after).flatMap(([field, to]) => {
    const from = before[field] ?? null;
    return JSON.stringify(from) === JSON.stringify(to ?? null) ? [] : [{ field, from, to: to ?? null }];
  });
}
