import { sql } from 'kysely';
import type { Caller } from '../access/api-key.ts';
import { actorOf } from '../events/event.ts';
import { appendEvents } from '../events/store.ts';
import type { Db } from '../platform/database.ts';
import { updateHeld } from './held-store.ts';

type Move = { readonly caller: Caller; readonly fromAssetId: string; readonly toAssetId: string };

/** The work orders of a piece of equipment become those of another one, which it turned out to be, and name it by its URI; in the caller's transaction. */
export async function moveWorkOrders(trx: Db, { caller, fromAssetId, toAssetId }: Move): Promise<void> {
  const held = await trx
    .selectFrom('work_order')
    .selectAll()
    .where('tenant_id', '=', caller.tenantId)
    .where('asset_id', '=', fromAssetId)
    .orderBy('id')
    .forNoKeyUpdate()
    .execute();
  const uri = sql<string>`(select uri from asset where asset.id = ${toAssetId})`;
  const columns = { asset_id: toAssetId, equipment_uri: uri };
  const events = await updateHeld(trx, held, { columns, actorOf: () => actorOf(caller) });
  await appendEvents(trx, events);
}
