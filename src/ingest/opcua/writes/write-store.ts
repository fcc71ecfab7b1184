import type { Db } from '../../../platform/database.ts';
import { formatInstant } from '../../../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../../platform/paging.ts';
import { laterThanBefore } from '../../../platform/version-store.ts';
import { OpcuaWrite } from './write.ts';

type Of = { readonly tenantId: string; readonly connectionId: string };

/** Tries to write through a connection, newest first. */
export async function listWrites(db: Db, { tenantId, connectionId }: Of, page: ListRequest): Promise<Rows<OpcuaWrite>> {
  const of = db.selectFrom('opcua_write').where('tenant_id', '=', tenantId).where('connection_id', '=', connectionId);
  const writes = narrowed(of, page);
  const total = await writes.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(writes.selectAll('opcua_write'), page).execute();
  return rowsOf(rows, total, toWrite);
}

type Asked = Of & Pick<OpcuaWrite, 'id' | 'node' | 'value'> & { readonly by: string; readonly at: Date };

/** Notes that a write is about to be made. */
export async function insertWrite(db: Db, { id, tenantId, connectionId, node, value, by, at }: Asked): Promise<void> {
  await db
    .insertInto('opcua_write')
    .values({
      id,
      tenant_id: tenantId,
      connection_id: connectionId,
      node,
      value: JSON.stringify(value),
      written_by: by,
      created_at: at,
      updated_at: at,
    })
    .execute();
}

type Ended = Pick<OpcuaWrite, 'id' | 'previous' | 'status' | 'detail'> & {
  readonly tenantId: string;
  readonly state: 'written' | 'refused';
  readonly at: Date;
};

/** Notes what came of a write, and returns it. */
export async function endWrite(db: Db, { id, tenantId, previous, at, ...outcome }: Ended): Promise<OpcuaWrite> {
  const row = await db
    .updateTable('opcua_write')
    .set({ ...outcome, previous: previous === null ? null : JSON.stringify(previous), updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow();
  return toWrite(row);
}

type Row = Omit<OpcuaWrite, 'created_at' | 'updated_at' | 'value' | 'previous' | 'state'> & {
  readonly value: unknown;
  readonly previous: unknown;
  readonly state: string;
  readonly created_at: Date;
  readonly updated_at: Date;
};

function toWrite(row: Row): OpcuaWrite {
  return OpcuaWrite.parse({
    ...row,
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
