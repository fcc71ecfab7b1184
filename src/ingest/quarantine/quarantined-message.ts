import { z } from 'zod';
import { Id, Instant, text } from '../../platform/fields.ts';
import { parseInstant } from '../../platform/instant.ts';
import { columns, listOf, listQuery } from '../../platform/list-query.ts';
import { reasons } from './quarantine.ts';

const reasonList = reasons.join(', ');

/** A message of a device that was refused, with the reason and the message itself. */
export const QuarantinedMessage = z
  .object({
    id: Id,
    reason: z.string().describe(`One of ${reasonList}; more may come.`).meta({ example: 'unknown_point' }),
    detail: z.string().describe('What was wrong, and what would be right.'),
    topic: z.string(),
    payload: z.string().describe('As text where it is UTF-8, else in Base64; payload_encoding tells.'),
    payload_encoding: z.enum(['utf8', 'base64']),
    payload_truncated: z.boolean().describe('Whether only its beginning was kept; it cannot be replayed then.'),
    device_id: Id.nullable(),
    device: z.string().nullable().describe('The name of the device.'),
    received_at: Instant,
    replays: z.int().describe('How often it was replayed and stayed.'),
    updated_at: Instant,
  })
  .meta({ id: 'QuarantinedMessage' });
export type QuarantinedMessage = z.infer<typeof QuarantinedMessage>;

const instant = text(40)
  // An offset's plus sign that was not percent-encoded arrives as a space.
  .transform((value) => value.replace(/ (\d{2}:?\d{2})$/, '+$1'))
  .refine((value) => parseInstant(value, 'UTC') !== undefined, 'must be an instant (ISO 8601)')
  .optional();

const listFilters = {
  reason: text(100).optional().describe(`One of ${reasonList}.`),
  device_id: Id.optional(),
  topic: text(1000).optional().describe('The whole topic.'),
  topic_prefix: text(1000).optional().describe('How the topic begins.'),
  topic_contains: text(1000).optional().describe('What the topic contains, in small letters or capitals.'),
  q: text(200).optional().describe('What the detail contains, in small letters or capitals.'),
};
const filters = {
  ...listFilters,
  'received_at[gte]': instant.describe('Received at this instant or later.'),
  'received_at[lt]': instant.describe('Received before this instant.'),
};

export const quarantineList = listOf({
  name: 'quarantine',
  id: 'quarantine.id',
  columns: { received_at: columns.instant('quarantine.received_at'), topic: columns.text('quarantine.topic') },
  sort: '-received_at',
});

export const QuarantineQuery = listQuery(quarantineList, listFilters);
const Filter = z.strictObject(filters);
export type QuarantineFilter = z.output<typeof Filter>;

/** Which messages to replay, the oldest first. */
export const ReplayBody = Filter.extend({
  limit: z.int().min(1).max(500).optional().describe('How many at most (100 if absent).'),
  cursor: z
    .string()
    .max(1024)
    .optional()
    .describe('nextCursor of the answer before, to go on behind those that stayed.'),
}).meta({ override: { examples: [{ reason: 'unknown_point', topic_prefix: 'telemetry/north/' }] } });

/** Which messages to delete. */
export const DeletionBody = Filter.refine((filter) => Object.values(filter).some((value) => value !== undefined), {
  message: 'must name at least one filter',
}).meta({ override: { examples: [{ reason: 'malformed', 'received_at[lt]': '2026-03-17T17:00:00Z' }] } });

/** What a replay made of one message. */
export const Replayed = z
  .object({
    id: Id,
    outcome: z
      .enum(['replayed', 'kept'])
      .describe('replayed: all of it is stored, and it is gone from quarantine; kept: it stays, and reason says why.'),
    stored: z.int(),
    duplicates: z.int().describe('Readings that were there already with the same value.'),
    conflicts: z.int().describe('Readings that were there already with another value, which stays.'),
    reason: z.string().nullable().describe('Why it stays.'),
    detail: z.string().nullable(),
  })
  .meta({ id: 'ReplayedMessage' });
export type Replayed = z.infer<typeof Replayed>;

export const ReplayedMany = z
  .object({
    replayed: z.int(),
    kept: z.int(),
    results: z.array(Replayed),
    nextCursor: z.string().nullable().describe('Null once all that the filter matches have been tried.'),
  })
  .meta({ id: 'ReplayedMessages' });

export const Deleted = z
  .object({ deleted: z.int(), remaining: z.int().describe('How many the filter still matches; ask again.') })
  .meta({ id: 'DeletedMessages' });
