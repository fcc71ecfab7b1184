/** The types of events, each with what it tells and with what its `data` holds; and what one must be allowed, to be told of a noun. */
import { z } from 'zod';
import type { Scope } from '../access/api-key.ts';
import { Id, Instant } from '../platform/fields.ts';
import type { EventType } from './event.ts';

type Noun<T extends EventType = EventType> = T extends `${infer N}.${string}` ? N : never;

/** The scope that each noun needs. */
const scopeOfNoun: Readonly<Record<Noun, Scope>> = {
  insight: 'insights:read',
  work_order: 'work-orders:read',
  sla_policy: 'work-orders:read',
  team: 'users:read',
  comment: 'work-orders:read',
  insight_comment: 'insights:read',
  attachment: 'work-orders:read',
  photo: 'work-orders:read',
  signature: 'work-orders:read',
  task: 'work-orders:read',
  labor: 'work-orders:read',
  link: 'work-orders:read',
  asset: 'assets:read',
  point: 'points:read',
  location: 'assets:read',
  site: 'sites:read',
  device: 'devices:read',
};

/** The scope without which a type is not told. */
export function scopeOfType(type: EventType): Scope {
  return scopeOfNoun[type.split('.')[0] as Noun];
}

/** In words, and the schema of `data`: what the subject was after it, in short. Properties are added to it, never taken away. */
type Described = { readonly description: string; readonly data: z.ZodType };

const insight = z.looseObject({
  id: Id,
  source: z.string(),
  rule_id: z.string().nullable(),
  asset_id: Id.nullable(),
  title: z.string(),
  message: z.string(),
  severity: z.string(),
  category: z.string(),
  status: z.string(),
  episodes: z.int(),
  started_at: Instant,
  opened_at: Instant,
  ended_at: Instant.nullable(),
  ended_because: z.string().nullable(),
  resolved_at: Instant.nullable(),
  suppressed_by: z.string().nullable(),
});

const workOrder = z.looseObject({
  id: Id,
  number: z.int(),
  source: z.string(),
  title: z.string(),
  status: z.string(),
  priority: z.string(),
  type: z.string(),
  asset_id: Id.nullable(),
  insight: Id.nullable(),
  assigned_to: Id.nullable(),
  due_date: z.string().nullable(),
  started_at: Instant.nullable(),
  completed_at: Instant.nullable(),
});

/** The subject of these is what they belong to; their own id is here. */
const comment = z.looseObject({
  id: Id,
  body: z.string().describe('Its first 500 characters.'),
  parent_id: Id.nullable(),
  mentions: z.array(Id),
});
const file = z.looseObject({ id: Id, name: z.string(), media_type: z.string(), bytes: z.int(), sha256: z.string() });
const photo = file.extend({ kind: z.string() });
const signature = z.looseObject({ id: Id, signer_name: z.string(), signed_at: Instant, document_sha256: z.string() });
const task = z.looseObject({ id: Id, title: z.string(), kind: z.string(), value: z.unknown(), done: z.boolean() });
const labor = z.looseObject({
  id: Id,
  user_id: Id,
  started_at: Instant,
  ended_at: Instant.nullable(),
  minutes: z.int(),
});

const link = z.looseObject({ id: Id, kind: z.string(), work_order_id: Id.describe('The other one.') });

const slaPolicy = z.looseObject({
  targets: z.array(z.looseObject({})),
  business_hours: z.array(z.looseObject({})),
  at_risk_percent: z.int(),
});

const team = z.looseObject({ id: Id, name: z.string(), members: z.array(Id) });

const device = z.looseObject({
  id: Id,
  name: z.string(),
  reason: z.string(),
  client_id: z.string().nullable(),
  address: z.string().nullable(),
  at: Instant,
});

const asset = z.looseObject({
  id: Id,
  site_id: Id,
  name: z.string(),
  uri: z.string(),
  class: z.string().nullable(),
  status: z.string(),
  state: z.string(),
  parent_id: Id.nullable(),
  location_id: Id.nullable(),
  merged_into: Id.nullable(),
});

const point = z.looseObject({
  id: Id,
  asset_id: Id,
  name: z.string(),
  class: z.string().nullable(),
  unit: z.string().nullable(),
  merged_into: Id.nullable(),
});

const location = z.looseObject({
  id: Id,
  site_id: Id,
  name: z.string(),
  class: z.string().nullable(),
  parent_id: Id.nullable(),
});

const site = z.looseObject({
  id: Id,
  slug: z.string(),
  name: z.string(),
  time_zone: z.string(),
  discovery: z.boolean(),
});

/** Every type there is. */
export const eventCatalogue: Readonly<Record<EventType, Described>> = {
  'insight.opened': { description: 'A rule, another detector or a person has found something.', data: insight },
  'insight.reopened': {
    description: 'What had ended is there again, or was opened again by a person.',
    data: insight,
  },
  'insight.updated': { description: 'Something of an insight has changed that no other type tells.', data: insight },
  'insight.acknowledged': { description: 'Somebody has seen an insight and says so.', data: insight },
  'insight.assigned': { description: 'An insight is somebody else’s, or nobody’s.', data: insight },
  'insight.snoozed': { description: 'An insight was put aside until an instant.', data: insight },
  'insight.dismissed': { description: 'People have decided that an insight is none.', data: insight },
  'insight.resolved': {
    description: 'An insight has ended: its detector no longer sees it, or people say so.',
    data: insight,
  },
  'work_order.created': { description: 'A work order has come to be.', data: workOrder },
  'work_order.updated': {
    description: 'Something of a work order has changed that no other type tells.',
    data: workOrder,
  },
  'work_order.assigned': { description: 'A work order is somebody else’s, or nobody’s.', data: workOrder },
  'work_order.status_changed': { description: 'A work order has another status.', data: workOrder },
  'work_order.completed': { description: 'The work is done.', data: workOrder },
  'work_order.overdue': { description: 'The deadline of a work order has passed while it stands.', data: workOrder },
  'work_order.sla_at_risk': { description: 'Most of the time of a promise has passed.', data: workOrder },
  'work_order.sla_breached': { description: 'A promise about a work order was not kept.', data: workOrder },
  'work_order.deleted': { description: 'A work order is in no list any more.', data: workOrder },
  'sla_policy.updated': { description: 'Other things are promised about work orders.', data: slaPolicy },
  'team.created': { description: 'A team has come to be.', data: team },
  'team.updated': { description: 'Something of a team has changed.', data: team },
  'team.deleted': { description: 'A team is in no list any more.', data: team },
  'comment.created': { description: 'Somebody has said something about a work order.', data: comment },
  'comment.updated': { description: 'What was said about a work order was put otherwise.', data: comment },
  'comment.deleted': { description: 'What was said about a work order was taken back.', data: comment },
  'insight_comment.created': { description: 'Somebody has said something about an insight.', data: comment },
  'insight_comment.updated': { description: 'What was said about an insight was put otherwise.', data: comment },
  'insight_comment.deleted': { description: 'What was said about an insight was taken back.', data: comment },
  'attachment.created': { description: 'A file was attached to a work order.', data: file },
  'attachment.updated': { description: 'A file of a work order is called otherwise.', data: file },
  'attachment.deleted': { description: 'A file of a work order was removed.', data: file },
  'photo.created': { description: 'A photo was added to a work order.', data: photo },
  'photo.updated': { description: 'What is said of a photo of a work order has changed.', data: photo },
  'photo.deleted': { description: 'A photo of a work order was removed.', data: photo },
  'signature.created': { description: 'Somebody has signed a work order.', data: signature },
  'signature.deleted': { description: 'A signature of a work order was removed.', data: signature },
  'task.created': { description: 'A checklist has another task.', data: task },
  'task.updated': { description: 'A task of a checklist was done, taken back, or put otherwise.', data: task },
  'task.deleted': { description: 'A checklist has a task less.', data: task },
  'labor.created': { description: 'Time was entered for a work order, or a timer started.', data: labor },
  'labor.updated': { description: 'Time entered for a work order has changed, or a timer was stopped.', data: labor },
  'labor.deleted': { description: 'Time entered for a work order was removed.', data: labor },
  'link.created': { description: 'A work order was linked to another; each of the two is told of it.', data: link },
  'link.deleted': { description: 'A link between two work orders was taken away; each is told of it.', data: link },
  'asset.created': {
    description: 'A person has made a piece of equipment, or a building model or a reading made it known.',
    data: asset,
  },
  'asset.updated': { description: 'Something of a piece of equipment has changed other than its status.', data: asset },
  'asset.status_changed': {
    description: 'A piece of equipment is operational, degraded, down or retired, and was not so before.',
    data: asset.extend({ reason: z.string() }),
  },
  'point.created': { description: 'A person has made a point.', data: point },
  'point.updated': {
    description: 'A person has changed what a point is, or has found that it is another one.',
    data: point,
  },
  'location.created': { description: 'A person or a building model has made a place.', data: location },
  'location.updated': { description: 'Something of a place has changed.', data: location },
  'location.deleted': { description: 'A place is there no more.', data: location },
  'site.created': { description: 'A site has come to be.', data: site },
  'site.updated': { description: 'Something of a site has changed.', data: site },
  'site.deleted': { description: 'A site is there no more.', data: site },
  'device.online': { description: 'A device has its first session.', data: device },
  'device.offline': { description: 'The last session of a device has ended.', data: device },
};
