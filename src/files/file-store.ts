import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import type { KeptFile } from './file.ts';

export type NewFile = Omit<KeptFile, 'createdAt'>;

/** Notes files whose bytes are about to come; until they are claimed nobody sees them. */
export async function insertComing(db: Db, files: readonly NewFile[]): Promise<void> {
  const rows = files.map((file) => ({
    id: file.id,
    tenant_id: file.tenantId,
    storage: file.storage,
    holder_id: file.holderId,
    bytes: file.bytes,
    sha256: file.sha256,
    media_type: file.mediaType,
  }));
  await db.insertInto('file').values(rows).execute();
}

type Which = { readonly tenantId: string; readonly ids: readonly string[] };

/** Makes files that have come those of what is written in the same transaction; false where one was given up meanwhile. */
export async function claimFiles(trx: Db, { tenantId, ids }: Which): Promise<boolean> {
  const { numUpdatedRows } = await trx
    .updateTable('file')
    .set({ state: 'kept', state_at: sql<Date>`now()` })
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', [...ids])
    .where('state', '=', 'coming')
    .executeTakeFirst();
  return Number(numUpdatedRows) === ids.length;
}

/** Gives up files whose owner goes in the same transaction; their bytes go after its commit. */
export async function dropFiles(trx: Db, { tenantId, ids }: Which): Promise<void> {
  await trx
    .updateTable('file')
    .set({ state: 'dropped', state_at: sql<Date>`now()` })
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', [...ids])
    .where('state', '=', 'kept')
    .execute();
}

/** Gives up those that were not claimed, whatever became of the transaction that would have done so. */
export async function dropComing(db: Db, { tenantId, ids }: Which): Promise<void> {
  await db
    .updateTable('file')
    .set({ state: 'dropped', state_at: sql<Date>`now()` })
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', [...ids])
    .where('state', '=', 'coming')
    .execute();
}

/** A file of the tenant that is kept. */
export async function findFile(db: Db, tenantId: string, id: string): Promise<KeptFile | undefined> {
  const row = await db
    .selectFrom('file')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .where('state', '=', 'kept')
    .executeTakeFirst();
  return (
    row && {
      id: row.id,
      tenantId: row.tenant_id,
      storage: row.storage as KeptFile['storage'],
      holderId: row.holder_id,
      bytes: Number(row.bytes),
      sha256: row.sha256,
      mediaType: row.media_type,
      createdAt: row.created_at,
    }
  );
}

/** Gives up files of all tenants that have been coming for longer than any upload takes, by the clock of the database. */
export async function dropAbandoned(db: Db, afterMs: number): Promise<void> {
  await db
    .updateTable('file')
    .set({ state: 'dropped', state_at: sql<Date>`now()` })
    .where('state', '=', 'coming')
    .where('state_at', '<', sql<Date>`now() - ${afterMs} * interval '1 millisecond'`)
    .execute();
}

type Dropped = { readonly id: string; readonly tenantId: string };

/** Files of all tenants that were given up, of one kind of storage, and of one folder where that is the disk. */
export async function listDropped(
  db: Db,
  { storage, holderId, limit }: { storage: string; holderId: string | null; limit: number },
): Promise<Dropped[]> {
  return db
    .selectFrom('file')
    .select(['id', 'tenant_id as tenantId'])
    .where('state', '=', 'dropped')
    .where('storage', '=', storage)
    .where((is) => (holderId === null ? is('holder_id', 'is', null) : is('holder_id', '=', holderId)))
    .orderBy('state_at')
    .limit(limit)
    .execute();
}

/** Forgets files whose bytes are gone. */
export async function deleteDropped(db: Db, ids: readonly string[]): Promise<void> {
  await db
    .deleteFrom('file')
    .where('id', 'in', [...ids])
    .where('state', '=', 'dropped')
    .execute();
}
