/**
 * Signatures under a work order: who signed, the picture of the signature, and what was signed, word for word, with its hash, so that
 * nobody can say later that it was something else.
 */
import { z } from 'zod';
import { Person } from '../../access/person.ts';
import { Id, Instant, InstantText, keptShape, plainText, text } from '../../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery } from '../../platform/list-query.ts';
import { formFields, formOf } from '../parts/form.ts';

export const Signature = z
  .object({
    id: Id,
    signer_name: z.string(),
    role: z.string().describe('In what function: customer, technician, safety officer.'),
    signed_at: Instant,
    document_sha256: z.string().describe('The hash of what was signed, in hexadecimal digits.'),
    media_type: z.string().describe('Of the picture.'),
    bytes: z.int(),
    sha256: z.string().describe('The hash of the picture.'),
    created_by: Id.nullable(),
    created_by_detail: Person.nullable(),
    ...keptShape,
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Signature' });
export type Signature = z.infer<typeof Signature>;

export const SignedDocument = z
  .object({
    document: z
      .string()
      .describe(
        'What was signed: the work order with its checklist, labour, photos and attachments, as JSON with sorted keys.',
      ),
    document_sha256: z.string().describe('The hash of the bytes of document in UTF-8.'),
    is_unchanged: z.boolean().describe('Whether the work order is still what was signed.'),
  })
  .meta({ id: 'SignedDocument' });

export const signatureList = listOf({
  name: 'signatures',
  id: 'work_order_signature.id',
  columns: {
    created_at: columns.instant('work_order_signature.created_at'),
    signed_at: columns.instant('work_order_signature.signed_at'),
    signer_name: columns.text('work_order_signature.signer_name'),
  },
  words: ['work_order_signature.signer_name', 'work_order_signature.role'],
});

export const SignatureQuery = listQuery(signatureList, { external_id: text(255).optional() });
export type SignatureFilter = Omit<z.output<typeof SignatureQuery>, ListFields>;

/** The fields of the form beside the picture. */
export const SignatureFields = z.strictObject({
  signer_name: plainText(200).describe('Who signs.'),
  role: text(100)
    .trim()
    .regex(/^\P{Cc}*$/u, 'must not have control characters')
    .optional(),
  signed_at: InstantText.optional().describe(
    'When, for what was signed without a connection; absent: now. Not in the future.',
  ),
  ...formFields,
});
export type SignatureFields = z.output<typeof SignatureFields>;

export const signatureForm = formOf(SignatureFields, 'image', 'The picture of the signature: PNG, JPEG or WebP.');
