/**
 * The log of what has happened: one event for each change of a thing, written in the transaction that changes it, never changed
 * itself, kept 90 days. Timelines, the live stream and whatever follows what happens are read from it, so nothing is told
 * that was rolled back, and nothing that was committed is left out.
 */
import { z } from 'zod';
import type { Caller } from '../access/api-key.ts';
import { Id, Instant } from '../platform/fields.ts';

/** Every type that is written, `noun.verb_past`; they are added, never renamed. */
export const eventTypes = [
  'insight.opened',
  'insight.reopened',
  'insight.updated',
  'insight.resolved',
  'work_order.created',
  'work_order.updated',
  'work_order.assigned',
  'work_order.status_changed',
  'work_order.completed',
  'work_order.deleted',
  'device.online',
  'device.offline',
] as const;
export type EventType = (typeof eventTypes)[number];

/** The nouns of events: what an event is about. */
export const eventSubjects = ['insight', 'work_order', 'device'] as const;
export type EventSubject = (typeof eventSubjects)[number];

/** Who did it; a key acts in the name of a person, if it was made by one. */
const Actor = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('key'), id: Id, user_id: Id.nullable() }),
  z.object({ kind: z.literal('rule'), id: z.string() }),
  z.object({ kind: z.literal('device'), id: Id }),
  z.object({ kind: z.literal('system') }),
]);
export type Actor = z.infer<typeof Actor>;

const Change = z.object({ field: z.string(), from: z.unknown(), to: z.unknown() });
export type Change = { readonly field: string; readonly from: unknown; readonly to: unknown };

/** One thing that happened to one object. */
export const Event = z
  .object({
    id: z.string().describe('Its number in the log, in decimal digits.'),
    type: z.enum(eventTypes),
    at: Instant.describe('When it was written.'),
    site: z.string().nullable().describe('The slug of its site; null for what belongs to none.'),
    asset_id: Id.nullable().describe('The equipment that it is about.'),
    subject: z.object({ kind: z.enum(eventSubjects), id: z.string() }),
    actor: Actor.describe('Who did it.'),
    changes: z.array(Change).describe('What changed, from which value to which; empty where it came to be.'),
    data: z.record(z.string(), z.unknown()).describe('What the subject was after it, in short.'),
  })
  .meta({ id: 'Event' });
export type Event = z.infer<typeof Event>;

/** An event before it is written. */
export type NewEvent = {
  readonly tenantId: string;
  readonly siteId: string | null;
  readonly type: EventType;
  readonly subject: { readonly kind: EventSubject; readonly id: string };
  readonly assetId: string | null;
  readonly actor: Actor;
  readonly changes: readonly Change[];
  readonly data: Readonly<Record<string, unknown>>;
};

/** The caller of the API as the one who did it. */
export function actorOf({ keyId, userId }: Pick<Caller, 'keyId' | 'userId'>): Actor {
  return { kind: 'key', id: keyId, user_id: userId };
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
