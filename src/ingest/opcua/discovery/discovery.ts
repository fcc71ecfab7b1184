/** What the API asks and tells of servers' address spaces. */

import { z } from 'zod';
import { Instant, text } from '../../../platform/fields.ts';
import { columns, listOf, listQuery } from '../../../platform/list-query.ts';
import { troubleCodes } from '../connection.ts';
import { isNodeKey } from '../node-key.ts';
import { stopReasons } from './found-node.ts';
import { depthMax } from './look.ts';
import { exampleRules, MappingRule, rulesMax } from './mapping-rule.ts';
import { verdicts } from './plan.ts';

const Start = text(1_000)
  .refine(isNodeKey, 'must be nsu=<namespace URI>;s=<identifier> (or i, g, b), or i=<number>')
  .default('i=85')
  .describe('The node to look below; the Objects folder if absent.');
const WithServer = z
  .boolean()
  .default(false)
  .describe('Whether the Server object is looked below, too, which tells of the server itself.');
const limit = (max: number) => z.int().min(1).max(max).default(Math.min(max, 200));
const Offset = z.int().min(0).max(1_000_000).default(0);

const Stop = z
  .object({
    reason: z.enum(stopReasons),
    detail: z.string(),
    nodes: z.array(z.string()).describe('The first of the nodes that were not looked below: look again from there.'),
  })
  .meta({ id: 'OpcuaStop' });

/** What every answer of a look begins with. */
const outcome = {
  reason: z.enum(troubleCodes).nullable().describe('Why the server could not be looked at; null if it could.'),
  detail: z.string().nullable(),
  is_complete: z.boolean().describe('Whether everything below the start was seen.'),
  stopped: Stop.nullable(),
  took_ms: z.number(),
};

export const OpcuaBrowseBody = z
  .strictObject({
    start: Start,
    depth: z.int().min(1).max(depthMax).default(1).describe('How many levels below the start.'),
    text: text(200).min(1).optional().describe('A part of a name on its path, in any case.'),
    class: z.enum(['object', 'variable', 'view']).optional(),
    with_server: WithServer,
    limit: limit(1_000),
    offset: Offset,
  })
  .meta({ id: 'OpcuaBrowseBody', examples: [{ start: 'i=85', depth: 2, class: 'variable', limit: 100 }] });
export type OpcuaBrowseBody = z.output<typeof OpcuaBrowseBody>;

const Range = z.object({ low: z.number(), high: z.number() }).meta({ id: 'OpcuaRange' });

const BrowsedNode = z
  .object({
    node: z.string(),
    parent: z.string().nullable(),
    browse_path: z.string().describe('Names from the Objects folder down; & stands before a / within a name.'),
    display_name: z.string(),
    class: z.enum(['object', 'variable', 'view']),
    data_type: z.string().nullable(),
    unit: z.string().nullable().describe('A unit that is known here, else as the server shows it.'),
    range: Range.nullable(),
    description: z.string().nullable(),
    readable: z.boolean(),
    history: z.boolean(),
    fields: z
      .array(z.object({ field: z.string(), data_type: z.string().nullable() }))
      .describe('The parts of its value that may be items; one without a name is all of it.'),
    problem: z.string().nullable().describe('Why there are no parts, or not all.'),
  })
  .meta({ id: 'OpcuaBrowsedNode' });

export const OpcuaBrowsed = z
  .object({
    ...outcome,
    nodes: z.array(BrowsedNode),
    total: z.int().describe('How many of what was seen fit.'),
    next_offset: z.int().nullable(),
  })
  .meta({ id: 'OpcuaBrowsed' });
export type OpcuaBrowsed = z.infer<typeof OpcuaBrowsed>;

/** What a look has found and the connection remembers. */
export const OpcuaNode = z
  .object({
    node: z.string(),
    field: z.string(),
    browse_path: z.string(),
    data_type: z.string().nullable(),
    unit: z.string().nullable(),
    range: Range.nullable(),
    description: z.string().nullable(),
    readable: z.boolean(),
    history: z.boolean(),
    item_id: z.int().nullable().describe('The item that reads it.'),
    found_at: Instant.describe('The first look that found it, or found it again.'),
    gone_at: Instant.nullable().describe('The first look that did not find it any more.'),
  })
  .meta({ id: 'OpcuaNode' });
export type OpcuaNode = z.infer<typeof OpcuaNode>;

export const opcuaNodeList = listOf({
  name: 'opcua-nodes',
  id: 'n.id',
  idType: 'bigint',
  columns: {
    found_at: columns.instant('n.found_at'),
    browse_path: columns.text('n.browse_path'),
    node: columns.text('n.node'),
  },
  sort: '-found_at',
});

export const OpcuaNodeQuery = listQuery(opcuaNodeList, {
  which: z
    .enum(['added', 'gone', 'unmapped'])
    .optional()
    .describe('added: since the look before; gone: not found any more; unmapped: no item reads it.'),
  q: text(200).optional().describe('A part of its path, key or description, in any case.'),
});

export const OpcuaDiscoverBody = z
  .strictObject({
    start: Start,
    depth: z.int().min(1).max(depthMax).default(depthMax),
    with_server: WithServer,
    apply: z
      .boolean()
      .default(false)
      .describe('Whether the mapping makes items of what it maps and nothing reads yet.'),
  })
  .meta({ id: 'OpcuaDiscoverBody', examples: [{}] });
export type OpcuaDiscoverBody = z.output<typeof OpcuaDiscoverBody>;

const Verdict = z
  .enum(verdicts)
  .describe(
    'new: an item would be made; exists: one reads it; skipped: by a rule; unmapped: no rule matches; conflict: another is the same point; unusable: the names or the site cannot be.',
  );
const Counts = z
  .object(
    Object.fromEntries(verdicts.map((verdict) => [verdict, z.int()])) as Record<(typeof verdicts)[number], z.ZodInt>,
  )
  .describe('How many values there are of each verdict.');

export const OpcuaDiscovered = z
  .object({
    ...outcome,
    values: z.int().describe('How many values were found that may be points.'),
    added: z.int().describe('Of them, those that the look before did not find.'),
    gone: z.int().describe('Those that the look before has found, and this one has not; none unless all was seen.'),
    items_gone: z.int().describe('Items whose node is gone. They stay, with their readings, until they are deleted.'),
    items_made: z.int(),
    counts: Counts.nullable().describe('What the mapping says of the values; null where it was not applied.'),
  })
  .meta({ id: 'OpcuaDiscovered' });
export type OpcuaDiscovered = z.infer<typeof OpcuaDiscovered>;

export const OpcuaPreviewBody = z
  .strictObject({
    rules: z.array(MappingRule).max(rulesMax).optional().describe('Those of the connection if absent.'),
    look: z
      .strictObject({ start: Start, depth: z.int().min(1).max(depthMax).default(depthMax), with_server: WithServer })
      .optional()
      .describe('Look at the server now; what the last discovery has found if absent.'),
    verdict: Verdict.optional(),
    limit: limit(1_000),
    offset: Offset,
  })
  .meta({ id: 'OpcuaPreviewBody', examples: [{ rules: exampleRules, verdict: 'new' }] });
export type OpcuaPreviewBody = z.output<typeof OpcuaPreviewBody>;

const PlannedItem = z
  .object({
    node: z.string(),
    field: z.string(),
    browse_path: z.string(),
    verdict: Verdict,
    rule: z.int().nullable().describe('The place of the rule that decided, from 0.'),
    site: z.string().nullable(),
    asset: z.string().nullable(),
    point: z.string().nullable(),
    class: z.string().nullable(),
    unit: z.string().nullable(),
    item_id: z.int().nullable(),
    detail: z.string().nullable().describe('What is wrong, and what would be right.'),
  })
  .meta({ id: 'OpcuaPlannedItem' });
export type PlannedItem = z.infer<typeof PlannedItem>;

export const OpcuaPreview = z
  .object({
    ...outcome,
    looked_at: Instant.nullable().describe('When the server was looked at for this; null: never.'),
    counts: Counts,
    nodes: z.array(PlannedItem),
    total: z.int(),
    next_offset: z.int().nullable(),
  })
  .meta({ id: 'OpcuaPreview' });
export type OpcuaPreview = z.infer<typeof OpcuaPreview>;
