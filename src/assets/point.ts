/**
 * A point: one measured, commanded or computed quantity of an asset.
 *
 *   discovered ──PATCH, model──▶ modelled
 *        └──merge-into──▶ merged: its readings are those of another point, and so is what comes under its name
 */

import { z } from 'zod';
import { exampleOf, Id, Instant, kept, keptShape, text, unsettable } from '../platform/fields.ts';
import { columns, expandedField, type ListFields, listOf, listQuery, timestamps } from '../platform/list-query.ts';
import { Asset } from './asset.ts';
import { canonicalClass } from './brick-classes.ts';
import { origins } from './origin.ts';
import { Site } from './site.ts';
import { findUnit } from './units.ts';

const Tags = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));

/** A point as it is shown; its readings are under /points/{id}/readings. */
export const Point = z
  .object({
    id: Id,
    site: z.string().describe('The slug of its site.'),
    asset_id: Id,
    asset: z.string().describe('The name of its asset.'),
    name: z.string().describe('The segment that stands for it in a topic.'),
    class: z.string().nullable().describe('A class, such as brick:Supply_Air_Temperature_Sensor.'),
    part_of: z.string().nullable().describe('The part of the asset that it belongs to.'),
    unit: z.string().nullable(),
    min: z.number().nullable().describe('The least value that makes sense, in its unit.'),
    max: z.number().nullable().describe('The greatest value that makes sense, in its unit.'),
    states: z.record(z.string(), z.number()).nullable().describe('Texts that a device sends, and their numbers.'),
    tags: Tags.describe('Whatever people say of it: true for a word by itself.'),
    expected_interval_s: z
      .number()
      .nullable()
      .describe('How often it is expected to report; without a good reading for three times as long it is missed.'),
    learned_interval_s: z
      .number()
      .nullable()
      .describe('How often it does report, as its last readings say; null where they come too seldom or too unevenly.'),
    state: z.enum(origins).describe('Whether a person modelled it or a reading made it known.'),
    merged_into: Id.nullable().describe('The point that it turned out to be; that one has its readings.'),
    ...keptShape,
    external_id: keptShape.external_id.describe(
      'What another program calls it, or else the building model that made it.',
    ),
    created_at: Instant,
    updated_at: Instant,
    expanded: expandedField({ asset: Asset, site: Site }),
  })
  .meta({ id: 'Point' });
export type Point = z.infer<typeof Point>;

/** A point whose row the transaction holds: nobody else changes it or its readings meanwhile. */
export type HeldPoint = {
  readonly tenantId: string;
  readonly pointId: string;
  readonly seriesId: number;
  readonly siteId: string;
  readonly assetId: string;
  readonly shard: number;
  readonly timeZone: string;
};

/** At most so many days, of which three times as many are looked back on. */
export const expectedIntervalMax = { seconds: 864_000 } as const;

// Whatever of its names is given, canonicalPoint has the canonical ones.
const ClassName = z
  .string()
  .max(160)
  .regex(
    /^([a-z][a-z0-9]{0,31}:)?[A-Za-z][A-Za-z0-9_]{0,127}$/,
    'must be a class, such as brick:Supply_Air_Temperature_Sensor',
  );

const UnitName = z
  .string()
  .max(64)
  .refine(
    (name) => findUnit(name) !== undefined,
    'must be a unit that is known here, such as degC, kW, L/s or percent',
  );

const States = z
  .record(z.string().min(1).max(64), z.number())
  .refine((states) => Object.keys(states).length <= 200, 'at most 200 states');

const TagName = z
  .string()
  .min(1)
  .max(64)
  .regex(/^[^\p{Cc}:]*$/u, 'must have neither control characters nor a colon');
const TagSet = z
  .record(TagName, z.union([z.string().max(200), z.number(), z.boolean()]))
  .refine((tags) => Object.keys(tags).length <= 50, 'at most 50 tags');

const ExpectedInterval = z.number().min(1).max(expectedIntervalMax.seconds);

const settable = {
  class: unsettable(ClassName),
  part_of: unsettable(ClassName),
  unit: unsettable(UnitName),
  min: z.number().nullable().optional(),
  max: z.number().nullable().optional(),
  states: States.nullable().optional(),
  tags: TagSet.nullable()
    .transform((tags) => tags ?? {})
    .optional()
    .describe('All of its tags at once; null takes all away.'),
  ...kept,
};

/** A point that a person makes, before any reading of it has come. */
export const NewPoint = z
  .strictObject({
    asset_id: Id.optional().describe('The asset that it belongs to; or else asset_uri.'),
    asset_uri: text(2048).optional(),
    name: z
      .string()
      .min(1)
      .max(128)
      .regex(/^\P{Cc}*$/u, 'must not have control characters')
      .describe('The segment that stands for it in a topic; unique in its asset.'),
    ...settable,
    expected_interval_s: ExpectedInterval.nullable().optional(),
  })
  .meta({
    id: 'NewPoint',
    ...exampleOf({
      asset_uri: 'http://fuseki:3030/buildings/ucl-east#AHU-01',
      name: 'chw_flow',
      class: 'brick:Chilled_Water_Flow_Sensor',
      unit: 'L/s',
      min: 0,
      max: 40,
      tags: { critical: true, panel: 'MCC-2' },
    }),
  });
export type NewPoint = z.output<typeof NewPoint>;

type Names = {
  class?: string | null | undefined;
  part_of?: string | null | undefined;
  unit?: string | null | undefined;
};

/** The same with classes and units by their one name here: names without a prefix are Brick's. */
export function canonicalPoint<T extends Names>(given: T): T {
  const named = (name: string | null | undefined) => (name ? canonicalClass(name) : name);
  return {
    ...given,
    ...(given.class !== undefined && { class: named(given.class) }),
    ...(given.part_of !== undefined && { part_of: named(given.part_of) }),
    ...(given.unit && { unit: findUnit(given.unit)?.id ?? given.unit }),
  };
}

/** What a change of unit or states means for the readings that are there. */
const historyMeanings = ['relabel', 'convert'] as const;

/** What people may change of a point; null unsets. */
export const PointChange = z
  .strictObject({
    ...settable,
    expected_interval_s: z
      .union([ExpectedInterval, z.literal('learned')])
      .nullable()
      .optional()
      .describe('In seconds; learned: what its readings say, as learned_interval_s shows it.'),
    history: z
      .enum(historyMeanings)
      .optional()
      .describe(
        'What a changed unit, or changed states, mean for the readings that are there. relabel: the numbers are right, and only their name was not. convert: the numbers are changed with it.',
      ),
    history_before: text(40)
      .optional()
      .describe(
        'With convert: from this instant on the readings are right already, because the device was changed then.',
      ),
    reason: z.string().trim().min(1).max(1000).optional().describe('Why, for the list of corrections.'),
  })
  .meta({ id: 'PointChange', ...exampleOf({ expected_interval_s: 60, min: 5, max: 35, tags: { critical: true } }) });
export type PointChange = z.output<typeof PointChange>;

export const pointList = listOf({
  name: 'points',
  id: 'point.id',
  columns: {
    ...timestamps('point'),
    name: columns.text('point.name'),
    class: columns.text('point.class', { isNullable: true }),
    asset: columns.text('asset.name'),
  },
  words: ['point.name', 'point.class', 'asset.name'],
  expand: ['asset', 'site'],
});

export const pointFilters = {
  site: text(63).optional().describe('The slug of a site.'),
  asset_id: Id.optional(),
  name: text(200).optional(),
  class: text(200).optional(),
  unit: text(64).optional(),
  state: z.enum(origins).optional(),
  external_id: text(500).optional(),
  tag: text(265).optional().describe('The name of a tag, or a name and a value: critical, panel:MCC-2.'),
};
export const PointQuery = listQuery(pointList, pointFilters);
export type PointFilter = Omit<z.output<typeof PointQuery>, ListFields>;
