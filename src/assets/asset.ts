import { z } from 'zod';
import { flag, Id, Instant, text } from '../platform/fields.ts';
import { PageQuery } from '../platform/paging.ts';

const assetStatuses = ['operational', 'degraded', 'down', 'retired'] as const;
const origins = ['modelled', 'discovered'] as const;

/** A piece of equipment at a site. Its uri is unique in the tenant and may be that of an external graph. */
export const Asset = z
  .object({
    id: Id,
    site: z.string().describe('The slug of its site.'),
    name: z.string().describe('The segment that stands for it in a topic.').meta({ example: 'AHU-01' }),
    uri: z.string().meta({ example: 'http://fuseki:3030/buildings/ucl-east#AHU-01' }),
    class: z.string().nullable().describe('A Brick class, such as Air_Handling_Unit.'),
    parent_id: Id.nullable(),
    location_uri: z.string(),
    location_id: Id.nullable().describe('The place it lies in, as a building model names it.'),
    location: z.string().nullable().describe('The name of that place.'),
    tags: z.array(z.string()).describe('Words that group equipment; overrides of rules may name one.'),
    params: z.record(z.string(), z.unknown()).describe('Parameters of this unit that override those of rules.'),
    state: z.enum(origins).describe('Whether a person modelled it or a reading made it known.'),
    status: z.enum(assetStatuses),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Asset' });
export type Asset = z.infer<typeof Asset>;

export const AssetQuery = PageQuery.extend({
  class: text(200).optional(),
  status: z.enum(assetStatuses).optional(),
  state: z.enum(origins).optional(),
  parent_id: Id.optional(),
  tag: text(64).optional(),
  uri: text(2048).optional().describe('A # in it is %23 in a query.'),
});
export type AssetFilter = Omit<z.output<typeof AssetQuery>, 'limit' | 'offset' | 'cursor'>;

const TagName = z
  .string()
  .trim()
  .min(1)
  .max(64)
  .regex(/^\P{Cc}*$/u, 'must not have control characters');

/** What people may change of equipment: its tags, all at once, and parameters of rules, one by one (null takes one away). */
export const AssetChange = z
  .strictObject({
    tags: z.array(TagName).max(50).optional(),
    params: z
      .record(
        z.string().regex(/^[a-z][a-z0-9_]{0,63}$/, 'must be the name of a parameter, such as min_oa'),
        z.number().nullable(),
      )
      .refine((params) => Object.keys(params).length <= 200, 'at most 200 parameters')
      .optional(),
  })
  .meta({ id: 'AssetChange', examples: [{ tags: ['critical'], params: { min_oa: 0.3 } }] });
export type AssetChange = z.infer<typeof AssetChange>;

/** One measured, commanded or computed quantity of an asset; its readings are under /points/{id}/readings. */
export const Point = z
  .object({
    id: Id,
    site: z.string(),
    asset_id: Id,
    name: z.string().describe('The segment that stands for it in a topic.'),
    class: z.string().nullable().describe('A Brick class, such as Supply_Air_Temperature_Sensor.'),
    part_of: z.string().nullable().describe('The part of the asset that it belongs to.'),
    unit: z.string().nullable(),
    states: z.record(z.string(), z.number()).nullable().describe('Texts that a device sends, and their numbers.'),
    expected_interval_s: z
      .number()
      .nullable()
      .describe('How often it is expected to report; without a good reading for three times as long it is missed.'),
    state: z.enum(origins),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Point' });
export type Point = z.infer<typeof Point>;

/** At most so many days, of which three times as many are looked back on. */
export const expectedIntervalMax = { seconds: 864_000 } as const;

/** What people may change of a point; null unsets. */
export const PointChange = z
  .strictObject({
    expected_interval_s: z.number().min(1).max(expectedIntervalMax.seconds).nullable().optional(),
    states: z
      .record(z.string().min(1).max(64), z.number())
      .refine((states) => Object.keys(states).length <= 200, 'at most 200 states')
      .nullable()
      .optional(),
  })
  .meta({ id: 'PointChange', examples: [{ expected_interval_s: 60 }] });
export type PointChange = z.infer<typeof PointChange>;

export const PointQuery = PageQuery.extend({
  asset_id: Id.optional(),
  name: text(200).optional(),
  class: text(200).optional(),
  state: z.enum(origins).optional(),
});
export type PointFilter = Omit<z.output<typeof PointQuery>, 'limit' | 'offset' | 'cursor'>;

export const SiteQuery = PageQuery.extend({ discovery: flag() });
export type SiteFilter = Omit<z.output<typeof SiteQuery>, 'limit' | 'offset' | 'cursor'>;
