/** What people and other detectors send about insights. */
import { z } from 'zod';
import { ExternalId, OptionalId, prose } from '../assets/kept-fields.ts';
import { exampleOf, InstantText, kept, plainText, text, unsettable } from '../platform/fields.ts';
import { categories, severities } from './insight.ts';

const bodyMax = 50_000;
const reasonMax = 2_000;
const seriesMax = 200;
const analysisBytesMax = 65_536;
/** A year. */
export const snoozeMinutesMax = 366 * 1_440;

const InstantGiven = InstantText.meta({ format: 'date-time' });
const Reason = text(reasonMax).regex(/\S/, 'must not be empty');
const Title = plainText(500);
const Cost = z.number().min(0).max(1e12);
const Confidence = z.number().min(0).max(1);
const EquipmentUri = text(2048)
  .nullable()
  .transform((value) => value ?? '')
  .optional();

const named = { ...kept, external_id: ExternalId };

const words = {
  body: prose(bodyMax).describe('What it is about, in Markdown.'),
  message: prose(bodyMax).describe('The same as body.'),
  estimated_cost_per_day: unsettable(Cost).describe('What it wastes; lists can be sorted by it.'),
  confidence: unsettable(Confidence).describe('From 0 to 1.'),
};

/** The body of a POST by people, who have found something themselves. */
export const InsightBody = z
  .strictObject({
    title: Title,
    severity: z.enum(severities).default('warning'),
    category: z.enum(categories).default('fault'),
    ...words,
    asset_id: OptionalId.describe('Equipment of the tenant; fills in equipment_uri.'),
    equipment_uri: EquipmentUri.describe('That of an asset, which is then linked, or one of an external graph.'),
    occurred_at: InstantGiven.optional().describe('When it was seen first; absent: now.'),
    causes: z.array(plainText(500)).max(20).default([]),
    actions: z.array(plainText(500)).max(20).default([]),
    assignee: OptionalId.describe('An active user of the tenant.'),
    ...named,
  })
  .meta({
    id: 'InsightBody',
    ...exampleOf({
      title: 'AHU-01 rattles when it starts',
      body: 'Heard from the plant room at 7:10; it stops after a minute.',
      severity: 'info',
      category: 'maintenance',
      equipment_uri: 'http://fuseki:3030/buildings/ucl-east#AHU-01',
    }),
  });
export type InsightBody = z.output<typeof InsightBody>;

/** The body of a PATCH: what is given changes, what is not stays. */
export const InsightChange = z
  .strictObject({
    title: Title.optional(),
    severity: z.enum(severities).optional(),
    category: z.enum(categories).optional(),
    ...words,
    assignee: OptionalId.describe('An active user of the tenant.'),
    ...named,
  })
  .meta({
    id: 'InsightChange',
    description:
      'Anybody’s can be given to somebody, and carry external_id and metadata; the rest is said by its rule or detector, and can be changed of those alone that people wrote.',
    ...exampleOf({ metadata: { ticket: 'FM-1021' } }),
  });
export type InsightChange = z.output<typeof InsightChange>;

/** What another detector sends (T17). */
export const DetectedBody = z
  .strictObject({
    source: plainText(100)
      .refine((value) => value !== 'rule' && value !== 'person', 'rule and person name insights of our own')
      .describe('The name of the detector.'),
    source_id: plainText(500).describe('What it calls this finding: the same finding again has the same one.'),
    title: Title,
    severity: z.enum(severities),
    category: z.enum(categories),
    body: prose(bodyMax).describe('Markdown.'),
    equipment_uri: EquipmentUri.describe(
      'That of an asset of the site, which is then linked, or one of an external graph.',
    ),
    timeseries_ids: z
      .array(plainText(200))
      .max(seriesMax)
      .default([])
      .describe('The series that it is based on; those that are ids of points are its evidence.'),
    analysis: z
      .record(text(200), z.unknown())
      .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= analysisBytesMax, 'must be at most 64 KiB of JSON')
      .default({})
      .describe('How it came to it.'),
    occurred_at: InstantGiven.optional().describe(
      'When it was found; absent: now. What occurred before an insight was resolved does not open it again.',
    ),
    estimated_cost_per_day: unsettable(Cost),
    confidence: unsettable(Confidence).describe('From 0 to 1.'),
  })
  .meta({
    id: 'DetectedInsight',
    ...exampleOf({
      source: 'efficiency-monitor',
      source_id: 'ahu-01/fan-power-high',
      title: 'Fan power above what its speed explains',
      severity: 'warning',
      category: 'energy',
      body: 'The supply fan has taken **2.9 kW** for six hours; 2.1 kW is expected at this speed.',
      equipment_uri: 'http://fuseki:3030/buildings/ucl-east#AHU-01',
      timeseries_ids: [],
      analysis: { power_kw: 2.9, expected_kw: 2.1 },
      occurred_at: '2026-03-15T10:40:00Z',
    }),
  });
export type DetectedBody = z.output<typeof DetectedBody>;

export const SnoozeBody = z
  .strictObject({
    until: InstantGiven.optional().describe('When it wakes, within the year to come.'),
    minutes: z.int().min(1).max(snoozeMinutesMax).optional().describe('Or in how many minutes.'),
  })
  .refine(({ until, minutes }) => (until === undefined) !== (minutes === undefined), {
    path: ['until'],
    message: 'give either until or minutes',
  })
  .meta({ id: 'InsightSnooze', ...exampleOf({ minutes: 1_440 }) });
export type SnoozeBody = z.output<typeof SnoozeBody>;

export const DismissBody = z
  .strictObject({ reason: Reason.describe('Why it is none.') })
  .meta({ id: 'InsightDismissal', ...exampleOf({ reason: 'The valve is being replaced this week.' }) });
export type DismissBody = z.output<typeof DismissBody>;

export const ResolveBody = z
  .strictObject({ reason: Reason.optional().describe('What ended it.') })
  .meta({ id: 'InsightResolution', ...exampleOf({ reason: 'The actuator was replaced.' }) });
export type ResolveBody = z.output<typeof ResolveBody>;
