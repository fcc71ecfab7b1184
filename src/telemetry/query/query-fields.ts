import { z } from 'zod';
import { Quality, qualities } from '../../assets/quality.ts';
import { Id, Instant, text, wholeNumber } from '../../platform/fields.ts';
import { fills } from './fill.ts';
import { aggregates } from './query.ts';
import { queryLimits } from './query-limits.ts';
import { samplings } from './sampling.ts';

/** Readings are many and small, so their pages are larger than those of other lists. */
export const pageLimits = { default: 1_000, max: 10_000 } as const;

export const formats = ['json', 'ndjson', 'csv'] as const;
export type Format = (typeof formats)[number];

const number = z.number().nullable();

export const ReadingReply = z
  .object({ time: Instant, value: number, quality: Quality })
  .meta({ id: 'Reading', description: 'One measurement; null where it is not a number.' });

const aggregateShape = <T extends z.ZodType>(value: T) =>
  Object.fromEntries(aggregates.map((name) => [name, value.optional()])) as Record<string, z.ZodOptional<T>>;

export const BucketReply = z
  .object({ time: Instant.describe('When the bucket begins.'), ...aggregateShape(number) })
  .meta({
    id: 'ReadingBucket',
    description: 'What the measurements of a bucket say: the aggregates that were asked for.',
  });

export const SampleReply = z
  .object({ time: Instant, value: number })
  .meta({ id: 'ReadingSample', description: 'One of the few measurements that draw the line of all of them.' });

export const SeriesReply = z
  .object({
    point_id: Id,
    site: z.string(),
    asset: z.string(),
    point: z.string(),
    unit: z.string().nullable().describe('Of all values.'),
    bucket: z.string().describe('The width of the buckets; raw, or lttb, where the values are measurements.'),
    time_zone: z.string().describe('Whose days, weeks and months the buckets are.'),
    time: z.array(Instant),
    value: z.array(number).optional(),
    quality: z.array(Quality).optional(),
    ...aggregateShape(z.array(number)),
  })
  .meta({ id: 'TelemetrySeries', description: 'Columns: the time and the values of each row, in the order of time.' });

const listOf = (names: readonly string[]) => names.join(', ');

const words = {
  start:
    "From this instant on: ISO 8601, without a zone in the site's; a date, from its midnight on; now, or so long ago (-24h, -7d, -1mo, -1y).",
  end: 'Before this instant, written as start is: a date ends at the midnight with which it begins.',
  bucket: 'raw, auto, a length (30s, 1m, 15m, 1h), or a day, a week or a month of time_zone (1d, 1w, 1mo).',
  agg: `Of each bucket: ${listOf(aggregates)}; several with commas. Absent: mean, min, max and count.`,
  fill: 'What stands in buckets without measurements; absent: none, they are left out.',
  reach:
    'How far a value reaches, such as 2h: into buckets that are filled (absent: ten buckets, at least a day), and in twa to the end of its bucket and into the next that has measurements (absent: a day).',
  unit: "The unit of the values, such as degF; absent: the point's own.",
  pixels: 'For how many pixels auto finds a width, or LTTB keeps measurements.',
  sampling: 'With auto: the min and max of each bucket, or measurements that LTTB keeps.',
  timeZone: "The zone of days, weeks and months, and of instants without one; absent: the site's.",
  quality: `Of these qualities alone: ${listOf(qualities)}, several with commas. Absent: good in buckets, all of raw.`,
};

export const ReadingsQuery = z.strictObject({
  start: text(40).optional().describe(words.start),
  end: text(40).optional().describe(words.end),
  bucket: text(16).optional().describe(words.bucket),
  agg: text(100).optional().describe(words.agg),
  fill: z.enum(fills).optional().describe(words.fill),
  reach: text(16).optional().describe(words.reach),
  unit: text(64).optional().describe(words.unit),
  pixels: wholeNumber({
    min: queryLimits.pixelsMin,
    max: queryLimits.pixelsMax,
    default: queryLimits.pixelsDefault,
  }).describe(words.pixels),
  sampling: z.enum(samplings).optional().describe(words.sampling),
  time_zone: text(64).optional().describe(words.timeZone),
  quality: text(40).optional().describe(words.quality),
  order: z
    .enum(['asc', 'desc'])
    .optional()
    .describe('By time; absent: asc in buckets and streams, desc, the newest first, in a page of measurements.'),
  format: z.enum(formats).optional().describe('Instead of Accept: a JSON page, or all rows as a stream.'),
  limit: wholeNumber({ min: 1, max: pageLimits.max, default: pageLimits.default }).describe(
    'How many rows at most; a stream without it has all.',
  ),
  cursor: z.string().max(1024).optional().describe('nextCursor of the page before.'),
});

const AskedPoint = z.union([
  Id,
  z.strictObject({ point_id: Id, unit: text(64).optional() }),
  z.strictObject({
    site: text(200).optional().describe('The slug of its site; not needed below one.'),
    asset: text(200),
    point: text(200),
    unit: text(64).optional().describe(words.unit),
  }),
]);

export const TelemetryQuery = z
  .strictObject({
    points: z.array(AskedPoint).min(1).max(queryLimits.pointsMax).describe('By their ids, or by their names.'),
    start: text(40).describe(words.start),
    end: text(40).optional().describe(`${words.end} Absent: now.`),
    bucket: text(16).optional().describe(`${words.bucket} Absent: raw, or auto where pixels are given.`),
    agg: z.array(z.enum(aggregates)).min(1).max(aggregates.length).optional().describe('As in a query of readings.'),
    fill: z.enum(fills).optional().describe(words.fill),
    reach: text(16).optional().describe(words.reach),
    pixels: z.int().min(queryLimits.pixelsMin).max(queryLimits.pixelsMax).optional().describe(words.pixels),
    sampling: z.enum(samplings).optional().describe(words.sampling),
    time_zone: text(64).optional().describe(words.timeZone),
    quality: z.array(Quality).min(1).max(qualities.length).optional().describe('Absent: good in buckets, all of raw.'),
    format: z.enum(formats).optional().describe('Instead of Accept.'),
    limit: z.int().min(1).max(queryLimits.pageRowsMax).optional().describe('Rows of a page, of all points together.'),
    cursor: z.string().max(1024).optional().describe('nextCursor of the page before.'),
  })
  .meta({
    id: 'TelemetryQuery',
    examples: [
      {
        points: [{ site: 'ucl-east-campus', asset: 'AHU-01', point: 'sat', unit: 'degF' }],
        start: '-24h',
        bucket: '15m',
        agg: ['twa', 'min', 'max'],
        fill: 'null',
      },
    ],
  });
export type TelemetryQuery = z.infer<typeof TelemetryQuery>;
