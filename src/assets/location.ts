import { z } from 'zod';
import { Id, Instant, text } from '../platform/fields.ts';
import { PageQuery } from '../platform/paging.ts';

/** A place within a site: a building, a floor, a room, a zone. Building models make them, in trees. */
export const Location = z
  .object({
    id: Id,
    site: z.string().describe('The slug of its site.'),
    name: z.string(),
    class: z.string().nullable().describe('A Brick class, such as brick:Floor.'),
    parent_id: Id.nullable().describe('The place that it is part of.'),
    external_id: z.string().describe('What the model that made it calls it.'),
    created_at: Instant,
    updated_at: Instant,
  })
  .meta({ id: 'Location' });
export type Location = z.infer<typeof Location>;

export const LocationQuery = PageQuery.extend({ class: text(200).optional(), parent_id: Id.optional() });
export type LocationFilter = Omit<z.output<typeof LocationQuery>, 'limit' | 'offset' | 'cursor'>;
