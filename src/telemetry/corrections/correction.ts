/**
 * Readings put right by a person: some of them one by one, or all of a span in one way. What they were stays on record, and so
 * does who changed them and why; a correction can be taken back by another one.
 */
import { z } from 'zod';
import { Quality } from '../../assets/quality.ts';
import { Id, Instant, text } from '../../platform/fields.ts';
import { columns, listOf, listQuery, timestamps } from '../../platform/list-query.ts';

/** How many readings one correction may be about; a minute's point has as many in ten weeks. */
export const correctedReadingsMax = 100_000;
const namedReadingsMax = 1_000;

const Reason = z.string().trim().min(1).max(1000).describe('Why; it stays on record.');

const CorrectedByName = z.strictObject({
  time: text(40).describe('The instant of a reading that is there, as /points/{id}/readings shows it.'),
  value: z.number().nullable().optional(),
  quality: Quality.optional(),
  remove: z.literal(true).optional().describe('It is taken out altogether.'),
});
export type CorrectedByName = z.output<typeof CorrectedByName>;

/** What is to be put right: `readings`, or from `start` to before `end` in one way. */
export const CorrectionBody = z
  .strictObject({
    reason: Reason,
    readings: z.array(CorrectedByName).min(1).max(namedReadingsMax).optional(),
    start: text(40)
      .optional()
      .describe(
        "From this instant on, such as 2026-03-17T17:00:00Z, -24h, or 2026-03-17 for the midnight with which it begins; without a zone it is read in the site's.",
      ),
    end: text(40).optional().describe('Before this instant, written as start is.'),
    set: z.number().optional().describe('Every value becomes this one.'),
    scale: z.number().optional().describe('Every value is multiplied by it, before offset is added.'),
    offset: z.number().optional().describe('It is added to every value.'),
    quality: Quality.optional().describe('Every reading gets this quality.'),
    remove: z.literal(true).optional().describe('Every reading is taken out altogether.'),
    dry_run: z.boolean().optional().describe('Tells what would change, and changes nothing.'),
  })
  .meta({
    id: 'CorrectionBody',
    examples: [
      {
        reason: 'the sensor reads 0.4 K too high',
        start: '2026-03-01T00:00:00Z',
        end: '2026-03-17T17:00:00Z',
        offset: -0.4,
        dry_run: true,
      },
    ],
  });
export type CorrectionBody = z.output<typeof CorrectionBody>;

export const RevertBody = z
  .strictObject({ reason: Reason })
  .meta({ id: 'RevertBody', examples: [{ reason: 'it was the other sensor' }] });

const actions = ['readings', 'span', 'convert', 'relabel', 'revert'] as const;
export type CorrectionAction = (typeof actions)[number];

/** A correction as it is on record. */
export const Correction = z
  .object({
    id: Id,
    point_id: Id,
    action: z
      .enum(actions)
      .describe('convert and relabel: the unit or the states of the point changed; revert: another was taken back.'),
    reason: z.string(),
    author: z.string(),
    request: z.record(z.string(), z.unknown()).describe('What was asked for.'),
    first_at: Instant.nullable().describe('The first reading that it changed.'),
    last_at: Instant.nullable().describe('The last one.'),
    changed: z.int().describe('How many readings have another value or quality.'),
    removed: z.int().describe('How many are gone.'),
    reverts: Id.nullable().describe('The correction that it takes back.'),
    reverted_by: Id.nullable().describe('The correction by which it was taken back.'),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Correction' });
export type Correction = z.infer<typeof Correction>;

const Side = z.object({ value: z.number().nullable(), quality: Quality });

/** One reading before and after. */
export const CorrectedReading = z
  .object({
    time: Instant,
    before: Side.nullable().describe('Null where there was none.'),
    after: Side.nullable().describe('Null where it is gone.'),
  })
  .meta({ id: 'CorrectedReading' });
export type CorrectedReading = z.infer<typeof CorrectedReading>;

/** What a dry run tells. */
export const CorrectionPreview = z
  .object({
    matched: z.int().describe('How many readings the request is about.'),
    changed: z.int(),
    removed: z.int(),
    first_at: Instant.nullable(),
    last_at: Instant.nullable(),
    examples: z.array(CorrectedReading).describe('The first of those that would change.'),
  })
  .meta({ id: 'CorrectionPreview' });
export type CorrectionPreview = z.infer<typeof CorrectionPreview>;

export const correctionList = listOf({
  name: 'corrections',
  id: 'point_correction.id',
  columns: {
    ...timestamps('point_correction'),
    first_at: columns.instant('point_correction.first_at', { isNullable: true }),
    last_at: columns.instant('point_correction.last_at', { isNullable: true }),
  },
  words: ['point_correction.reason', 'point_correction.author'],
});

export const CorrectionQuery = listQuery(correctionList, {});
