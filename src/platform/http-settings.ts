import { z } from 'zod';
import { optionalText } from './setting-forms.ts';

const perMinute = z
  .literal('off')
  .transform(() => null)
  .or(z.coerce.number().int().min(1).max(1_000_000));
const aRate = 'a number from 1 to 1000000, or off';

const page = optionalText.pipe(
  z
    .string()
    .regex(/^https?:\/\/[^/\s{}]+\/\S*\{id\}\S*$/)
    .refine((text) => URL.canParse(text.replaceAll('{id}', '0')))
    .optional(),
);
const aPage = 'a URL such as https://app.example.com/work/{id}';

/** Who may ask the API, and how often, and where people look; config.ts has all settings. */
export const httpSettings = {
  TRUST_PROXY: {
    schema: optionalText
      .transform((text) => text?.split(',').map((one) => one.trim()) ?? [])
      .pipe(
        z.array(
          z.union([z.literal(['loopback', 'linklocal', 'uniquelocal']), z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]),
        ),
      ),
    mayBe: 'a list of addresses, networks such as 10.0.0.0/8, or loopback, linklocal, uniquelocal',
    for: "the proxies whose X-Forwarded-For is believed; absent: nobody's",
  },
  CORS_ORIGINS: {
    schema: optionalText
      .transform((text) => text?.split(',').map((origin) => origin.trim()) ?? [])
      .pipe(z.array(z.union([z.literal('*'), z.string().regex(/^https?:\/\/[^/\s*]+$/)]))),
    mayBe: 'a list such as https://app.example.com, or `*` for any',
    for: 'web pages of other origins that may use the API; absent: none',
  },
  WORK_ORDER_PAGE: {
    schema: page,
    mayBe: aPage,
    for: 'where people find a work order, for the links of calendars, which lead to PUBLIC_URL and from there; absent: a plain page that says how to ask the API',
  },
  ASSET_PAGE: {
    schema: page,
    mayBe: aPage,
    for: 'the same for a piece of equipment, to which its QR code leads',
  },
  ADDRESS_RATE_LIMIT: {
    schema: perMinute,
    default: '120',
    mayBe: aRate,
    for: 'requests a minute of one address (of IPv6 one /64), where its key has no higher limit of its own',
  },
  INGEST_RATE_LIMIT: {
    schema: perMinute,
    default: '6000',
    mayBe: aRate,
    for: 'requests a minute of one key that bring measurements, which count for nothing else',
  },
};
