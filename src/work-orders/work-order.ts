import { z } from 'zod';
import { User } from '../access/people/user.ts';
import { Person } from '../access/person.ts';
import { Asset } from '../assets/asset.ts';
import { Site } from '../assets/site.ts';
import { Insight } from '../insights/insight.ts';
import { Id, Instant } from '../platform/fields.ts';
import { expandedField } from '../platform/list-query.ts';
import type { Mount } from '../platform/mount.ts';
import { slaStatuses } from './sla/promise.ts';
import { statuses } from './status.ts';

/** From least to greatest. */
export const priorities = ['none', 'low', 'medium', 'high', 'critical'] as const;
export const types = ['reactive', 'corrective', 'preventive', 'inspection', 'emergency'] as const;
export const sources = ['api', 'rule'] as const;

/** A task for people: the union of what the documented interfaces show, under each of their names. */
export const WorkOrder = z
  .object({
    id: Id,
    number: z.int().describe('Counts the work orders of the tenant, from 1, without gaps.'),
    site: z.string().describe('The slug of its site.'),
    title: z.string(),
    description: z.string(),
    status: z.enum(statuses),
    priority: z.enum(priorities),
    type: z.enum(types),
    wo_type: z.enum(types).describe('The same as type.'),
    category: z.string(),
    asset_id: Id.nullable(),
    equipment_uri: z.string(),
    location_uri: z.string(),
    created_by: Id.nullable(),
    created_by_detail: Person.nullable(),
    assigned_to: Id.nullable(),
    assigned_to_detail: Person.nullable(),
    assignees: z.array(Id).describe('Who works on it beside assigned_to.'),
    assigned_team: z
      .string()
      .nullable()
      .describe('The name of a team when the work was given to it, or of a role, such as one that a rule names.'),
    team_id: Id.nullable().describe('That team.'),
    requester_name: z.string(),
    requester_email: z.string(),
    insight: Id.nullable(),
    parent: Id.nullable(),
    source: z.enum(sources),
    due_date: z.string().nullable().describe('A date or an instant, in the form in which it was given.'),
    overdue_at: Instant.nullable().describe('Its deadline, where that has passed while it stands.'),
    scheduled_start: Instant.nullable(),
    scheduled_end: Instant.nullable(),
    estimated_minutes: z.int().nullable(),
    labor_minutes: z.int().describe('The time that people have entered.'),
    responded_at: Instant.nullable().describe('When it first left the status open.'),
    started_at: Instant.nullable(),
    completed_at: Instant.nullable(),
    hold_reason: z.string().describe('Why it is on hold; empty unless it is.'),
    failure: z.object({ problem: z.string(), cause: z.string(), remedy: z.string() }).describe('What was found.'),
    resolution: z.string().describe('What was done, or why it was not.'),
    requires_signature: z.boolean().describe('Whether it has to be signed before it is completed.'),
    requires_photo: z.boolean().describe('Whether it has to have a photo before it is completed.'),
    checklist: z.object({ total: z.int(), done: z.int() }).describe('How many tasks it has, and how many are done.'),
    sla_status: z
      .enum(slaStatuses)
      .nullable()
      .describe('How the promises about it stand, as the clock last had it; null where nothing is promised.'),
    sla_response_due_at: Instant.nullable().describe('By when somebody is to respond.'),
    sla_due_at: Instant.nullable().describe('By when it is to be completed.'),
    external_id: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    comment_count: z.int(),
    attachment_count: z.int(),
    photo_count: z.int(),
    signature_count: z.int(),
    created_at: Instant,
    updated_at: Instant,
    expanded: expandedField({ asset: Asset, assignee: User, insight: Insight, site: Site }),
  })
  .meta({ id: 'WorkOrder' });
export type WorkOrder = z.infer<typeof WorkOrder>;

/** What a work order is when its creator does not say; it depends on the mount, since the documents disagree. */
export const defaultsOf: Record<Mount['name'], { priority: (typeof priorities)[number]; dueToday: boolean }> = {
  tenant: { priority: 'medium', dueToday: true },
  site: { priority: 'none', dueToday: false },
};
