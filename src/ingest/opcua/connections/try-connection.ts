import type { Db } from '../../../platform/database.ts';
import type { Sealer } from '../../../platform/sealer.ts';
import { troubleOf } from '../client/trouble.ts';
import { getAccess } from './get-access.ts';
import type { OpcuaConnectionTest } from './opcua-connection.ts';

/**
 * Opens a session as the stored connection says, and closes it. Throws opcua_connection_not_found; what does not work at the server is in
 * the answer.
 */
export async function tryConnection(
  db: Db,
  which: { readonly tenantId: string; readonly id: string },
  sealer: Sealer,
): Promise<OpcuaConnectionTest> {
  const { spec, means } = await getAccess(db, which, sealer);
  const { openSession } = await import('../client/open-client.ts');
  const startedAt = performance.now();
  const took = () => Math.round(performance.now() - startedAt);
  try {
    const opened = await openSession(spec, means);
    const answer = { works: true, reason: null, detail: null, namespaces: [...opened.namespaces], took_ms: took() };
    await opened.close();
    return answer;
  } catch (error) {
    const { code, detail } = troubleOf(error);
    return { works: false, reason: code, detail, namespaces: [], took_ms: took() };
  }
}
