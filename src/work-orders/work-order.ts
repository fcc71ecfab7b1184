import { z } from 'zod';
import { exampleOf, Id, Instant, text } from '../platform/fields.ts';
import { parseInstant } from '../platform/instant.ts';
import type { Mount } from '../platform/mount.ts';
import { PageQuery } from '../platform/paging.ts';
import { parseDueDate } from './due-date.ts';
import { statuses } from './status.ts';

/** From least to greatest. */
export const priorities = ['none', 'low', 'medium', 'high', 'critical'] as const;
export const types = ['reactive', 'corrective', 'preventive', 'inspection', 'emergency'] as const;
const sources = ['api', 'rule'] as const;

const Person = z.object({ id: Id, username: z.string(), email: z.string() }).meta({ id: 'Person' });

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
    assigned_team: z.string().nullable().describe('A team or role that a rule names.'),
    requester_name: z.string(),
    requester_email: z.string(),
    insight: Id.nullable(),
    parent: Id.nullable(),
    source: z.enum(sources),
    due_date: z.string().nullable().describe('A date or an instant, in the form in which it was given.'),
    started_at: Instant.nullable(),
    completed_at: Instant.nullable(),
    external_id: z.string().nullable(),
    metadata: z.record(z.string(), z.unknown()),
    comment_count: z.int(),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'WorkOrder' });
export type WorkOrder = z.infer<typeof WorkOrder>;

/** What a work order is when its creator does not say; it depends on the mount, since the documents disagree. */
export const defaultsOf: Record<Mount['name'], { priority: (typeof priorities)[number]; dueToday: boolean }> = {
  tenant: { priority: 'medium', dueToday: true },
  site: { priority: 'none', dueToday: false },
};

/** Something that null, or an empty text, unsets (N4). */
const unsettable = <T extends z.ZodType>(schema: T) =>
  z
    .union([schema, z.literal(''), z.null()])
    .transform((value) => (value === '' ? null : (value as z.output<T> | null)))
    .optional();

/** A text that null empties. */
const line = (max: number) =>
  text(max)
    .nullable()
    .transform((value) => value ?? '')
    .optional();

const Title = text(500).regex(/\S/, 'must not be empty').describe('What is to be done, in a line.');
const Due = text(40)
  .refine((value) => parseDueDate(value, 'UTC') !== undefined, 'must be a date (2026-04-15) or an instant (ISO 8601)')
  .meta({ examples: ['2026-04-15', '2026-03-17T17:00:00Z'] });
const InstantGiven = text(40)
  .refine((value) => parseInstant(value, 'UTC') !== undefined, 'must be an instant (ISO 8601)')
  .meta({ format: 'date-time' });
const Email = text(320).regex(/^([^\s@]+@[^\s@]+)?$/, 'must be an e-mail address');

const metadataKeysMax = 50;
const metadataBytesMax = 16_384;
const Metadata = z
  .record(text(100), z.unknown())
  .refine((value) => Object.keys(value).length <= metadataKeysMax, `must have at most ${metadataKeysMax} keys`)
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= metadataBytesMax, 'must be at most 16 KiB of JSON')
  .describe("The client's own keys and values.");

const optionalFields = {
  description: line(50_000),
  status: z.enum(statuses).optional(),
  priority: z.enum(priorities).optional(),
  type: z.enum(types).optional(),
  wo_type: z.enum(types).optional().describe('The same as type.'),
  category: line(200),
  asset_id: unsettable(Id).describe('Equipment of the tenant; fills in equipment_uri and location_uri.'),
  equipment_uri: line(2048).describe('That of an asset, which is then linked, or one of an external graph.'),
  location_uri: line(2048),
  assigned_to: unsettable(Id).describe('An active user of the tenant.'),
  requester_name: line(320),
  requester_email: Email.nullable()
    .transform((value) => value ?? '')
    .optional(),
  due_date: unsettable(Due),
  insight: unsettable(Id).describe('Links an insight; at creation it goes from open to in_progress.'),
  parent: unsettable(Id).describe('Makes it a sub-task of another work order.'),
  completed_at: unsettable(InstantGiven).describe('When the work was done, with the status completed.'),
  external_id: unsettable(text(255)),
  metadata: Metadata.optional(),
};

/** The body of a PATCH: what is given changes, what is not stays. */
export const WorkOrderChange = z
  .strictObject({ title: Title.optional(), ...optionalFields })
  .meta({ id: 'WorkOrderChange', ...exampleOf({ status: 'completed', completed_at: '2026-03-16T14:30:00Z' }) });
export type WorkOrderChange = z.output<typeof WorkOrderChange>;

/** The body of a POST, with the defaults of its mount in the document. */
export function workOrderBody(mount: Mount['name']) {
  const defaults = defaultsOf[mount];
  const priority = z
    .enum(priorities)
    .optional()
    .meta({ override: { default: defaults.priority } });
  const due = optionalFields.due_date.describe(
    defaults.dueToday ? "A date or an instant; absent: today in the tenant's time zone." : 'A date or an instant.',
  );
  return z
    .strictObject({ title: Title, ...optionalFields, priority, due_date: due })
    .meta(exampleOf(bodyExamples[mount]));
}
export type WorkOrderBody = z.output<ReturnType<typeof workOrderBody>>;

const bodyExamples = {
  tenant: {
    title: 'Bearing replacement on CNC #1',
    priority: 'high',
    wo_type: 'corrective',
    due_date: '2026-04-15',
  },
  site: {
    title: 'Inspect cooling coil valve actuator on AHU-01',
    description: 'Valve stuck at 87% open. Check actuator for mechanical failure.',
    priority: 'high',
    type: 'reactive',
    category: 'HVAC',
    equipment_uri: 'http://fuseki:3030/buildings/ucl-east#AHU-01',
    due_date: '2026-03-17T17:00:00Z',
  },
};

export const WorkOrderQuery = PageQuery.extend({
  status: z.enum(statuses).optional(),
  priority: z.enum(priorities).optional(),
  type: z.enum(types).optional(),
  wo_type: z.enum(types).optional().describe('The same as type.'),
  equipment_uri: text(2048).optional().describe('A # in it is %23 in a query.'),
  asset_id: Id.optional(),
  assigned_to: Id.optional(),
  insight: Id.optional(),
  parent: Id.optional(),
  source: z.enum(sources).optional(),
  external_id: text(255).optional(),
});
export type WorkOrderFilter = Omit<z.output<typeof WorkOrderQuery>, 'limit' | 'offset' | 'cursor' | 'wo_type'>;
