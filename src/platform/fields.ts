/**
 * The few shapes of which every request and reply is made: texts with a limit, ids, whole numbers in a query, instants.
 * Texts that PostgreSQL cannot hold (NUL, half a surrogate pair) are refused for every route at once: storable.ts.
 */
import { z } from 'zod';
import { parseInstant } from './instant.ts';

/** A public id, in small letters, as ids are compared. Not z.uuid(): documented example ids are not of a version of RFC 9562. */
export const Id = z.guid().toLowerCase();

/** Text of at most `max` UTF-16 units. */
export const text = (max: number) => z.string().max(max);

/** Text of one line: at least one character, none of them a control character, without blanks around it. */
export const plainText = (max: number) =>
  text(max)
    .trim()
    .min(1)
    .regex(/^\P{Cc}*$/u, 'must not have control characters');

/** Something that null, or an empty text, unsets. */
export const unsettable = <T extends z.ZodType>(schema: T) =>
  z
    .union([schema, z.literal(''), z.null()])
    .transform((value) => (value === '' ? null : (value as z.output<T> | null)))
    .optional();

const metadataKeysMax = 50;
const metadataBytesMax = 16_384;

/** What programs keep with an object, whatever it is. */
export const Metadata = z
  .record(z.string(), z.unknown())
  .refine((value) => Object.keys(value).length <= metadataKeysMax, `must have at most ${metadataKeysMax} keys`)
  .refine((value) => Buffer.byteLength(JSON.stringify(value)) <= metadataBytesMax, 'must be at most 16 KiB of JSON')
  .describe("The client's own keys and values, all at once.");

/** By what clients keep hold of an object, as they set it; null, and of a text the empty one, takes away what there is. */
export const kept = {
  external_id: text(255)
    .nullable()
    .transform((value) => value || null)
    .optional()
    .describe('What it is called in another program.'),
  metadata: Metadata.nullable()
    .transform((value) => value ?? {})
    .optional(),
};

/** The same as it is shown. */
export const keptShape = {
  external_id: z.string().nullable().describe('What it is called in another program.'),
  metadata: z.record(z.string(), z.unknown()).describe("The client's own keys and values."),
};

/** Where local times are the latest instants: what is one there is one in every zone. */
const latestZone = 'Etc/GMT+12';
/** An instant in a request, ISO 8601; one without a zone is for its reader to place. */
export const InstantText = text(40).refine(
  (value) => parseInstant(value, latestZone) !== undefined,
  'must be an instant (ISO 8601)',
);

/** An instant in a reply: ISO 8601 in UTC, without `.000`. */
export const Instant = z.iso.datetime();

/**
 * A whole number in a query, in plain decimal digits, optional; `default` stands in the document, and the reader fills it
 * in, so that absent and given can be told apart.
 */
export function wholeNumber(range: { min: number; max: number; default?: number }) {
  const { min, max } = range;
  return z
    .string()
    .regex(/^\d{1,10}$/, `must be a whole number from ${min} to ${max}`)
    .transform(Number)
    .refine((value) => value >= min && value <= max, `must be a whole number from ${min} to ${max}`)
    .optional()
    .meta({
      override: ({ jsonSchema }) => {
        for (const key of Object.keys(jsonSchema)) delete jsonSchema[key as keyof typeof jsonSchema];
        Object.assign(jsonSchema, { type: 'integer', minimum: min, maximum: max });
        if (range.default !== undefined) jsonSchema.default = range.default;
      },
    });
}

/** `true` or `false` in a query. */
export const flag = () =>
  z
    .enum(['true', 'false'])
    .transform((value) => value === 'true')
    .optional();

/** An example of a body; by way of override, since Zod leaves those of schemas that transform out of the document. */
export const exampleOf = (body: object) => ({ override: { examples: [body] } });
