/** Forms that what people write down about sites, places and equipment has in common. */
import { Id, plainText, text, unsettable } from '../platform/fields.ts';
import { parseDate } from '../platform/instant.ts';

/** Text of several lines, which null empties. */
export const prose = (max: number) =>
  text(max)
    .nullable()
    .transform((value) => value ?? '')
    .optional();

export const OptionalId = unsettable(Id);

const uriBytesMax = 2_000;

/** A URI, or one with letters beyond ASCII (RFC 3987), that an index of the database can hold. */
export const Uri = text(uriBytesMax)
  .regex(
    /^[A-Za-z][A-Za-z0-9+.-]*:[^\p{Cc}\s"<>\\^`{|}]+$/u,
    'must be a URI, such as http://example.com/buildings#AHU-01',
  )
  .refine((uri) => Buffer.byteLength(uri) <= uriBytesMax, `must be at most ${uriBytesMax} bytes`);

/** A class, with its prefix or, where it is Brick's, without; canonicalClass has the one name of each. */
export const ClassName = text(160).regex(
  /^([a-z][a-z0-9]{0,31}:)?[A-Za-z][A-Za-z0-9_]{0,127}$/,
  'must be a class, such as brick:Air_Handling_Unit',
);

/** A calendar date. */
export const DateText = text(10)
  .refine((value) => parseDate(value) !== undefined, 'must be a date, such as 2026-04-15')
  .meta({ format: 'date' });

export const ExternalId = unsettable(plainText(255)).describe('What it is called in another program.');
