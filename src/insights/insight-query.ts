/** What may be asked of the list of insights. */
import { z } from 'zod';
import { flag, Id, text } from '../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery } from '../platform/list-query.ts';
import { categories, insightStatuses, severities } from './insight.ts';

/** Newest first unless asked otherwise. */
export const insightList = listOf({
  name: 'insights',
  id: 'insight.id',
  columns: {
    created_at: columns.instant('insight.created_at'),
    updated_at: columns.instant('insight.updated_at'),
    opened_at: columns.instant('insight.opened_at'),
    first_seen: columns.instant('insight.started_at'),
    last_seen: columns.instant('insight.last_seen_at'),
    resolved_at: columns.instant('insight.resolved_at', { isNullable: true }),
    severity: columns.ranks('insight.severity', severities),
    estimated_cost_per_day: columns.number('insight.cost_per_day', { isNullable: true }),
    title: columns.text('insight.title'),
  },
  words: ['insight.title', 'insight.message'],
  expand: ['asset', 'assignee', 'site'],
});

const statuses = text(100)
  .transform((value) => value.split(','))
  .pipe(z.array(z.enum(insightStatuses)))
  .optional()
  .describe(`Of ${insightStatuses.join(', ')}: one or several, with commas between.`)
  .meta({ override: { type: 'string', pattern: listPattern(insightStatuses), examples: ['open,in_progress'] } });

/** One or several of some names, as the document shows it. */
function listPattern(names: readonly string[]): string {
  const one = `(${names.join('|')})`;
  return `^${one}(,${one})*$`;
}

export const InsightQuery = listQuery(insightList, {
  status: statuses,
  severity: z.enum(severities).optional(),
  category: z.enum(categories).optional(),
  asset_id: Id.optional(),
  equipment_uri: text(2048).optional().describe('A # in it is %23 in a query.'),
  rule_id: text(200).optional(),
  source: text(100).optional(),
  source_id: text(500).optional(),
  assignee: Id.optional(),
  external_id: text(255).optional(),
  shadow: flag(),
});
export type InsightFilter = Omit<z.output<typeof InsightQuery>, ListFields>;
