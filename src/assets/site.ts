import { z } from 'zod';
import { flag, Id, Instant, kept, keptShape, plainText, text, unsettable } from '../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery, timestamps } from '../platform/list-query.ts';
import { isTimeZone } from '../platform/time-zone.ts';
import { ExternalId, prose } from './kept-fields.ts';
import { OpeningHours } from './opening-hours.ts';

const addressLine = plainText(200).optional();
const Address = z.strictObject({
  street: addressLine,
  city: addressLine,
  region: addressLine,
  postal_code: plainText(20).optional(),
  country: z
    .string()
    .regex(/^[A-Z]{2}$/, 'must be two capital letters (ISO 3166-1), such as GB')
    .optional(),
});

const Geo = z.strictObject({
  latitude: z.number().min(-90).max(90),
  longitude: z.number().min(-180).max(180),
});

/** A place with equipment of its own: a building, a campus, a plant. Its slug names it in paths and topics. */
export const Site = z
  .object({
    id: Id,
    slug: z.string().meta({ example: 'ucl-east-campus' }),
    name: z.string(),
    time_zone: z.string().meta({ description: 'An IANA time zone.', example: 'Europe/London' }),
    discovery: z.boolean().describe('Whether a reading of an unknown asset or point creates it.'),
    address: Address.nullable(),
    geo: Geo.nullable().describe('In degrees (WGS 84).'),
    access_notes: z.string().describe('How to get in: gates, keys, whom to ask.'),
    opening_hours: OpeningHours.nullable().describe('On the clock of the site; null: nobody has said.'),
    parent_site: z.string().nullable().describe('The slug of the site that it is part of.'),
    ...keptShape,
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Site' });
export type Site = z.infer<typeof Site>;

const fields = {
  name: plainText(200),
  time_zone: text(64)
    .refine(isTimeZone, 'must be an IANA time zone, such as Europe/London')
    .meta({ example: 'Europe/London' }),
  discovery: z.boolean().describe('Whether a reading of an unknown asset or point creates it.'),
};

const settable = {
  address: Address.nullable().optional().describe('All of it at once.'),
  geo: Geo.nullable().optional().describe('In degrees (WGS 84).'),
  access_notes: prose(10_000).describe('How to get in: gates, keys, whom to ask.'),
  opening_hours: OpeningHours.nullable().optional().describe('All of it at once, on the clock of the site.'),
  parent_site: unsettable(text(63)).describe('The slug of the site that it is part of.'),
  external_id: ExternalId,
  metadata: kept.metadata,
};

export const NewSite = z
  .strictObject({
    slug: z
      .string()
      .regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'must be small letters, digits and hyphens, 63 at most')
      .describe('Names the site in paths and topics, for good.'),
    name: fields.name.optional().describe('Absent: the slug.'),
    time_zone: fields.time_zone.optional().describe('An IANA time zone; absent: the tenant’s.'),
    discovery: fields.discovery
      .optional()
      .describe('Whether a reading of an unknown asset or point creates it; absent: it does not.'),
    ...settable,
  })
  .meta({
    id: 'NewSite',
    override: {
      examples: [
        {
          slug: 'north-plant',
          name: 'North plant',
          time_zone: 'Europe/London',
          discovery: true,
          address: { street: '1 Mill Lane', city: 'Leeds', postal_code: 'LS1 1AA', country: 'GB' },
          geo: { latitude: 53.796, longitude: -1.548 },
          opening_hours: { monday: [{ from: '07:00', to: '19:00' }] },
        },
      ],
    },
  });
export type NewSite = z.output<typeof NewSite>;

/** What people may change of a site. Its slug stands in the topics of devices. */
export const SiteChange = z
  .strictObject({
    name: fields.name.optional(),
    time_zone: fields.time_zone.optional().describe('An IANA time zone.'),
    discovery: fields.discovery.optional(),
    ...settable,
  })
  .meta({ id: 'SiteChange', override: { examples: [{ name: 'North plant', access_notes: 'Ring at gate 2.' }] } });
export type SiteChange = z.output<typeof SiteChange>;

export const siteList = listOf({
  name: 'sites',
  id: 'site.id',
  columns: {
    ...timestamps('site'),
    name: columns.text('site.name'),
    slug: columns.text('site.slug'),
  },
  words: ['site.name', 'site.slug', 'site.external_id'],
});
export const SiteQuery = listQuery(siteList, {
  discovery: flag(),
  parent_site: text(63).optional().describe('The slug of a site: those that are part of it.'),
  external_id: text(255).optional(),
});
export type SiteFilter = Omit<z.output<typeof SiteQuery>, ListFields>;
