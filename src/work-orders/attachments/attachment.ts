/** Files of a work order: kept as they came, given back byte by byte, never run. */
import { z } from 'zod';
import { Person } from '../../access/person.ts';
import { exampleOf, Id, Instant, kept, keptShape, plainText, text } from '../../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery } from '../../platform/list-query.ts';
import { formFields, formOf } from '../parts/form.ts';

export const Attachment = z
  .object({
    id: Id,
    name: z.string(),
    media_type: z.string().describe('Told by the content, whatever the file is called.'),
    bytes: z.int(),
    sha256: z.string().describe('The hash of the bytes, in hexadecimal digits.'),
    created_by: Id.nullable(),
    created_by_detail: Person.nullable(),
    ...keptShape,
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Attachment' });
export type Attachment = z.infer<typeof Attachment>;

export const attachmentList = listOf({
  name: 'attachments',
  id: 'work_order_attachment.id',
  columns: {
    created_at: columns.instant('work_order_attachment.created_at'),
    updated_at: columns.instant('work_order_attachment.updated_at'),
    name: columns.text('work_order_attachment.name'),
  },
  words: ['work_order_attachment.name'],
});

export const AttachmentQuery = listQuery(attachmentList, {
  media_type: text(200).optional(),
  external_id: text(255).optional(),
});
export type AttachmentFilter = Omit<z.output<typeof AttachmentQuery>, ListFields>;

/** The fields of the form beside its file. */
export const AttachmentFields = z.strictObject({
  name: text(200).optional().describe("What it is called; absent: the file's own name."),
  ...formFields,
});
export type AttachmentFields = z.output<typeof AttachmentFields>;

export const attachmentForm = formOf(
  AttachmentFields,
  'file',
  'A picture, a document, a text, an archive or a recording.',
);

export const AttachmentChange = z
  .strictObject({
    name: plainText(200).optional(),
    ...kept,
  })
  .meta({ id: 'AttachmentChange', ...exampleOf({ name: 'Valve datasheet.pdf' }) });
export type AttachmentChange = z.output<typeof AttachmentChange>;
