/** The picture of a piece of equipment, by which people know it when they stand before it. */
import { z } from 'zod';
import { Id } from '../platform/fields.ts';

export const AssetImage = z
  .object({
    media_type: z.string(),
    bytes: z.int(),
    sha256: z.string(),
    width: z.int().describe('As it is seen, in pixels.'),
    height: z.int(),
  })
  .meta({ id: 'AssetImage' });

/** The same as it is kept: with its files, the picture and a small one. */
export const KeptImage = z.object({ ...AssetImage.shape, file_id: Id, thumbnail_id: Id });
export type KeptImage = z.infer<typeof KeptImage>;
