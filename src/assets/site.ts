import { z } from 'zod';
import { Id, Instant, text } from '../platform/fields.ts';

/** A place with equipment of its own: a building, a campus, a plant. Its slug names it in paths and topics. */
export const Site = z
  .object({
    id: Id,
    slug: z.string().meta({ example: 'ucl-east-campus' }),
    name: z.string(),
    time_zone: z.string().meta({ description: 'An IANA time zone.', example: 'Europe/London' }),
    discovery: z.boolean().describe('Whether a reading of an unknown asset or point creates it.'),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Site' });
export type Site = z.infer<typeof Site>;

const fields = {
  name: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .regex(/^\P{Cc}*$/u, 'must not have control characters'),
  time_zone: text(64)
    .refine(isTimeZone, 'must be an IANA time zone, such as Europe/London')
    .meta({ example: 'Europe/London' }),
  discovery: z.boolean().describe('Whether a reading of an unknown asset or point creates it.'),
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
  })
  .meta({
    id: 'NewSite',
    examples: [{ slug: 'north-plant', name: 'North plant', time_zone: 'Europe/London', discovery: true }],
  });
export type NewSite = z.output<typeof NewSite>;

/** What people may change of a site. Its slug stands in the topics of devices. */
export const SiteChange = z
  .strictObject({
    name: fields.name.optional(),
    time_zone: fields.time_zone.optional().describe('An IANA time zone.'),
    discovery: fields.discovery.optional(),
  })
  .meta({ id: 'SiteChange', examples: [{ name: 'North plant', discovery: false }] });
export type SiteChange = z.output<typeof SiteChange>;

/** Names in small letters that Intl has known: asking it costs more than a request should, and of letters it takes any case. */
const knownZones = new Set<string>();

/** Whether a text names an IANA time zone that this program can reckon with. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z][\w+/-]*$/.test(name)) return false;
  const key = name.toLowerCase();
  if (knownZones.has(key)) return true;
  try {
    new Intl.DateTimeFormat('en', { timeZone: name });
    knownZones.add(key);
    return true;
  } catch {
    // A RangeError is how Intl says that it knows no such zone.
    return false;
  }
}
