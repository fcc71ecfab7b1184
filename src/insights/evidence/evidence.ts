/** The evidence of an insight as the API tells it: the series behind it, from before its first episode to after its last. */
import { z } from 'zod';
import { Quality } from '../../assets/quality.ts';
import { Id, Instant, wholeNumber } from '../../platform/fields.ts';

export const samplesDefault = 1_000;
const samplesMax = 10_000;

export const EvidenceQuery = z.strictObject({
  samples: wholeNumber({ min: 1, max: samplesMax, default: samplesDefault }).describe(
    'How many samples a series has at most, fewer where there are many series; what has more readings is told in steps.',
  ),
});

const Value = z.object({ name: z.string(), value: z.number(), unit: z.string().nullable() });

const Episode = z.object({
  started_at: Instant.describe('When the condition began to hold.'),
  opened_at: Instant.describe('When it had held for as long as the rule asks.'),
  ended_at: Instant.nullable(),
  rule_version: z.int().describe('0 where no rule of ours found it.'),
  limits: z
    .array(z.object({ since: Instant, values: z.array(Value) }))
    .describe("The rule's parameters there, as its file, the equipment and overrides set them, and since when."),
});

const Numbers = z.array(z.number().nullable());

const Series = z.object({
  input: z.string().describe("The rule's name for it.").meta({ example: 'sat' }),
  needed_by: z.string().nullable().describe('The derived value of the rule for which it is read.'),
  source: z.enum(['point', 'derived', 'default']).describe('Only a point has samples.'),
  since: Instant.describe('Since when this served the input; another may have done so before.'),
  point_id: Id.nullable(),
  point: z.string().nullable().describe('Its name; null when it is gone.'),
  asset_id: Id.nullable(),
  asset: z.string().nullable(),
  unit: z.string().nullable().describe('That of the values: the unit in which the rule takes the input.'),
  default_value: z.number().nullable().describe('What stands for a point that the equipment does not have.'),
  kept: z.boolean().describe('Whether some of it comes from what was kept when retention dropped the readings.'),
  step_s: z.number().nullable().describe('How many seconds one sample tells of; null: each is a reading.'),
  times: z.array(Instant).describe('Of readings; of steps their starts. Steps without a good reading are left out.'),
  values: z
    .array(z.union([z.number(), z.boolean()]).nullable())
    .describe('Of a step the mean of the good readings, or whether any of them was true.'),
  least: Numbers.nullable().describe('Of steps.'),
  greatest: Numbers.nullable().describe('Of steps.'),
  qualities: z
    .array(Quality)
    .nullable()
    .describe('Of readings; null where all are good. Rules take good readings alone.'),
});

export const Evidence = z
  .object({
    insight_id: Id,
    rule_id: z.string().nullable().describe('Null where no rule of ours found it.'),
    from: Instant,
    to: Instant.describe('Before this instant; now, while the insight or the time after it goes on.'),
    complete: z.boolean().describe('Whether nothing can be added any more: the time after its end is over.'),
    recorded: z.boolean().describe('False where what served the inputs was not recorded; there are no series then.'),
    episodes: z.array(Episode),
    states: z
      .array(z.object({ at: Instant, state: z.enum(['normal', 'pending', 'firing', 'clearing']) }))
      .describe('What the rule made of it, each from its tick on; kept for 35 days, then the episodes alone tell.'),
    series: z.array(Series),
  })
  .meta({ id: 'Evidence', description: 'The series behind an insight, also when their readings have been dropped.' });
export type Evidence = z.infer<typeof Evidence>;
export type EvidenceSeries = z.infer<typeof Series>;
