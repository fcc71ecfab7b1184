/**
 * What two work orders are to each other. There is one row for both; each shows it from its own side:
 *
 *   A ──blocks──▶ B         A is a duplicate of B        A and B are related
 *   B is blocked_by A       B is duplicated_by A         each to the other
 *
 * A link tells people something, and keeps no work order from being done.
 */
import { z } from 'zod';
import { Person } from '../../access/person.ts';
import { exampleOf, Id, Instant, kept, keptShape, text } from '../../platform/fields.ts';
import { type ListFields, listOf, listQuery, timestamps } from '../../platform/list-query.ts';
import { statuses } from '../status.ts';

/** Each kind with what it is seen from the other side. */
export const inverseOf = {
  blocks: 'blocked_by',
  blocked_by: 'blocks',
  duplicate_of: 'duplicated_by',
  duplicated_by: 'duplicate_of',
  related_to: 'related_to',
} as const;
export type LinkKind = keyof typeof inverseOf;

/** The kinds as they are kept: from the first work order to the second. */
export const keptKinds: readonly LinkKind[] = ['blocks', 'duplicate_of', 'related_to'];

const Kind = z
  .enum(Object.keys(inverseOf) as [LinkKind, ...LinkKind[]])
  .describe('What the work order of the path is to the other one.');

export const WorkOrderLink = z
  .object({
    id: Id,
    kind: Kind,
    work_order_id: Id.describe('The other work order.'),
    number: z.int().describe('Its number.'),
    title: z.string(),
    status: z.enum(statuses),
    site: z.string().describe('The slug of its site.'),
    created_by: Id.nullable(),
    created_by_detail: Person.nullable(),
    ...keptShape,
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'WorkOrderLink' });
export type WorkOrderLink = z.infer<typeof WorkOrderLink>;

export const linkList = listOf({
  name: 'work-order-links',
  id: 'work_order_link.id',
  columns: timestamps('work_order_link'),
});

export const LinkQuery = listQuery(linkList, { kind: Kind.optional(), external_id: text(255).optional() });
export type LinkFilter = Omit<z.output<typeof LinkQuery>, ListFields>;

export const LinkBody = z
  .strictObject({
    kind: Kind,
    work_order_id: Id.describe('The other work order, at whichever site.'),
    ...kept,
  })
  .meta({
    id: 'WorkOrderLinkBody',
    ...exampleOf({ kind: 'blocks', work_order_id: 'b2c3d4e5-6789-0abc-def1-234567890abc' }),
  });
export type LinkBody = z.output<typeof LinkBody>;
