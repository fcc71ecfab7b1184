/** Rules as the API shows them: their files, expressions as they were written, and how they run now for who is asking. */

import { z } from 'zod';
import { Instant, text } from '../../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery } from '../../platform/list-query.ts';

export const severities = ['critical', 'warning', 'info'] as const;
export const categories = ['fault', 'comfort', 'energy', 'maintenance'] as const;

/** How a rule runs: on, on trial (insights are flagged and open no work orders), or not at all. */
const Enabled = z.union([z.boolean(), z.literal('shadow')]);

/** The same as overrides leave it: while it is paused it stands still, and its insights stay as they are. */
export const EnabledOrPaused = z.union([z.boolean(), z.enum(['shadow', 'paused'])]);

/** A rule's id in a path. Whatever it holds, it is only ever looked up. */
export const RuleId = text(200).meta({ description: "A rule's id.", example: 'g36-fc13' });

export const RuleFileError = z
  .object({
    severity: z.enum(['error', 'warning']),
    file: z.string().describe('Relative to the folder of the rules.'),
    line: z.int(),
    column: z.int(),
    length: z.int(),
    code: z.string().meta({ example: 'unknown_variable' }),
    message: z.string(),
    help: z.string().nullable(),
    line_text: z.string(),
  })
  .meta({ id: 'RuleFileError', description: 'A mistake in a rule file as it lies on disk now.' });

const Input = z.object({
  name: z.string(),
  class: z.string().nullable().describe('The Brick class of the point; subclasses count.'),
  of: z.string().nullable().describe('The part of the asset that the point belongs to.'),
  prefer: z.array(z.string()).describe('Classes to look for; the first that the asset has wins.'),
  derived: z.string().nullable().describe('The shared value that fills it instead of a point.'),
  unit: z.string().nullable(),
  from: z
    .array(z.string())
    .describe('Whose point it is: self, site or upstream(class); of several the first that has such a point.'),
  stale_after: z.string().nullable(),
  valid: z.array(z.number()).nullable().describe('Readings outside these two are unknown.'),
  optional: z.boolean(),
  default: z.union([z.number(), z.boolean()]).nullable(),
});

const Param = z.object({
  name: z.string(),
  default: z.number().nullable().describe('Null: the asset, or an override, must state it.'),
  unit: z.string().nullable(),
  min: z.number().nullable(),
  max: z.number().nullable(),
  help: z.string(),
});

const Period = z.object({
  days: z.string().nullable(),
  from: z.string().nullable(),
  to: z.string().nullable(),
  zone: z.string().nullable().describe("Null: the site's."),
});

const WorkOrderOfRule = z.object({
  after: z.string().nullable(),
  type: z.string().nullable(),
  priority: z.string().nullable(),
  category: z.string().nullable(),
  due: z.string().nullable(),
  assign: z.string().nullable(),
  title: z.string().nullable(),
});

/** What a rule's file says. Durations and expressions stand as they were written. */
export const RuleContent = z.object({
  id: z.string().meta({ example: 'g36-fc13' }),
  title: z.string(),
  version: z.int(),
  file: z.string().describe('Relative to the folder of the rules.'),
  class: z.string().describe('The Brick class of the equipment that it is for; subclasses count.'),
  severity: z.enum(severities),
  category: z.enum(categories),
  tags: z.array(z.string()),
  docs: z.string().nullable().describe('Where the rule comes from: a standard, a page, a paper.'),
  enabled: Enabled.describe('As its file has it; effective tells what overrides make of it.'),
  every: z.string(),
  inputs: z.array(Input),
  params: z.array(Param),
  let: z.array(z.object({ name: z.string(), expression: z.string() })),
  when: z.string(),
  for: z.string(),
  clear: z.string().nullable().describe('Null: it clears when the condition is false.'),
  clear_for: z.string(),
  hold_off: z.object({ after_change_of: z.array(z.string()), for: z.string() }).nullable(),
  active: z.array(Period).nullable().describe('Null: always.'),
  min_cover: z.number(),
  max_gap: z.string(),
  no_data_after: z.string(),
  reopen_within: z.string(),
  cost: z.string().nullable().describe('Energy or money wasted per hour, as an expression.'),
  message: z.string().nullable(),
  evidence: z.object({ show: z.array(z.string()).nullable(), before: z.string(), after: z.string() }),
  causes: z.array(z.string()),
  actions: z.array(z.string()),
  work_order: WorkOrderOfRule.nullable().describe('Null: it asks for none.'),
  suppressed_by: z.array(z.string()).describe('The rules whose fault explains this one.'),
  suppresses: z.array(z.string()),
});
export type RuleContent = z.infer<typeof RuleContent>;

export const Effective = z.object({
  enabled: EnabledOrPaused,
  severity: z.enum(severities),
  params: z.record(z.string(), z.number().nullable()).describe('Null: each asset must state it.'),
});

export const Rule = RuleContent.extend({
  effective: Effective.describe('As overrides of the whole tenant, and of the site below one, leave it now.'),
  rule_set: z.string().describe('The hash of the deployed version that it is part of.'),
  created_at: Instant.describe('When that version was deployed.'),
  updated_at: Instant.describe('When the version or an override that is about it last changed.'),
}).meta({
  id: 'Rule',
  description: 'What a fault looks like, on which equipment, for how long, and what to do about it.',
});
export type Rule = z.infer<typeof Rule>;

export const ruleList = listOf({
  name: 'rules',
  id: 'id',
  columns: {
    id: columns.text('id'),
    title: columns.text('title'),
    file: columns.text('file'),
    severity: columns.ranks('severity', severities.toReversed()),
    ...{ created_at: columns.instant('created_at'), updated_at: columns.instant('updated_at') },
  },
  sort: 'id',
});

export const RuleQuery = listQuery(ruleList, {
  severity: z.enum(severities).optional(),
  category: z.enum(categories).optional(),
  tag: text(200).optional(),
  class: text(200)
    .optional()
    .describe('Rules that run on equipment of this Brick class, those for a superclass included.'),
  enabled: z.enum(['true', 'false', 'shadow', 'paused']).optional().describe('As overrides leave it now.'),
  q: text(200).optional().describe('Words that its id, title, docs, tags, causes or message hold.'),
});
export type RuleFilter = Omit<z.output<typeof RuleQuery>, ListFields>;

export const ruleErrorList = listOf({
  name: 'rule-errors',
  id: 'id',
  columns: {
    file: columns.text('file'),
    line: columns.integer('line'),
    severity: columns.ranks('severity', ['warning', 'error']),
  },
  sort: 'file,line',
});

export const RuleErrorQuery = listQuery(ruleErrorList, {
  file: text(1000).optional(),
  severity: z.enum(['error', 'warning']).optional(),
});

export const RuleSetVersion = z
  .object({
    id: z.string().describe('The hash of the files and of the time scale.'),
    deployed_at: Instant,
    is_deployed: z.boolean().describe('Whether this is the version that is to run at present.'),
    file_count: z.int(),
    error_count: z.int().describe('Mistakes in the files on disk while this version was deployed.'),
    time_scale: z.int(),
    shard_count: z.int().describe('How many shards run it at present.'),
  })
  .meta({ id: 'RuleSetVersion', description: 'One deployment of the rule files.' });

export const ruleSetList = listOf({
  name: 'rule-sets',
  id: 'deployment.id',
  columns: { deployed_at: columns.instant('deployment.deployed_at') },
  sort: '-deployed_at',
});

export const RuleSetQuery = listQuery(ruleSetList, {});
