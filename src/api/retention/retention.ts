/** How long telemetry is kept, as the API takes and shows it. */
import { z } from 'zod';
import { exampleOf, Id, Instant, text } from '../../platform/fields.ts';
import { formatInstant } from '../../platform/instant.ts';
import { readDays, writeDays } from '../../platform/kept-days.ts';
import { columns, listOf, listQuery, timestamps } from '../../platform/list-query.ts';
import type { Mount } from '../../platform/mount.ts';
import type { Loss, RetentionReport } from '../../telemetry/retention/report-retention.ts';
import { type Keep, KeptFor, kept, widthOf } from '../../telemetry/retention/retention.ts';
import type { PolicyRecord } from '../../telemetry/retention/retention-policy-store.ts';

const widths = ['raw', '1m', '15m', '1h'] as const;

/** By table: `raw` are readings as they came, the others their roll-ups. */
const KeepShown = z
  .object({ raw: KeptFor, '1m': KeptFor, '15m': KeptFor, '1h': KeptFor })
  .partial()
  .meta({ id: 'Keep', description: 'For how long readings (raw) and their roll-ups are kept; those by day for ever.' });

export const RetentionPolicy = z
  .object({
    id: Id,
    site: z.string().nullable().describe('The slug of its site; null: every site.'),
    class: z.string().nullable().describe('Points of this class and its subclasses; null: of any and of none.'),
    keep: KeepShown,
    note: z.string(),
    changed_by: z.string().describe('The person, or the API key, that set it last.'),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'RetentionPolicy', description: 'For how long the telemetry of some points is kept.' });
export type RetentionPolicy = z.infer<typeof RetentionPolicy>;

export const retentionPolicyList = listOf({
  name: 'retention-policies',
  id: 'p.id',
  columns: { ...timestamps('p'), class: columns.text('p.class', { isNullable: true }) },
  words: ['p.note', 'p.class', 'site.slug'],
});

export const PolicyQuery = listQuery(retentionPolicyList, {});

const KeepGiven = z
  .strictObject({
    raw: KeptFor.nullable().optional(),
    '1m': KeptFor.nullable().optional(),
    '15m': KeptFor.nullable().optional(),
    '1h': KeptFor.nullable().optional(),
  })
  .describe('What is absent stays as it is without this policy; null unsets.');
export type KeepGiven = z.output<typeof KeepGiven>;

const Note = text(2_000).optional().describe('Why; people read it beside what it changes.');
const Class = text(200)
  .regex(/\S/, 'must not be empty')
  .nullable()
  .optional()
  .describe(
    'A class of Brick (or one that points have), such as brick:Status; absent: points of any class and of none.',
  );
const Site = text(200).nullable().optional().describe('The slug of a site; absent: every site.');
/** Below a site a policy is for that site: a body that names one has a property that is not known there. */
const placeOf = (mount: Mount['name']): { site: typeof Site; class: typeof Class } =>
  mount === 'tenant' ? { site: Site, class: Class } : ({ class: Class } as { site: typeof Site; class: typeof Class });

/** The body of a POST of a policy. */
export function policyBody(mount: Mount['name']) {
  return z
    .strictObject({ ...placeOf(mount), keep: KeepGiven, note: Note })
    .meta(exampleOf({ class: 'brick:Status', keep: { raw: '90d', '1m': '1y' }, note: 'Counters are kept elsewhere.' }));
}

/** Everything that a new policy may state, whatever the mount. */
export type PolicyBody = {
  readonly site?: string | null | undefined;
  readonly class?: string | null | undefined;
  readonly keep: KeepGiven;
  readonly note?: string | undefined;
};

/** The body of a PATCH. */
export const PolicyChange = z
  .strictObject({ keep: KeepGiven.optional(), note: Note.nullable() })
  .meta({ id: 'RetentionPolicyChange', ...exampleOf({ keep: { raw: '180d' } }) });
export type PolicyChange = z.output<typeof PolicyChange>;

/** The body of a dry run. */
export function dryRunBody(mount: Mount['name']) {
  return z
    .strictObject({
      policy: z
        .strictObject({ ...placeOf(mount), keep: KeepGiven, note: Note })
        .optional()
        .describe('A policy as if it were set, in the place of the one for the same points, if any.'),
    })
    .meta(exampleOf({ policy: { class: 'brick:Status', keep: { raw: '90d' } } }));
}

const Rows = {
  table: z.enum(widths).describe('raw are readings as they came.'),
  site: z.string(),
  class: z.string().nullable(),
  kept_for: KeptFor,
  points: z.int(),
  from: Instant,
  before: Instant,
  rows: z.number().describe('About how many.'),
};

export const RetentionDryRun = z
  .object({
    settled_through: Instant.describe('What is later is not rolled up yet, or to be rolled up again, and does not go.'),
    losses: z.array(
      z.object({
        ...Rows,
        bytes: z.number().nullable().describe('About how many; null where the database does not know yet.'),
      }),
    ),
    held_back: z
      .array(z.object({ insight_id: Id, site: z.string(), points: z.int(), from: Instant, through: Instant }))
      .describe('Readings that stay although they are old enough, for the evidence of open insights.'),
    waiting: z
      .array(
        z.object({
          ...Rows,
          made_at: Instant.describe('When the piece of storage was made that the first of them lies in.'),
          until: Instant.describe('Until when it stays at least.'),
        }),
      )
      .describe(
        'What stays although it is old enough, since it was stored only recently, or is later than something that was: ' +
          'what is kept counts from when the piece of storage was made in which it lies, and goes in the order of time.',
      ),
  })
  .meta({ id: 'RetentionDryRun', description: 'What would be dropped now.' });

export const Retention = z
  .object({
    installation: KeepShown.describe('What holds where no policy says otherwise.'),
    settled_through: Instant,
  })
  .meta({ id: 'Retention', description: 'What holds for all telemetry of this installation.' });

/** Days by table, of what is given and not unset. */
export function readKeep(given: KeepGiven): Partial<Keep> {
  const said = kept.flatMap((table) => {
    const days = readDays(given[widthOf[table]] ?? '');
    return days === undefined ? [] : [[table, days] as const];
  });
  return Object.fromEntries(said);
}

export function showKeep(keep: Partial<Keep>): z.output<typeof KeepShown> {
  const said = kept.flatMap((table) => {
    const days = keep[table];
    return days === undefined ? [] : [[widthOf[table], writeDays(days)] as const];
  });
  return Object.fromEntries(said);
}

export function showPolicy(record: PolicyRecord): RetentionPolicy {
  const { id, site, class: name, keep, note, changedBy, createdAt, updatedAt } = record;
  return {
    ...{ id, site, class: name, keep: showKeep(keep), note, changed_by: changedBy },
    created_at: formatInstant(createdAt),
    updated_at: formatInstant(updatedAt),
  };
}

const instantOf = (timeMs: number) => formatInstant(new Date(timeMs));

export function showReport({ settledMs, losses, held, waiting }: RetentionReport): z.output<typeof RetentionDryRun> {
  return {
    settled_through: instantOf(settledMs),
    losses: losses.map((loss) => ({ ...showRows(loss), bytes: loss.bytes })),
    held_back: held.map(({ insightId, site, points, fromMs, throughMs }) => ({
      ...{ insight_id: insightId, site, points },
      from: instantOf(fromMs),
      through: instantOf(throughMs),
    })),
    waiting: waiting.map((one) => ({
      ...showRows(one),
      made_at: instantOf(one.madeMs),
      until: instantOf(one.untilMs),
    })),
  };
}

function showRows({ table, site, class: name, keptForDays, points, fromMs, beforeMs, rows }: Omit<Loss, 'bytes'>) {
  return {
    ...{ table: widthOf[table], site, class: name, kept_for: writeDays(keptForDays), points, rows },
    from: instantOf(fromMs),
    before: instantOf(beforeMs),
  };
}
