import type { Db } from '../platform/database.ts';
import { KeptImage } from './asset-image.ts';

/** The picture that an asset of a tenant has. */
export async function findImage(
  db: Db,
  { tenantId, id }: { tenantId: string; id: string },
): Promise<KeptImage | undefined> {
  const row = await db
    .selectFrom('asset')
    .select('image')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row?.image ? KeptImage.parse(row.image) : undefined;
}
