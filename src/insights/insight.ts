import { z } from 'zod';
import { flag, Id, Instant, text } from '../platform/fields.ts';
import { PageQuery } from '../platform/paging.ts';

const insightStatuses = ['open', 'in_progress', 'resolved', 'dismissed', 'snoozed'] as const;
const severities = ['critical', 'warning', 'info'] as const;
const endings = ['cleared', 'rule_removed', 'rule_disabled', 'rule_unbound', 'withdrawn'] as const;
const categories = ['fault', 'comfort', 'energy', 'maintenance'] as const;

/** An episode of a rule on a piece of equipment, as people see it. (rule, asset, opened_at) is its identity. */
export const Insight = z
  .object({
    id: Id,
    site: z.string().describe('The slug of its site.'),
    asset_id: Id,
    equipment_uri: z.string(),
    rule_id: z.string().meta({ example: 'ahu-cooling-valve-leak' }),
    rule_version: z.int(),
    title: z.string(),
    message: z.string(),
    severity: z.enum(severities),
    category: z.enum(categories),
    status: z.enum(insightStatuses),
    suppressed_by: z.string().nullable().describe('The rule whose insight explains this one.'),
    data_stale: z.boolean().describe('Whether the readings that would tell its end are missing.'),
    shadow: z.boolean().describe('Whether its rule is on trial, and opens no work orders.'),
    flapping: z.boolean(),
    started_at: Instant.describe('When the condition began to hold.'),
    opened_at: Instant.describe('When it had held for as long as the rule asks.'),
    resolved_at: Instant.nullable(),
    ended_because: z
      .enum(endings)
      .nullable()
      .describe(
        'Why it ended: `cleared` by its rule; `rule_removed`, `rule_disabled` (switched off there) or `rule_unbound` (the rule no longer fits the equipment); `withdrawn` since late readings showed that it never was. Null while it stands.',
      ),
    episodes: z.int().describe('How often it has opened, this time included.'),
    evidence: z.record(z.string(), z.unknown()),
    causes: z.array(z.string()),
    actions: z.array(z.string()),
    work_order_ids: z.array(Id),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Insight' });
export type Insight = z.infer<typeof Insight>;

export const InsightQuery = PageQuery.extend({
  status: z.enum(insightStatuses).optional(),
  severity: z.enum(severities).optional(),
  category: z.enum(categories).optional(),
  asset_id: Id.optional(),
  rule_id: text(200).optional(),
  shadow: flag(),
});
export type InsightFilter = Omit<z.output<typeof InsightQuery>, 'limit' | 'offset' | 'cursor'>;
