/** An event of the log as the API tells it, and what may be asked of the log. */
import { z } from 'zod';
import { Id, Instant, text, wholeNumber } from '../platform/fields.ts';
import { parseInstant } from '../platform/instant.ts';
import type { Mount } from '../platform/mount.ts';
import { eventTypes } from './event.ts';
import { eventCatalogue } from './event-types.ts';

const Actor = z
  .looseObject({ kind: z.string(), id: z.string().optional() })
  .describe('Who did it: `user`, `key` (with the `user_id` in whose name it acts), `rule`, `device`, or `system`.');

const Change = z.object({ field: z.string(), from: z.unknown(), to: z.unknown() });

/** One thing that has happened, as it was written then; it never changes. */
export const LoggedEvent = z
  .object({
    id: z.string().describe('Its number in the log, in decimal digits.').meta({ example: '4711' }),
    type: z.enum(eventTypes),
    at: Instant.describe('When its transaction began.'),
    site: z.string().nullable().describe('The slug of its site.'),
    asset_id: Id.nullable().describe('The equipment that it is about, if any.'),
    subject: z.object({ kind: z.string(), id: z.string() }),
    actor: Actor,
    changes: z.array(Change).describe('From which value to which; empty where something came to be.'),
    data: z.record(z.string(), z.unknown()).describe('What the subject was after it, in short; see the event types.'),
  })
  .meta({ id: 'Event' });
export type LoggedEvent = z.infer<typeof LoggedEvent>;

/** A type of events, with the schema of those. */
export const EventTypeShown = z
  .object({
    type: z.enum(eventTypes),
    description: z.string(),
    schema: z.record(z.string(), z.unknown()).describe('JSON Schema (2020-12) of an event of this type.'),
  })
  .meta({ id: 'EventType' });

/** Every type there is, in the order in which they were added. */
export const typesShown: readonly z.infer<typeof EventTypeShown>[] = eventTypes.map((type) => {
  const { description, data } = eventCatalogue[type];
  return { type, description, schema: z.toJSONSchema(LoggedEvent.extend({ type: z.literal(type), data })) };
});

const everything = '*';

/** The types that a pattern stands for: itself, `noun.*`, or `*` for all. */
export function eventTypesOf(pattern: string): (typeof eventTypes)[number][] {
  if (pattern === everything) return [...eventTypes];
  const prefix = pattern.endsWith('.*') ? pattern.slice(0, -1) : undefined;
  return eventTypes.filter((type) => (prefix === undefined ? type === pattern : type.startsWith(prefix)));
}

const patterns = text(1_000)
  .transform((value) => value.split(','))
  .pipe(
    z.array(
      z
        .string()
        .refine(
          (pattern) => eventTypesOf(pattern).length > 0,
          'must be a type of GET /event-types, a noun with .*, or *',
        ),
    ),
  )
  .optional()
  .describe('Types with commas between: `insight.opened`, `work_order.*`, `*`; absent: all that the caller may see.');

const instant = text(40)
  .refine((value) => parseInstant(value, 'UTC') !== undefined, 'must be an instant (ISO 8601)')
  .optional();

/** An event's number; of more digits there is none. */
export const EventId = z.string().regex(/^\d{1,18}$/, 'must be the number of an event');

const Query = z.strictObject({
  type: patterns,
  subject_kind: text(100).optional().describe('`insight`, `work_order`, …'),
  subject_id: text(200).optional().describe('The id of what they are about.'),
  asset_id: Id.optional().describe('The equipment that they are about.'),
  since: instant.describe('From this instant on; without a zone in that of the site.'),
  until: instant.describe('Before this instant.'),
  order: z.enum(['asc', 'desc']).optional().describe('asc: the oldest first; desc if absent.'),
  limit: wholeNumber({ min: 1, max: 200, default: 50 }).describe('How many events at most.'),
  cursor: text(2_048).optional().describe('nextCursor of the page before.'),
});

/** The query of the log; below a site no other one is named. */
export const eventQuery = {
  tenant: Query.extend({ site: text(63).optional().describe('Only what is of this site: its slug.') }),
  site: Query,
};
export type EventQuery = z.output<(typeof eventQuery)['tenant']>;

/** The query as a mount has it. */
export function eventQueryOf(mount: Mount['name']) {
  return mount === 'site' ? eventQuery.site : eventQuery.tenant;
}
