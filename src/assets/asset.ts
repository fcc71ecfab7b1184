import { z } from 'zod';
import { flag, Id, Instant, text } from '../platform/fields.ts';
import { PageQuery } from '../platform/paging.ts';
import { origins } from './point.ts';

const assetStatuses = ['operational', 'degraded', 'down', 'retired'] as const;

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
    merged_into: Id.nullable().describe('The asset that it turned out to be; that one has its points.'),
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

export const SiteQuery = PageQuery.extend({ discovery: flag() });
export type SiteFilter = Omit<z.output<typeof SiteQuery>, 'limit' | 'offset' | 'cursor'>;
