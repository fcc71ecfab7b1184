import { z } from 'zod';
import { User } from '../access/people/user.ts';
import { Person } from '../access/person.ts';
import { Asset } from '../assets/asset.ts';
import { Site } from '../assets/site.ts';
import { Id, Instant, keptShape } from '../platform/fields.ts';
import { expandedField } from '../platform/list-query.ts';

export const insightStatuses = ['open', 'in_progress', 'resolved', 'dismissed', 'snoozed'] as const;
export type InsightStatus = (typeof insightStatuses)[number];
/** From least to greatest. */
export const severities = ['info', 'warning', 'critical'] as const;
const endings = ['cleared', 'rule_removed', 'rule_disabled', 'rule_unbound', 'withdrawn'] as const;
const resolutions = [...endings, 'person', 'work_order_completed'] as const;
export const categories = ['fault', 'comfort', 'energy', 'maintenance'] as const;

/** What a rule, another detector or a person has found, and what people make of it. */
export const Insight = z
  .object({
    id: Id,
    site: z.string().describe('The slug of its site.'),
    source: z
      .string()
      .describe('`rule`, `person`, or the name of the detector that sent it.')
      .meta({ example: 'rule' }),
    source_id: z.string().nullable().describe('What its detector calls it.'),
    asset_id: Id.nullable(),
    equipment_uri: z.string(),
    rule_id: z.string().nullable().meta({ example: 'ahu-cooling-valve-leak' }),
    rule_version: z.int().nullable(),
    title: z.string(),
    message: z.string(),
    body: z.string().describe('The same as message; of other detectors it is Markdown.'),
    severity: z.enum(severities),
    category: z.enum(categories),
    status: z.enum(insightStatuses),
    suppressed_by: z.string().nullable().describe('The rule whose insight explains this one.'),
    data_stale: z.boolean().describe('Whether the readings that would tell its end are missing.'),
    shadow: z.boolean().describe('Whether its rule is on trial, and opens no work orders.'),
    flapping: z.boolean(),
    started_at: Instant.describe('When the condition began to hold.'),
    opened_at: Instant.describe('When it had held for as long as the rule asks.'),
    first_seen: Instant.describe('The same as started_at.'),
    last_seen: Instant.describe('When it was last found, or, of a rule, seen to end.'),
    occurrences: z.int().describe('How often it was found: by a rule the same as episodes.'),
    episodes: z.int().describe('How often it has opened, this time included.'),
    ended_at: Instant.nullable().describe('When its rule no longer saw it; null while it does.'),
    ended_because: z
      .enum(endings)
      .nullable()
      .describe(
        'Why its rule no longer sees it: `cleared`; `rule_removed`, `rule_disabled` (switched off there) or `rule_unbound` (the rule no longer fits the equipment); `withdrawn` since late readings showed that it never was. Null while it does.',
      ),
    resolved_at: Instant.nullable().describe('While it is resolved: since when.'),
    resolved_because: z
      .enum(resolutions)
      .nullable()
      .describe('What resolved it: as ended_because, or a `person`, or that its last work order was completed.'),
    resolved_by: Id.nullable().describe('The person who resolved it.'),
    resolved_reason: z.string().nullable(),
    dismissed_at: Instant.nullable(),
    dismissed_by: Id.nullable(),
    dismissed_reason: z.string().nullable(),
    snoozed_until: Instant.nullable(),
    acknowledged_at: Instant.nullable(),
    acknowledged_by: Id.nullable(),
    assignee: Id.nullable(),
    assignee_detail: Person.nullable(),
    evidence: z.record(z.string(), z.unknown()),
    analysis: z.record(z.string(), z.unknown()).describe('What another detector says about how it came to it.'),
    timeseries_ids: z.array(z.string()).describe('The series on which another detector bases it.'),
    causes: z.array(z.string()),
    actions: z.array(z.string()),
    estimated_cost_per_day: z.number().nullable().describe('What it wastes, in the unit in which its source counts.'),
    confidence: z.number().nullable().describe('From 0 to 1.'),
    work_order_ids: z.array(Id),
    comment_count: z.int(),
    created_by: Id.nullable(),
    ...keptShape,
    created_at: Instant,
    updated_at: Instant,
    expanded: expandedField({ asset: Asset, assignee: User, site: Site }),
  })
  .meta({ id: 'Insight' });
export type Insight = z.infer<typeof Insight>;
