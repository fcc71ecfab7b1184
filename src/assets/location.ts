import { z } from 'zod';
import { Id, Instant, kept, keptShape, plainText, text, unsettable } from '../platform/fields.ts';
import { columns, type ListFields, listOf, listQuery, timestamps } from '../platform/list-query.ts';
import { ClassName, ExternalId, OptionalId, Uri } from './kept-fields.ts';

/** A place within a site: a building, a floor, a room, a zone. People and building models make them, in trees. */
export const Location = z
  .object({
    id: Id,
    site: z.string().describe('The slug of its site.'),
    name: z.string(),
    class: z.string().nullable().describe('A Brick class, such as brick:Floor.'),
    uri: z
      .string()
      .describe(
        'That of an external graph, or one that is made up; equipment that lies there has it as its location_uri.',
      ),
    parent_id: Id.nullable().describe('The place that it is part of.'),
    source: z.string().nullable().describe('The building model that made it, if any.'),
    ...keptShape,
    external_id: keptShape.external_id.describe('What another program calls it, or the building model that made it.'),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Location' });
export type Location = z.infer<typeof Location>;

const settable = {
  class: unsettable(ClassName).describe('A Brick class, such as brick:Floor.'),
  parent_id: OptionalId.describe('A place of the same site that it is part of.'),
  uri: unsettable(Uri).describe('That of an external graph; absent: one is made up.'),
  external_id: ExternalId,
  metadata: kept.metadata,
};

const example = { name: 'Plant room 2', class: 'brick:Mechanical_Room' };

/** A place that a person makes. */
export const NewLocation = z
  .strictObject({
    site: text(63)
      .optional()
      .describe('The slug of its site; absent: that of the path, of parent_id, or of the tenant by default.'),
    name: plainText(200),
    ...settable,
  })
  .meta({ id: 'NewLocation', override: { examples: [example] } });
export type NewLocation = z.output<typeof NewLocation>;

/** What people may change of a place; what a building model says of its own, that alone changes. */
export const LocationChange = z
  .strictObject({ name: plainText(200).optional(), ...settable })
  .meta({ id: 'LocationChange', override: { examples: [{ metadata: { key_safe: 'B' } }] } });
export type LocationChange = z.output<typeof LocationChange>;

export const locationList = listOf({
  name: 'locations',
  id: 'location.id',
  columns: {
    ...timestamps('location'),
    name: columns.text('location.name'),
  },
  words: ['location.name', 'location.class', 'location.external_id'],
});
export const LocationQuery = listQuery(locationList, {
  site: text(63).optional().describe('The slug of a site.'),
  class: text(200).optional().describe('Names without a prefix are Brick’s.'),
  parent_id: Id.optional(),
  source: text(64).optional(),
  external_id: text(500).optional(),
});
export type LocationFilter = Omit<z.output<typeof LocationQuery>, ListFields>;
