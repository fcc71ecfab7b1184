import { z } from 'zod';
import { Id, Instant } from '../platform/fields.ts';

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
