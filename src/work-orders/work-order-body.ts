/** What clients write of a work order: the bodies of POST and PATCH. */
import { z } from 'zod';
import { exampleOf, Id, InstantText, Metadata, text } from '../platform/fields.ts';
import { parseDate } from '../platform/instant.ts';
import type { Mount } from '../platform/mount.ts';
import { statuses } from './status.ts';
import { defaultsOf, priorities, types } from './work-order.ts';

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

/** Something that is so or not; null is not. */
const yesOrNo = () =>
  z
    .boolean()
    .nullable()
    .transform((value) => value ?? false)
    .optional();

const Title = text(500).regex(/\S/, 'must not be empty').describe('What is to be done, in a line.');
const Due = text(40)
  .refine(
    (value) => parseDate(value) !== undefined || InstantText.safeParse(value).success,
    'must be a date (2026-04-15) or an instant (ISO 8601)',
  )
  .meta({ examples: ['2026-04-15', '2026-03-17T17:00:00Z'] });
const InstantGiven = InstantText.meta({ format: 'date-time' });
const Email = text(320).regex(/^([^\s@]+@[^\s@]+)?$/, 'must be an e-mail address');

const assigneesMax = 50;
/** A year, in minutes. */
const minutesMax = 525_600;

const Failure = z
  .strictObject({ problem: line(2_000), cause: line(2_000), remedy: line(2_000) })
  .nullable()
  .transform((value) => value ?? { problem: '', cause: '', remedy: '' })
  .optional()
  .describe('What was found: of its three texts, those that are given change; null empties all.');

const Resolution = line(10_000).describe('What was done, or why it was not.');
const CompletedAt = unsettable(InstantGiven).describe('When the work was done, with the status completed.');

const ofAssignment = {
  assigned_to: unsettable(Id).describe('An active user of the tenant.'),
  assignees: z
    .union([z.array(Id).max(assigneesMax), z.literal(''), z.null()])
    .transform((value) => value || [])
    .optional()
    .describe('Active users who work on it beside assigned_to.'),
  assigned_team: unsettable(text(200)).describe('A team, by its name, or a role; fills in team_id.'),
  team_id: unsettable(Id).describe('A team of the tenant; fills in assigned_team, whatever that says.'),
};

/** What many work orders may be given at once, too. */
const ofMany = {
  status: z.enum(statuses).optional(),
  priority: z.enum(priorities).optional(),
  type: z.enum(types).optional(),
  wo_type: z.enum(types).optional().describe('The same as type.'),
  category: line(200),
  ...ofAssignment,
  due_date: unsettable(Due),
  scheduled_start: unsettable(InstantGiven).describe('When the work is planned to begin.'),
  scheduled_end: unsettable(InstantGiven).describe('When it is planned to end, and not before it begins.'),
  estimated_minutes: unsettable(z.int().min(0).max(minutesMax)).describe('How long the work is thought to take.'),
  hold_reason: line(2_000).describe('Why it is on hold, with the status on_hold.'),
  resolution: Resolution,
  requires_signature: yesOrNo().describe('It has to be signed before it is completed.'),
  requires_photo: yesOrNo().describe('It has to have a photo before it is completed.'),
};

const optionalFields = {
  description: line(50_000),
  ...ofMany,
  asset_id: unsettable(Id).describe('Equipment of the tenant; fills in equipment_uri and location_uri.'),
  equipment_uri: line(2048).describe('That of an asset, which is then linked, or one of an external graph.'),
  location_uri: line(2048),
  requester_name: line(320),
  requester_email: Email.nullable()
    .transform((value) => value ?? '')
    .optional(),
  insight: unsettable(Id).describe('Links an insight; at creation it goes from open to in_progress.'),
  parent: unsettable(Id).describe('Makes it a sub-task of another work order.'),
  completed_at: CompletedAt,
  failure: Failure,
  external_id: unsettable(text(255)),
  metadata: Metadata.nullable()
    .transform((value) => value ?? {})
    .optional()
    .describe("The client's own keys and values; null takes all away."),
};

/** The body of a PATCH: what is given changes, what is not stays. */
export const WorkOrderChange = z
  .strictObject({ title: Title.optional(), ...optionalFields })
  .meta({ id: 'WorkOrderChange', ...exampleOf({ status: 'completed', completed_at: '2026-03-16T14:30:00Z' }) });
export type WorkOrderChange = z.output<typeof WorkOrderChange>;

/** What a change of many names. */
export const WorkOrderChangeOfMany = z.strictObject(ofMany).meta({ id: 'WorkOrderChangeOfMany' });

/** The bodies of the actions; each is a change, beside the status to which its action leads. */
export const actionBodies = {
  assign: z
    .strictObject(ofAssignment)
    .refine((body) => Object.values(body).some((value) => value !== undefined), 'must name somebody, or nobody')
    .meta({ id: 'WorkOrderAssignment', ...exampleOf({ assigned_team: 'hvac-east' }) }),
  start: z.strictObject({}).meta({ id: 'WorkOrderStart', ...exampleOf({}) }),
  hold: z
    .strictObject({ reason: ofMany.hold_reason.describe('Why.') })
    .transform(({ reason }) => ({ hold_reason: reason }))
    .meta({ id: 'WorkOrderHold', ...exampleOf({ reason: 'A bearing is on order.' }) }),
  complete: z.strictObject({ completed_at: CompletedAt, resolution: Resolution, failure: Failure }).meta({
    id: 'WorkOrderCompletion',
    ...exampleOf({
      resolution: 'Replaced the actuator and stroked the valve.',
      failure: { problem: 'Valve stuck at 87 %', cause: 'Actuator worn', remedy: 'Replaced' },
    }),
  }),
  cancel: endingBody('WorkOrderCancellation', 'It was asked for twice.'),
  skip: endingBody('WorkOrderSkip', 'The plant was shut down.'),
  reopen: z.strictObject({}).meta({ id: 'WorkOrderReopening', ...exampleOf({}) }),
};

function endingBody(id: string, reason: string) {
  return z
    .strictObject({ reason: Resolution.describe('Why; it becomes the resolution.') })
    .transform(({ reason: resolution }) => ({ resolution }))
    .meta({ id, ...exampleOf({ reason }) });
}

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
