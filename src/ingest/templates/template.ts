/**
 * Templates: how a tenant's own topics and payloads are read. A template is checked whole when it is made, so that one
 * that is stored can be read by.
 */
import { z } from 'zod';
import { isTopicName } from '../../assets/discovery.ts';
import { Quality } from '../../assets/quality.ts';
import { Id, Instant, text } from '../../platform/fields.ts';
import { columns, listOf, listQuery, timestamps } from '../../platform/list-query.ts';
import { patternLengthMax } from './pattern.ts';
import { pointerLengthMax } from './pointer.ts';

export const formats = ['number', 'text', 'json'] as const;

const Name = text(200).regex(/\S/, 'must not be empty').describe('What people call it.');
const Pattern = text(patternLengthMax)
  .describe(
    'Level by level: a text, + for any one level, {site}, {asset} or {point}, and at the end # for whatever follows. Of several that match a topic the most specific reads it.',
  )
  .meta({ example: 'bms/{site}/+/{asset}/{point}' });
const Format = z
  .enum(formats)
  .describe('What a payload is: a bare number (or true, false), a bare text that names a state, or JSON.');
const TopicName = text(128).refine(isTopicName, 'must be 1 to 128 characters, none of them a control character');
const Enabled = z.boolean().describe('false: it reads nothing.');

const Pointer = text(pointerLengthMax);
export const valuesMax = 100;

/** JSON pointers (RFC 6901) into a payload; those that are absent are not looked for. */
export const Pointers = z
  .strictObject({
    items: Pointer.meta({ example: '/readings' })
      .optional()
      .describe(
        'An array of which each element is read by itself, with the pointers below relative to it; time, quality and asset that an element lacks are looked for in the whole payload.',
      ),
    asset: Pointer.meta({ example: '/sensor/device' })
      .optional()
      .describe("The asset's name, where neither the topic nor asset tells."),
    point: Pointer.meta({ example: '/sensor/name' })
      .optional()
      .describe("The point's name, where neither the topic nor point tells."),
    value: Pointer.meta({ example: '/v' }).optional().describe('The one value.'),
    values: z
      .union([Pointer, z.record(z.string(), z.string())])
      .optional()
      .describe('Several values: names of points, each with the pointer to its value, or one to an object of them.'),
    time: Pointer.meta({ example: '/t' })
      .optional()
      .describe('ISO 8601, or a number of seconds, ms, µs or ns; absent: the time of arrival.'),
    quality: Pointer.meta({ example: '/q' })
      .optional()
      .describe(
        'good, uncertain or bad, or an OPC quality (192 and more good, from 64 uncertain, 0 bad); absent: good.',
      ),
  })
  .meta({ id: 'TopicTemplatePointers' });
export type Pointers = z.infer<typeof Pointers>;

/** A tenant's own form of topics and payloads. */
export const TopicTemplate = z
  .object({
    id: Id,
    name: Name,
    pattern: Pattern,
    site: z.string().nullable().describe('The slug of the site, where the pattern has no {site}.'),
    asset: z.string().nullable().describe('The name of the asset, where the pattern has no {asset}.'),
    point: z.string().nullable().describe('The name of the point, where the pattern has no {point}.'),
    format: Format,
    pointers: Pointers,
    enabled: Enabled,
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'TopicTemplate' });
export type TopicTemplate = z.infer<typeof TopicTemplate>;

const definition = {
  pattern: Pattern,
  site: text(63).nullable().optional().describe('The slug of the site, where the pattern has no {site}.'),
  asset: TopicName.nullable().optional().describe('The name of the asset, where the pattern has no {asset}.'),
  point: TopicName.nullable().optional().describe('The name of the point, where the pattern has no {point}.'),
  format: Format.default('json'),
  pointers: Pointers.default({}),
};

export const TopicTemplateBody = z
  .strictObject({ name: Name.optional(), ...definition, enabled: Enabled.default(true) })
  .meta({
    id: 'TopicTemplateBody',
    examples: [
      {
        name: 'BMS of the old wing',
        pattern: 'bms/{site}/+/{asset}/{point}',
        format: 'json',
        pointers: { value: '/v', time: '/t', quality: '/q' },
      },
    ],
  });
export type TopicTemplateBody = z.infer<typeof TopicTemplateBody>;

export const TopicTemplateChange = z
  .strictObject({
    name: Name.optional(),
    ...definition,
    pattern: Pattern.optional(),
    format: Format.optional(),
    pointers: Pointers.optional().describe('All pointers together.'),
    enabled: Enabled.optional(),
  })
  .meta({ id: 'TopicTemplateChange', examples: [{ name: 'BMS of both wings', enabled: true }] });
export type TopicTemplateChange = z.infer<typeof TopicTemplateChange>;

export const topicTemplateList = listOf({
  name: 'topic-templates',
  id: 'topic_template.id',
  columns: {
    ...timestamps('topic_template'),
    name: columns.text('topic_template.name'),
    pattern: columns.text('topic_template.pattern'),
  },
  words: ['topic_template.name', 'topic_template.pattern'],
});

export const TopicTemplateQuery = listQuery(topicTemplateList, {});

/** What decides how messages are read. */
export type Definition = {
  readonly pattern: string;
  readonly site: string | null;
  readonly asset: string | null;
  readonly point: string | null;
  readonly format: (typeof formats)[number];
  readonly pointers: Pointers;
};

const payloadLengthMax = 262_144;

/** A template that is not stored, or none, and a message to read by it. */
export const TopicTemplateTest = z
  .strictObject({
    ...definition,
    pattern: Pattern.optional().describe(
      "Absent: the topic is read as a device's would be, by the templates there are.",
    ),
    topic: text(1_024)
      .regex(/^[^+#\0]+$/, 'must be a topic, which has no wildcards')
      .meta({ example: 'bms/hq/3/ahu-1/sat' }),
    payload: text(payloadLengthMax),
    encoding: z.enum(['utf8', 'base64']).default('utf8').describe('How payload is written here.'),
  })
  .meta({
    id: 'TopicTemplateTest',
    examples: [
      {
        pattern: 'bms/{site}/+/{asset}/{point}',
        pointers: { value: '/v', time: '/t' },
        topic: 'bms/ucl-east-campus/3/AHU-01/sat',
        payload: '{"v": 13.2, "t": "2026-03-01T12:00:00Z"}',
      },
    ],
  });
export type TopicTemplateTest = z.infer<typeof TopicTemplateTest>;

export const readingsShownMax = 1_000;

/** What a message would become. */
export const TopicTemplateReadout = z
  .object({
    read_by: z
      .enum(['template', 'built_in', 'nothing'])
      .describe('Whether a template reads the topic, or it needs none, or nobody reads it.'),
    template_id: Id.nullable().describe('The stored template that reads it.'),
    readings: z
      .array(
        z.object({
          site: z.string(),
          asset: z.string(),
          point: z.string(),
          point_id: Id.nullable().describe('Null: the point would be discovered.'),
          time: Instant,
          value: z.number().nullable(),
          quality: Quality,
        }),
      )
      .describe(`At most ${readingsShownMax}.`),
    total: z.int().describe('How many readings the message holds.'),
    rejections: z
      .array(z.object({ reason: z.string(), detail: z.string() }))
      .describe('What would go into quarantine, and why.'),
  })
  .meta({ id: 'TopicTemplateReadout' });
export type TopicTemplateReadout = z.infer<typeof TopicTemplateReadout>;
