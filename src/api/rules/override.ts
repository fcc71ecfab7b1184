/** Overrides as the API takes and shows them: what people set otherwise for some equipment and for some time, and why. */

import { z } from 'zod';
import { exampleOf, flag, Id, Instant, text } from '../../platform/fields.ts';
import { formatInstant, parseInstant } from '../../platform/instant.ts';
import { columns, listOf, listQuery, timestamps } from '../../platform/list-query.ts';
import type { Mount } from '../../platform/mount.ts';
import type { OverrideRecord } from '../../rules/live/override-store.ts';
import { EnabledOrPaused, severities } from './rule.ts';

export const RuleOverride = z
  .object({
    id: Id,
    rule_id: z.string().describe("A rule's id, or * for every rule."),
    site: z.string().nullable().describe('The slug of its site; null: every site.'),
    asset_id: Id.nullable().describe('Null: all equipment there.'),
    asset: z.string().nullable().describe('The name of that asset.'),
    tag: z.string().nullable().describe('Only equipment with this tag.'),
    params: z.record(z.string(), z.number()),
    severity: z.enum(severities).nullable(),
    enabled: EnabledOrPaused.nullable().describe(
      'On, off, on trial, or paused: nothing opens or resolves; null: as the rule has it.',
    ),
    since: Instant,
    until: Instant.nullable().describe('Null: until somebody ends it.'),
    reason: z.string(),
    author: z.string().describe('The person, or the API key, that set it last.'),
    replaced_by: Id.nullable().describe(
      'The override that goes on from the end of this one, which it was changed into.',
    ),
    ended_at: Instant.nullable().describe('When somebody ended it before its time.'),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({
    id: 'RuleOverride',
    description: 'What a person has set otherwise about rules, for some equipment and time.',
  });
export type RuleOverride = z.infer<typeof RuleOverride>;

export const overrideList = listOf({
  name: 'rule-overrides',
  id: 'rule_override.id',
  columns: {
    ...timestamps('rule_override'),
    since: columns.instant('rule_override.since_at'),
    until: columns.instant('rule_override.until_at', { isNullable: true }),
    rule_id: columns.text('rule_override.rule_id'),
  },
  words: ['rule_override.reason', 'rule_override.author', 'rule_override.rule_id', 'rule_override.tag'],
});

export const OverrideQuery = listQuery(overrideList, {
  rule_id: text(200).optional(),
  asset_id: Id.optional(),
  active: flag().describe('true: those that hold now or will; false: those whose time is over.'),
});

const Reason = text(2_000).regex(/\S/, 'must not be empty').describe('Why; people read it beside what it changes.');
const InstantGiven = text(40)
  .refine((value) => parseInstant(value, 'UTC') !== undefined, 'must be an instant (ISO 8601)')
  .meta({ format: 'date-time' });
const Since = InstantGiven.nullable()
  .optional()
  .describe('Absent: now. Not in the past: what has been evaluated stands.');
const Until = InstantGiven.nullable().optional().describe('Absent or null: until somebody ends it.');
const Params = z
  .record(text(200), z.number())
  .refine((value) => Object.keys(value).length <= 100, 'must have at most 100 parameters')
  .describe("Values of parameters, in their own units and within the rule's bounds.");

const effects = {
  params: Params.optional(),
  severity: z.enum(severities).nullable().optional(),
  enabled: EnabledOrPaused.nullable().optional(),
};

/** Where an override holds; below a site it holds at most there. */
const places = {
  tenant: {
    site: text(200).nullable().optional().describe('The slug of a site; absent: every site.'),
    asset_id: Id.nullable().optional().describe('One piece of equipment.'),
    tag: text(200).regex(/\S/, 'must not be empty').nullable().optional().describe('Only equipment with this tag.'),
  },
};
const { site: _, ...withinSite } = places.tenant;
const placeOf = (mount: Mount['name']) => (mount === 'tenant' ? places.tenant : withinSite);

/** The body of a POST of an override. */
export function overrideBody(mount: Mount['name']) {
  return z
    .strictObject({
      rule_id: text(200).describe("A rule's id, or * for every rule."),
      ...placeOf(mount),
      ...effects,
      since: Since,
      until: Until,
      reason: Reason,
    })
    .meta(exampleOf({ rule_id: 'g36-fc13', params: { err_sat: 1.5 }, reason: 'The sensor is accurate to 1.5 K.' }));
}

/** The body of a PATCH: what is given holds from now on. */
export const OverrideChange = z.strictObject({ ...effects, until: Until, reason: Reason.optional() }).meta({
  id: 'RuleOverrideChange',
  ...exampleOf({ enabled: 'shadow', reason: 'On trial until the valve is changed.' }),
});
export type OverrideChange = z.output<typeof OverrideChange>;

/** The body of a POST that switches a rule on, off, on trial, or pauses it. */
export function switchBody(mount: Mount['name']) {
  return z
    .strictObject({ ...placeOf(mount), until: Until, reason: Reason })
    .meta(exampleOf({ until: '2099-12-31T00:00:00Z', reason: 'The unit is being commissioned.' }));
}

/** Everything that a new override may state, whatever the mount and route. */
export type OverrideBody = {
  readonly rule_id: string;
  readonly site?: string | null | undefined;
  readonly asset_id?: string | null | undefined;
  readonly tag?: string | null | undefined;
  readonly since?: string | null | undefined;
} & OverrideChange;

export function showOverride(record: OverrideRecord): RuleOverride {
  return {
    id: record.id,
    rule_id: record.rule,
    site: record.site,
    asset_id: record.assetId,
    asset: record.assetName,
    tag: record.tag,
    params: record.params,
    severity: record.severity,
    enabled: record.enabled,
    since: formatInstant(record.sinceAt),
    until: record.untilAt && formatInstant(record.untilAt),
    reason: record.reason,
    author: record.author,
    replaced_by: record.replacedBy,
    ended_at: record.endedAt && formatInstant(record.endedAt),
    created_at: formatInstant(record.createdAt),
    updated_at: formatInstant(record.updatedAt),
  };
}
