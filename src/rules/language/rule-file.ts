import { z } from 'zod';
import { durationPattern } from './durations.ts';

/** The shape of `rules/*.yaml`, of `rules/derived/*.yaml` and of the tests beside them; editors get it as a JSON Schema. */

const Name = z
  .string()
  .regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'a name is letters, digits and underscores, and begins with a letter');
const Id = z.string().regex(/^[a-z0-9][a-z0-9_-]*$/, 'an id is lower-case letters, digits and hyphens');
const Duration = z
  .union([
    z.string({ error: askForUnit }).regex(durationPattern, "a duration is written as '90s', '5m', '1h30m' or '2d'"),
    z.literal(0),
  ])
  .describe('a duration: 90s, 5m, 1h30m, 2d');

function askForUnit({ input }: { input?: unknown }): string | undefined {
  return typeof input === 'number' ? `${input} what? A duration has a unit, as in ${input}m` : undefined;
}

const ClassName = z.string().regex(/^[a-z]+:[A-Za-z0-9_-]+$/, "a class has a prefix, as in 'brick:AHU'");
const Condition = z.union([z.string().min(1), z.boolean()]).describe('an expression that is true or false');
const Value = z.union([z.string().min(1), z.number()]).describe('an expression that is a number');
const ClockTime = z.string().regex(/^(?:[01]\d|2[0-3]):[0-5]\d$|^24:00$/, "a time of day is written as '06:00'");
const From = z
  .string()
  .regex(
    /^(?:self|site|upstream(?:\([a-z]+:[A-Za-z0-9_-]+\))?)$/,
    "one of self, site, upstream and upstream(class), as in 'upstream(brick:AHU)'",
  );

const InputFile = z.strictObject({
  class: ClassName.optional().describe('the Brick class of the point; subclasses count'),
  of: ClassName.optional().describe('the part of the asset that the point belongs to'),
  prefer: z.array(ClassName).min(1).optional().describe('classes to look for, the first that the asset has wins'),
  derived: Name.optional().describe('a value of derived/*.yaml instead of a point'),
  unit: z.string().optional().describe('the unit in which the rule sees the value'),
  stale_after: Duration.optional(),
  valid: z.tuple([z.number(), z.number()]).optional().describe('readings outside are unknown'),
  named: z.string().min(1).optional().describe("the point's name, with * for anything: '*-A'"),
  index: z.int().min(1).max(100).optional().describe('which of several such points, in the order of their names'),
  from: z
    .union([From, z.array(From).min(1).max(5)])
    .optional()
    .describe('whose point it is: self, site, upstream or upstream(class); of several the first that has it'),
  optional: z.boolean().optional(),
  default: z.union([z.number(), z.boolean()]).optional().describe('the value where an optional point is absent'),
});

const FitFile = z.strictObject({
  of: z.string().min(1).describe('the expression whose values over healthy days tell the parameter'),
  where: z.string().min(1).optional().describe('the condition under which they count'),
  quantile: z.number().min(0).max(1).describe('the share of the values that lies below: 0.5 is the median'),
  times: z.number().optional().describe('what that value is multiplied by'),
  plus: z.number().optional().describe('what is added then'),
});

const ParamFile = z.strictObject({
  default: z.number().optional().describe('absent: the asset must state it'),
  fit: FitFile.optional().describe('how `rules fit` finds it from healthy days'),
  unit: z.string().optional(),
  min: z.number().optional(),
  max: z.number().optional(),
  help: z.string().optional(),
});

const PeriodFile = z.strictObject({
  days: z.string().optional().describe('mon-fri, or sat,sun; absent: every day'),
  from: ClockTime.optional(),
  to: ClockTime.optional(),
  zone: z.string().optional().describe("an IANA time zone; absent: the site's"),
});

const WorkOrderFile = z.strictObject({
  after: Duration.optional(),
  type: z.string().optional(),
  priority: z.enum(['low', 'medium', 'high', 'critical']).optional(),
  category: z.string().optional(),
  due: Duration.optional(),
  assign: z.string().optional(),
  title: z.string().optional(),
});

export const RuleFile = z.strictObject({
  rule: Id,
  version: z.int().min(1),
  title: z.string().min(1),
  applies_to: z.strictObject({ class: ClassName }),
  enabled: z.union([z.boolean(), z.literal('shadow')]).optional(),
  tags: z.array(z.string()).optional(),
  docs: z.string().optional().describe('where the rule comes from: a standard, a page, a paper'),
  every: Duration.optional(),
  inputs: z.record(Name, InputFile),
  params: z.record(Name, ParamFile).optional(),
  let: z.record(Name, z.union([z.string().min(1), z.number(), z.boolean()])).optional(),
  when: Condition,
  for: Duration.optional(),
  clear: Condition.optional(),
  clear_for: Duration.optional(),
  hold_off: z.strictObject({ after_change_of: z.array(Name).min(1), for: Duration }).optional(),
  active: z.union([PeriodFile, z.array(PeriodFile).min(1)]).optional(),
  min_cover: z.number().gt(0).max(1).optional(),
  max_gap: Duration.optional(),
  no_data_after: Duration.optional(),
  reopen_within: Duration.optional(),
  severity: z.enum(['critical', 'warning', 'info']),
  category: z.enum(['fault', 'comfort', 'energy', 'maintenance']),
  cost: Value.optional(),
  message: z.string().min(1).optional(),
  evidence: z
    .strictObject({ show: z.array(Name).optional(), before: Duration.optional(), after: Duration.optional() })
    .optional(),
  causes: z.array(z.string()).optional(),
  actions: z.array(z.string()).optional(),
  work_order: WorkOrderFile.optional(),
  suppressed_by: z.array(Id).optional(),
});

export const DerivedFile = z.strictObject({
  derived: Name,
  title: z.string().min(1),
  docs: z.string().optional(),
  applies_to: z.strictObject({ class: ClassName }),
  inputs: z.record(Name, InputFile),
  params: z.record(Name, ParamFile).optional(),
  let: z.record(Name, z.union([z.string().min(1), z.number(), z.boolean()])).optional(),
  value: z.union([z.string().min(1), z.number()]),
  unit: z.string().optional(),
});

const Instant = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/, {
    error: "an instant is written as '2026-03-01T06:00:00Z', or '2026-03-01' for midnight UTC",
    abort: true,
  })
  .refine((text) => !Number.isNaN(Date.parse(text)), 'there is no such day or time');

export const OverrideEntry = z.strictObject({
  rule: z.union([Id, z.literal('*')]).describe("a rule's id, or * for every rule"),
  site: z.string().min(1).optional().describe("a site's id or slug"),
  asset: z.string().min(1).optional().describe("an asset's id, name or uri"),
  tag: z.string().min(1).optional().describe('a tag of assets'),
  params: z.record(Name, z.number()).optional().describe("values in the parameters' own units"),
  severity: z.enum(['critical', 'warning', 'info']).optional(),
  enabled: z.union([z.boolean(), z.enum(['shadow', 'paused'])]).optional(),
  since: Instant.optional().describe('absent: for all time before'),
  until: Instant.optional().describe('absent: until it is taken back'),
  reason: z.string().min(1),
  author: z.string().min(1),
});

export const OverridesFile = z.strictObject({ overrides: z.array(OverrideEntry) });
export type OverrideEntry = z.infer<typeof OverrideEntry>;

const SeriesFile = z.union([z.string(), z.number(), z.boolean()]);
const ParamsFile = z.record(Name, z.number());

const ExpectFile = z.strictObject({
  at: Duration.optional(),
  rule: Id.optional().describe('absent: the rule under test'),
  state: z.enum(['normal', 'pending', 'firing', 'clearing']).optional(),
  message: z.string().optional().describe('the whole message, or a part of it after ~'),
  suppressed_by: Id.nullable().optional(),
  stale: z.boolean().optional(),
  insights: z.int().min(0).optional(),
  episodes: z.int().min(0).optional(),
  work_orders: z.int().min(0).optional(),
});

/** What the cases of a rule should cover between them. */
export const Situation = z.enum([
  'normal',
  'fault',
  'boundary',
  'equipment off',
  'missing data',
  'gap',
  'duplicate times',
  'out of order',
  'irregular sampling',
  'start-up',
]);
export type Situation = z.infer<typeof Situation>;

export const RuleTestFile = z.strictObject({
  rule: Id,
  with: z.array(Id).optional().describe('other rules that run beside it, for suppression'),
  interval: Duration.optional(),
  start: z.string().optional().describe('the instant of the first value, 2026-01-05T00:00:00Z when absent'),
  zone: z.string().optional(),
  params: ParamsFile.optional(),
  not_applicable: z
    .partialRecord(Situation, z.string().min(1))
    .optional()
    .describe('situations that cannot be on this equipment, each with the reason'),
  cases: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        situation: z
          .union([Situation, z.array(Situation).min(1)])
          .optional()
          .describe('what the case shows; the runner proves it'),
        params: ParamsFile.optional(),
        overrides: z
          .array(
            z.strictObject({
              params: ParamsFile.optional(),
              severity: z.enum(['critical', 'warning', 'info']).optional(),
              enabled: z.union([z.boolean(), z.enum(['shadow', 'paused'])]).optional(),
              since: Duration.optional(),
              until: Duration.optional(),
            }),
          )
          .optional()
          .describe('overrides of the rule under test; since and until count from the start'),
        series: z.record(z.string(), SeriesFile),
        again: z
          .strictObject({ series: z.record(z.string(), SeriesFile), before: Duration.optional() })
          .optional()
          .describe('a second series that arrives after the first: at the same instants, or so much before them'),
        sampling: z
          .record(z.string(), z.tuple([Duration, Duration]))
          .optional()
          .describe(
            'inputs of the series that report at irregular instants only, and their least and greatest distance',
          ),
        readings: z
          .array(
            z.strictObject({
              at: Duration,
              input: Name,
              value: z.union([z.number(), z.boolean()]),
              bad: z.boolean().optional(),
            }),
          )
          .optional()
          .describe('single readings at any instant, for irregular sampling'),
        expect: z.array(ExpectFile).min(1),
      }),
    )
    .min(1),
});

export type RuleTestFile = z.infer<typeof RuleTestFile>;
export type ExpectFile = z.infer<typeof ExpectFile>;
export type RuleFile = z.infer<typeof RuleFile>;
export type DerivedFile = z.infer<typeof DerivedFile>;
export type InputFile = z.infer<typeof InputFile>;
export type ParamFile = z.infer<typeof ParamFile>;
export type FitFile = z.infer<typeof FitFile>;
export type PeriodFile = z.infer<typeof PeriodFile>;

const schemas = { rule: RuleFile, derived: DerivedFile, overrides: OverridesFile, test: RuleTestFile };

/** The kinds of files, each with a JSON Schema of its own: `rules/<kind>.schema.json`. */
export const fileKinds = Object.keys(schemas) as (keyof typeof schemas)[];

/** The JSON Schema (draft-07) of a kind of file, for completion in editors. */
export function fileJsonSchema(kind: keyof typeof schemas): object {
  return z.toJSONSchema(schemas[kind], { target: 'draft-7', io: 'input' });
}
