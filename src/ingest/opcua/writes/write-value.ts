import type { Db } from '../../../platform/database.ts';
import { newId } from '../../../platform/id.ts';
import { refusals } from '../../../platform/refusals.ts';
import type { Sealer } from '../../../platform/sealer.ts';
import { troubleOf } from '../client/trouble.ts';
import type { WriteOutcome } from '../client/write-node.ts';
import { type Access, getAccess } from '../connections/get-access.ts';
import { getConnection } from '../connections/set-connection.ts';
import type { OpcuaWrite, OpcuaWriteBody } from './write.ts';
import { endWrite, insertWrite } from './write-store.ts';

type Asked = {
  readonly tenantId: string;
  readonly connectionId: string;
  readonly by: string;
  readonly sealer: Sealer;
  readonly now: () => Date;
};

/**
 * Writes one value, noted before it is sent and after it was answered, each in a transaction of its own: a record that could be rolled
 * back would be none. Throws opcua_connection_not_found, and opcua_not_writable, which is noted too, for a node that the connection
 * does not name or while it is off.
 */
export async function writeValue(
  db: Db,
  { node, value }: OpcuaWriteBody,
  { tenantId, connectionId, by, sealer, now }: Asked,
): Promise<OpcuaWrite> {
  const which = { tenantId, id: connectionId };
  const connection = await getConnection(db, which);
  const id = newId();
  await insertWrite(db, { id, tenantId, connectionId, node, value, by, at: now() });
  if (!connection.enabled || !connection.writable_nodes.includes(node)) {
    const detail = connection.enabled ? 'the connection does not allow it' : 'the connection is off';
    await endWrite(db, { id, tenantId, state: 'refused', status: null, detail, previous: null, at: now() });
    throw refusals.opcuaNotWritable(node);
  }
  const { isWritten, ...outcome } = await send(await getAccess(db, which, sealer), { node, value });
  return endWrite(db, { ...outcome, id, tenantId, state: isWritten ? 'written' : 'refused', at: now() });
}

async function send({ spec, means }: Access, { node, value }: OpcuaWriteBody): Promise<WriteOutcome> {
  const { writeNode } = await import('../client/write-node.ts');
  try {
    return await writeNode(spec, { node, value }, means);
  } catch (error) {
    return { isWritten: false, status: null, detail: troubleOf(error).detail, previous: null };
  }
}
