/** A tenant: whose everything is. Its plan decides whether API keys work. */
import { z } from 'zod';
import { exampleOf, Id, Instant, plainText, text } from '../../platform/fields.ts';
import { isTimeZone } from '../../platform/time-zone.ts';

const plans = ['free', 'pro'] as const;

export const Tenant = z
  .object({
    id: Id,
    name: z.string(),
    plan: z.enum(plans).describe('On `free` no API key works; people go on logging in.'),
    livemode: z.boolean().describe('False: the test tenant of a live one, with the plan of that.'),
    time_zone: z.string().meta({ description: 'An IANA time zone.', example: 'Europe/London' }),
    locale: z.string().describe('A language tag (BCP 47).'),
    currency: z
      .string()
      .nullable()
      .describe('The currency of amounts such as estimated_cost_per_day (ISO 4217); null: nobody has said.'),
    default_site: z.string().nullable().describe('The slug of the site of work orders that name no other.'),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Tenant' });
export type Tenant = z.infer<typeof Tenant>;

export const TenantChange = z
  .strictObject({
    name: plainText(200).optional(),
    plan: z.enum(plans).optional().describe('From the next request on all API keys stop working, or work again.'),
    time_zone: text(64)
      .refine(isTimeZone, 'must be an IANA time zone, such as Europe/London')
      .optional()
      .describe('In which dates are reckoned that belong to no site.'),
    locale: text(35)
      .regex(/^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/, 'must be a language tag such as de or pt-BR')
      .optional(),
    currency: text(3)
      .regex(/^([A-Z]{3})?$/, 'must be a currency such as EUR')
      .nullable()
      .optional()
      .transform((code) => (code === '' ? null : code))
      .describe('A code of ISO 4217; null: none.'),
    default_site: text(63)
      .nullable()
      .optional()
      .transform((slug) => (slug === '' ? null : slug))
      .describe('The slug of a site; null: none.'),
  })
  .meta({ id: 'TenantChange', ...exampleOf({ name: 'Betacit', time_zone: 'Europe/London', locale: 'en-GB' }) });
export type TenantChange = z.output<typeof TenantChange>;
