/** Photos of a work order: as they were taken, and small. */
import { z } from 'zod';
import { Person } from '../../access/person.ts';
import { exampleOf, Id, Instant, kept, keptShape, text } from '../../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery } from '../../platform/list-query.ts';
import { formFields, formOf } from '../parts/form.ts';

const kinds = ['before', 'after', 'other'] as const;

export const Photo = z
  .object({
    id: Id,
    kind: z.enum(kinds).describe('Whether it shows how things were before the work, or after it.'),
    name: z.string(),
    caption: z.string(),
    media_type: z.string(),
    bytes: z.int(),
    sha256: z.string().describe('The hash of the bytes, in hexadecimal digits.'),
    width: z.int().describe('In pixels, as it is seen: after the turn that its camera asks for.'),
    height: z.int(),
    created_by: Id.nullable(),
    created_by_detail: Person.nullable(),
    ...keptShape,
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Photo' });
export type Photo = z.infer<typeof Photo>;

export const photoList = listOf({
  name: 'photos',
  id: 'work_order_photo.id',
  columns: {
    created_at: columns.instant('work_order_photo.created_at'),
    updated_at: columns.instant('work_order_photo.updated_at'),
    name: columns.text('work_order_photo.name'),
  },
  words: ['work_order_photo.name', 'work_order_photo.caption'],
});

export const PhotoQuery = listQuery(photoList, {
  kind: z.enum(kinds).optional(),
  external_id: text(255).optional(),
});
export type PhotoFilter = Omit<z.output<typeof PhotoQuery>, ListFields>;

/** The fields of the form beside its file. */
export const PhotoFields = z.strictObject({
  kind: z.enum(kinds).optional().describe('other, if absent.'),
  name: text(200).optional().describe("What it is called; absent: the file's own name."),
  caption: text(2_000).optional(),
  ...formFields,
});
export type PhotoFields = z.output<typeof PhotoFields>;

export const photoForm = formOf(PhotoFields, 'file', 'A picture: JPEG, PNG, WebP, GIF, AVIF or TIFF.');

export const PhotoChange = z
  .strictObject({
    kind: z.enum(kinds).optional(),
    caption: text(2_000)
      .nullable()
      .transform((value) => value ?? '')
      .optional(),
    ...kept,
  })
  .meta({ id: 'PhotoChange', ...exampleOf({ kind: 'after', caption: 'The new actuator' }) });
export type PhotoChange = z.output<typeof PhotoChange>;
