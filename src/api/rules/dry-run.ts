/** A dry run as the API takes and tells it. */
import { z } from 'zod';
import { Id, Instant, text } from '../../platform/fields.ts';
import { formatInstant, parseInstant } from '../../platform/instant.ts';
import type { Mount } from '../../platform/mount.ts';
import type { DryRunOutcome, DryRunPlan } from '../../rules/back-test/dry-run.ts';
import type { ModelAsset } from '../../rules/live/store.ts';

const textMax = 65_536;
const stepsDefault = 500;
const stepsMax = 2_000;
const insightsMax = 1_000;

const InstantGiven = text(40)
  .refine((value) => parseInstant(value, 'UTC') !== undefined, 'must be an instant (ISO 8601)')
  .meta({ format: 'date-time' });

const fields = {
  from: InstantGiven.describe("The first tick; without a zone it is read in the site's."),
  to: InstantGiven.describe(
    'The last tick; at most 366 days later. The reply ends at the last tick that is over, and says so.',
  ),
  asset_id: Id.optional().describe('One piece of equipment; absent: all of the site that the rule is for.'),
  text: text(textMax)
    .optional()
    .describe('The text of a rule file to run instead of the deployed one, or of a new rule of that id.'),
  params: z.record(text(200), z.number()).optional().describe('Parameters for this run alone.'),
  steps: z
    .int()
    .min(1)
    .max(stepsMax)
    .optional()
    .describe(
      `How many steps each series has at most; ${stepsDefault} if absent. Longer spans are told in wider steps.`,
    ),
};

/** The body of a POST that runs a rule over the past. */
export function dryRunBody(mount: Mount['name']) {
  const site = text(200).optional().describe('The slug of a site; needed where asset_id is absent.');
  const span = { from: '2026-01-05T00:00:00Z', to: '2026-01-05T06:00:00Z' };
  if (mount === 'site') return z.strictObject(fields).meta({ override: { examples: [span] } });
  return z.strictObject({ ...fields, site }).meta({ override: { examples: [{ ...span, site: 'ucl-east-campus' }] } });
}
export type DryRunBody = z.output<z.ZodObject<typeof fields>> & { site?: string | undefined };

const InsightOfRun = z.object({
  asset_id: Id,
  asset: z.string(),
  since: Instant.describe('When the condition began to hold.'),
  opened_at: Instant,
  cleared_at: Instant.nullable().describe('Null: it was open at the end.'),
  suppressed_by: z.string().nullable(),
  work_order: z.boolean().describe('Whether it would have opened one.'),
  episodes: z.int(),
  hours_in_fault: z.number(),
  message: z.string(),
});

const Truths = z.array(z.enum(['true', 'false', 'unknown']));
const Numbers = z.array(z.number().nullable());
const Series = z.object({
  asset_id: Id,
  asset: z.string(),
  step_s: z.number().describe('How many seconds a step is long; one of several ticks tells of all of them.'),
  times: z.array(Instant).describe('The first tick of each step.'),
  values: z.array(
    z.object({
      name: z.string().meta({ example: "avg(sat, '5m')" }),
      kind: z.enum(['input', 'let', 'window']),
      unit: z.string().nullable(),
      values: z
        .array(z.union([z.number(), z.boolean()]).nullable())
        .describe(
          'As the rule saw it, in its unit; null is unknown. Of a wide step the mean, or whether it was ever true.',
        ),
      least: Numbers.nullable().describe('Of wide steps.'),
      greatest: Numbers.nullable().describe('Of wide steps.'),
    }),
  ),
  condition: Truths.describe('Of a wide step: whether it was ever true, else whether ever unknown.'),
  clearing: Truths,
  suspended: z.array(z.boolean()).describe('Whether a schedule or a hold-off kept the rule from looking.'),
  state: z
    .array(z.enum(['normal', 'pending', 'firing', 'clearing']))
    .describe('After the tick; of a wide step the gravest.'),
});

export const DryRun = z
  .object({
    rule_id: z.string(),
    version: z.int(),
    title: z.string(),
    from: Instant,
    to: Instant,
    insights: z.array(InsightOfRun).describe(`What it would have opened, the first ${insightsMax}.`),
    totals: z.object({
      insights: z.int(),
      episodes: z.int(),
      hours_in_fault: z.number(),
      work_orders: z.int(),
    }),
    series: z.array(Series).describe('What it saw, on a few pieces of equipment, those with insights first.'),
    series_omitted: z.int().describe('On how many more it runs.'),
    missing: z
      .array(z.object({ asset_id: Id, asset: z.string(), input: z.string(), reason: z.string() }))
      .describe('Why it does not run on others that it is for.'),
  })
  .meta({ id: 'DryRun', description: 'What a rule would have found in the past. Nothing of it is stored.' });

/** How many steps a request asks for. */
export function stepsOf({ steps }: DryRunBody): number {
  return steps ?? stepsDefault;
}

type Told = { plan: DryRunPlan; outcome: DryRunOutcome };

export function showDryRun(
  { plan, outcome }: Told,
  { fromMs, toMs, assets }: { fromMs: number; toMs: number; assets: readonly ModelAsset[] },
): z.infer<typeof DryRun> {
  const names = new Map(assets.map(({ asset }) => [asset.id, asset.name]));
  const named = (assetId: string) => ({ asset_id: assetId, asset: names.get(assetId) ?? '' });
  const { insights, series } = outcome;
  const sum = (read: (one: (typeof insights)[number]) => number) =>
    insights.reduce((total, one) => total + read(one), 0);
  return {
    rule_id: plan.rule.id,
    version: plan.rule.version,
    title: plan.rule.title,
    from: instantOf(fromMs),
    to: instantOf(toMs),
    insights: insights.slice(0, insightsMax).map((one) => ({
      ...named(one.asset),
      since: instantOf(one.since),
      opened_at: instantOf(one.openedAt),
      cleared_at: one.clearedAt === null ? null : instantOf(one.clearedAt),
      suppressed_by: one.suppressedBy,
      work_order: one.workOrder,
      episodes: one.episodes,
      hours_in_fault: hoursOf(one.faultMs),
      message: one.message,
    })),
    totals: {
      insights: insights.length,
      episodes: sum(({ episodes }) => episodes),
      hours_in_fault: hoursOf(sum(({ faultMs }) => faultMs)),
      work_orders: insights.filter(({ workOrder }) => workOrder).length,
    },
    series: series.map((one) => ({
      ...named(one.assetId),
      step_s: one.stepMs / 1_000,
      times: one.timesMs.map(instantOf),
      values: one.values.map((value) => structuredClone(value) as z.infer<typeof Series>['values'][number]),
      condition: [...one.conditions],
      clearing: [...one.clearings],
      suspended: [...one.suspended],
      state: [...one.states],
    })),
    series_omitted: plan.runsOn.length - series.length,
    missing: plan.missing.map(({ assetId, input, reason }) => ({ ...named(assetId), input, reason })),
  };
}

function instantOf(ms: number): string {
  return formatInstant(new Date(ms));
}

function hoursOf(ms: number): number {
  return Number((ms / 3_600_000).toFixed(3));
}
