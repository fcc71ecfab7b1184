/** The service history of equipment: what was found on it, what was done about it, and when it was in which state. */
import { z } from 'zod';
import { flag, Id, Instant } from '../../platform/fields.ts';
import { PageQuery } from '../../platform/paging.ts';
import { assetStatuses } from '../asset.ts';

export const entryKinds = ['work_order', 'insight', 'status_change'] as const;
export type EntryKind = (typeof entryKinds)[number];

/** One entry. Which of the three it is, `kind` says; the other two are null. */
export const ServiceEntry = z
  .object({
    id: Id.describe('That of the work order, the insight or the change of status.'),
    kind: z.enum(entryKinds),
    at: Instant.describe(
      'When the work order was made, the insight opened, the status changed: what the order goes by.',
    ),
    asset_id: Id.nullable().describe('The equipment itself, or a part of it; null for what is about none.'),
    asset: z.string().describe('Its name; empty where there is none.'),
    title: z.string(),
    status: z.string().describe('Of the work order or the insight as it is now; of the equipment as it became.'),
    work_order: z
      .object({
        number: z.int(),
        type: z.string(),
        priority: z.string(),
        assigned_to: Id.nullable(),
        insight: Id.nullable(),
        started_at: Instant.nullable(),
        completed_at: Instant.nullable(),
        resolution: z.string(),
        labor_minutes: z.int(),
      })
      .nullable(),
    insight: z
      .object({
        rule_id: z.string().nullable(),
        severity: z.string(),
        category: z.string(),
        episodes: z.int(),
        resolved_at: Instant.nullable(),
      })
      .nullable(),
    status_change: z
      .object({ from: z.enum(assetStatuses), to: z.enum(assetStatuses), reason: z.string(), author: z.string() })
      .nullable(),
  })
  .meta({ id: 'ServiceEntry' });
export type ServiceEntry = z.infer<typeof ServiceEntry>;

export const SiteHistoryQuery = PageQuery.extend({ kind: z.enum(entryKinds).optional() });

export const ServiceHistoryQuery = SiteHistoryQuery.extend({
  with_parts: flag().describe('With that of everything that is part of it, and of what these consist of.'),
});
