/** Forms with a file: their common fields, and how the document shows them. */
import { z } from 'zod';
import { Metadata, text } from '../../platform/fields.ts';
import { findUnstorable } from '../../platform/storable.ts';

/** A field of a form is a text, also where it is JSON. */
const MetadataField = z.unknown().transform(readJson).pipe(Metadata).optional();

export const formFields = {
  external_id: text(255)
    .transform((value) => (value === '' ? null : value))
    .optional(),
  metadata: MetadataField,
};

function readJson(value: unknown, context: z.RefinementCtx): unknown {
  if (typeof value !== 'string') return value;
  const refuse = (message: string) => {
    context.addIssue({ code: 'custom', message });
    return z.NEVER;
  };
  try {
    const read: unknown = JSON.parse(value);
    const wrong = findUnstorable(read);
    return wrong ? refuse(wrong.message) : read;
  } catch {
    return refuse('must be JSON');
  }
}

/** What all forms with a file have in common, in words. */
export const aboutForm = `
The body is \`multipart/form-data\`, with one file and the other fields as texts before or after it. The type of the file is told by its
content, never by its name or by what the form says: pages, programs, drawings with scripts and documents with macros are 415. Its size
is limited by the installation (413).

Repeatable with an Idempotency-Key for 24 hours: the same file with the same fields is the same request; without one, each request
creates anew.`.trim();

/** The body of an operation that takes a form, as the document shows it; it is read as it streams, and checked then. */
export function formOf(fields: z.ZodObject, file: string, description: string): z.ZodType {
  const { $schema: _, ...shown } = z.toJSONSchema(fields, { io: 'input', unrepresentable: 'any' });
  const properties = {
    ...(shown.properties as object),
    metadata: {
      type: 'string',
      contentMediaType: 'application/json',
      description: "The client's own keys and values.",
    },
    [file]: { type: 'string', format: 'binary', description },
  };
  const form = { ...shown, properties, required: [...(shown.required ?? []), file] };
  return z.unknown().meta({ override: ({ jsonSchema }: { jsonSchema: object }) => Object.assign(jsonSchema, form) });
}
