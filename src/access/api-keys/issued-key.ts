/**
 * API keys as people see them: who made which, what it may do and where, when it was used last, and whether it still works.
 * The secret is shown once, when a key is made and each time it is rotated.
 *
 *   usable ──expires_at──▶ expired ──a later expires_at──▶ usable      usable ──revoke──▶ revoked, for good
 *
 * On the plan Free, or while the person in whose name it acts is not active, a key is worthless; both are computed at each
 * request, never stored, so that they hold, and end, from the next request on.
 */
import { z } from 'zod';
import { exampleOf, flag, Id, Instant, kept, keptShape, plainText, text } from '../../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery } from '../../platform/list-query.ts';
import { ScopeName } from '../api-key.ts';

/** Why a key does not work, the first of them that holds. */
export const disabledReasons = ['revoked', 'expired', 'plan', 'owner_inactive'] as const;
export type DisabledReason = (typeof disabledReasons)[number];

/** Requests a minute, where nothing is said (O13). */
export const rateLimitDefault = 60;
const rateLimitMax = 1_000_000;
const overlapMinutesMax = 7 * 24 * 60;
const sitesMax = 1_000;

/** A key without its secret. */
export const ApiKey = z
  .object({
    id: Id,
    name: z.string(),
    prefix: z.string().describe('How the secret begins.').meta({ example: 'flt_live_4f8A' }),
    scopes: z.array(z.string()).describe('What it may do; `read`, `write` and `admin` are bundles.'),
    site_ids: z.array(Id).nullable().describe('The sites that it is limited to; null: all of the tenant.'),
    livemode: z.boolean().describe('False for a key of the test tenant.'),
    rate_limit_per_minute: z.int().nullable().describe('Requests a minute; null: as many as it likes.'),
    expires_at: Instant.nullable(),
    last_used_at: Instant.nullable().describe('To the minute.'),
    last_used_ip: z.string().nullable().describe('The address from which it was used then.'),
    previous_expires_at: Instant.nullable().describe('Until when the secret before the last rotation is good as well.'),
    revoked_at: Instant.nullable(),
    disabled_reason: z
      .enum(disabledReasons)
      .nullable()
      .describe('Why it does not work: it was revoked, it has expired, the plan has no keys, its owner is not active.'),
    created_by: Id.nullable().describe('The person in whose name it acts.'),
    ...keptShape,
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'ApiKey' });
export type ApiKey = z.infer<typeof ApiKey>;

/** A key with its secret, which nobody can read again. */
export const ApiKeyWithSecret = ApiKey.extend({
  secret: z.string().describe('Shown this once.').meta({ example: 'flt_live_…' }),
}).meta({ id: 'ApiKeyWithSecret' });
export type ApiKeyWithSecret = z.infer<typeof ApiKeyWithSecret>;

export const apiKeyList = listOf({
  name: 'api-keys',
  id: 'api_key.id',
  columns: {
    created_at: columns.instant('api_key.created_at'),
    updated_at: columns.instant('api_key.updated_at'),
    expires_at: columns.instant('api_key.expires_at', { isNullable: true }),
    last_used_at: columns.instant('api_key.last_used_at', { isNullable: true }),
    name: columns.text('api_key.name'),
  },
  words: ['api_key.name', 'api_key.prefix'],
});

export const ApiKeyQuery = listQuery(apiKeyList, {
  livemode: flag().describe('Only those of the live tenant, or only those of its test tenant.'),
  active: flag().describe('Only those that work, or only those that do not.'),
  external_id: text(255).optional(),
});
export type ApiKeyFilter = Omit<z.output<typeof ApiKeyQuery>, ListFields>;

const Name = plainText(200).describe('What people tell it by.');

const fields = {
  scopes: z
    .array(ScopeName)
    .min(1)
    .max(100)
    .describe(
      'Scopes, or bundles of them, each of which the caller has; `calendar:read` alone is a key for calendars.',
    ),
  site_ids: z.array(Id).min(1).max(sitesMax).nullable().describe('Ids of sites; null: all of the tenant.'),
  rate_limit_per_minute: z
    .int()
    .min(1)
    .max(rateLimitMax)
    .nullable()
    .describe('Requests a minute, at most those of the key that asks; null: as many as it likes.'),
  expires_at: text(40)
    .nullable()
    .meta({ description: 'A later instant (ISO 8601); null: never.', format: 'date-time' }),
};

/** What makes a key. */
export const ApiKeyCreation = z
  .strictObject({
    name: Name,
    scopes: fields.scopes,
    site_ids: fields.site_ids.optional().describe("Ids of sites; null: all of the tenant; absent: the caller's own."),
    livemode: z
      .boolean()
      .optional()
      .describe("False: a key of the test tenant, which the first one makes; absent: as the caller's own."),
    rate_limit_per_minute: fields.rate_limit_per_minute
      .optional()
      .describe(
        `Requests a minute, at most those of the key that asks; null: as many as it likes; absent: ${rateLimitDefault}.`,
      ),
    expires_at: fields.expires_at.optional(),
    ...kept,
  })
  .meta({
    id: 'ApiKeyCreation',
    ...exampleOf({ name: 'Night shift middleware', scopes: ['read', 'work-orders:write'], rate_limit_per_minute: 600 }),
  });
export type ApiKeyCreation = z.output<typeof ApiKeyCreation>;

/** What people may change of a key. Its secret changes by rotation alone, and it stays live or test. */
export const ApiKeyChange = z
  .strictObject({
    name: Name.optional(),
    scopes: fields.scopes.optional(),
    site_ids: fields.site_ids.optional(),
    rate_limit_per_minute: fields.rate_limit_per_minute.optional(),
    expires_at: fields.expires_at.optional(),
    ...kept,
  })
  .meta({ id: 'ApiKeyChange', ...exampleOf({ name: 'Night shift', scopes: ['read'] }) });
export type ApiKeyChange = z.output<typeof ApiKeyChange>;

/** For how long both secrets are good, so that whoever has the old one can be given the new one. */
export const ApiKeyRotation = z
  .strictObject({
    overlap_minutes: z
      .int()
      .min(0)
      .max(overlapMinutesMax)
      .optional()
      .describe('For so many minutes the secret so far is good as well; absent: it ends at once.'),
  })
  .nullish()
  .meta({ examples: [{ overlap_minutes: 60 }] });
export type ApiKeyRotation = z.output<typeof ApiKeyRotation>;
