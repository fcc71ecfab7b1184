/**
 * A piece of equipment at a site.
 *
 *   a reading ──▶ discovered ──PATCH, model──▶ modelled          operational ⇄ degraded ⇄ down ⇄ retired (DELETE)
 *                     └──────merge-into──▶ merged: its points and its work are those of another asset
 *
 * Devices name it by the slug of its site and its name, people by its uri or by what is printed on it.
 */
import { z } from 'zod';
import { Id, Instant, keptShape, text } from '../platform/fields.ts';
import { columns, expandedField, type ListFields, listOf, listQuery, timestamps } from '../platform/list-query.ts';
import { AssetImage } from './asset-image.ts';
import { AssetHealth } from './health.ts';
import { Location } from './location.ts';
import { origins } from './origin.ts';
import { Site } from './site.ts';

export const assetStatuses = ['operational', 'degraded', 'down', 'retired'] as const;
export type AssetStatus = (typeof assetStatuses)[number];
/** From least to greatest. */
export const criticalities = ['low', 'medium', 'high', 'critical'] as const;

const uriExample = 'http://fuseki:3030/buildings/ucl-east#AHU-01';

/** Equipment as every mount shows it. Its uri is unique in the tenant and may be that of an external graph. */
export const Asset = z
  .object({
    id: Id,
    site: z.string().describe('The slug of its site.'),
    name: z.string().describe('The segment that stands for it in a topic.').meta({ example: 'AHU-01' }),
    description: z.string(),
    uri: z.string().meta({ example: uriExample }),
    class: z.string().nullable().describe('A Brick class, such as brick:Air_Handling_Unit.'),
    parent_id: Id.nullable().describe('The equipment that it is part of.'),
    location_uri: z.string().describe('Where it lies; work orders for it take this as theirs.'),
    location_id: Id.nullable().describe('The place it lies in.'),
    location: z.string().nullable().describe('The name of that place.'),
    manufacturer: z.string().nullable(),
    model: z.string().nullable(),
    serial_number: z.string().nullable(),
    install_date: z.iso.date().nullable(),
    warranty_until: z.iso.date().nullable().describe('The last day of its warranty.'),
    purchase_cost: z.number().nullable().describe('What it has cost, in the currency of the tenant.'),
    useful_life_years: z.number().nullable().describe('How long it is meant to last.'),
    criticality: z.enum(criticalities).nullable().describe('What its failure would mean.'),
    status: z
      .enum(assetStatuses)
      .describe('Retired equipment has no rules, and is in no list that does not ask for it.'),
    barcode: z.string().nullable().describe('What is printed on it; unique in the tenant.'),
    image: AssetImage.nullable().describe('Its picture, which is below it at /image.'),
    tags: z.array(z.string()).describe('Words that group equipment; overrides of rules may name one.'),
    params: z.record(z.string(), z.unknown()).describe('Parameters of this unit that override those of rules.'),
    custom: z.record(z.string(), z.unknown()).describe('Fields of the tenant’s own.'),
    state: z.enum(origins).describe('Whether a person modelled it or a reading made it known.'),
    source: z.string().nullable().describe('The building model that it comes from, if any.'),
    source_id: z.string().nullable().describe('What that model calls it.'),
    merged_into: Id.nullable().describe('The asset that it turned out to be; that one has its points.'),
    ...keptShape,
    created_at: Instant,
    updated_at: Instant,
    expanded: expandedField({ site: Site, location: Location, health: AssetHealth }),
  })
  .meta({ id: 'Asset' });
export type Asset = z.infer<typeof Asset>;

export const assetList = listOf({
  name: 'assets',
  id: 'asset.id',
  columns: {
    ...timestamps('asset'),
    name: columns.text('asset.name'),
    class: columns.text('asset.class', { isNullable: true }),
    install_date: columns.date('asset.install_date', { isNullable: true }),
    warranty_until: columns.date('asset.warranty_until', { isNullable: true }),
    criticality: columns.ranks('asset.criticality', criticalities, { isNullable: true }),
    health: columns.integer('health.score', { isNullable: true }),
  },
  words: [
    'asset.name',
    'asset.uri',
    'asset.class',
    'asset.description',
    'asset.manufacturer',
    'asset.model',
    'asset.serial_number',
    'asset.barcode',
    'asset.own_external_id',
  ],
  search: 'assets_with_words',
  expand: ['site', 'location', 'health'],
});

/** One of some values, or several with commas between. */
function anyOf<const T extends string>(values: readonly T[]) {
  const one = `(${values.join('|')})`;
  return z
    .string()
    .max(200)
    .regex(new RegExp(`^${one}(,${one})*$`), `must be of ${values.join(', ')}, with commas between`)
    .transform((value) => [...new Set(value.split(','))].sort() as T[])
    .optional()
    .describe(`${values.join(', ')}: one, or several with commas between.`);
}

export const AssetQuery = listQuery(assetList, {
  site: text(63).optional().describe('The slug of a site.'),
  class: text(200).optional().describe('A class or one of its subclasses; names without a prefix are Brick’s.'),
  status: anyOf(assetStatuses).describe('One, or several with commas between; absent: all but retired.'),
  criticality: anyOf(criticalities),
  state: z.enum(origins).optional(),
  source: text(64).optional().describe('The building model that it comes from.'),
  parent_id: Id.optional().describe('Its parts.'),
  location_id: Id.optional().describe('What lies in this place itself.'),
  manufacturer: text(200).optional(),
  model: text(200).optional(),
  serial_number: text(200).optional(),
  barcode: text(200).optional(),
  external_id: text(255).optional(),
  tag: text(64).optional(),
  uri: text(2048).optional().describe('A # in it is %23 in a query.'),
});
export type AssetFilter = Omit<z.output<typeof AssetQuery>, ListFields>;
