import type { Db } from '../../../platform/database.ts';
import { refusals } from '../../../platform/refusals.ts';
import { loadApplication } from '../certificates/application.ts';
import { createTrust } from '../certificates/trust.ts';
import { troubleOf } from '../client/trouble.ts';
import type { Sealer } from '../secrets.ts';
import type { OpcuaConnectionTest } from './opcua-connection.ts';
import { findSpec } from './spec-store.ts';

/**
 * Opens a session as the stored connection says, and closes it. Throws opcua_connection_not_found; what does not work at the server is in
 * the answer.
 */
export async function tryConnection(
  db: Db,
  which: { readonly tenantId: string; readonly id: string },
  sealer: Sealer,
): Promise<OpcuaConnectionTest> {
  const spec = await findSpec(db, which, sealer);
  if (!spec) throw refusals.opcuaConnectionNotFound(which.id);
  const application = await loadApplication(db, sealer);
  const { openSession } = await import('../client/open-client.ts');
  const startedAt = performance.now();
  const took = () => Math.round(performance.now() - startedAt);
  try {
    const opened = await openSession(spec, { application, trust: createTrust(db) });
    const answer = { works: true, reason: null, detail: null, namespaces: [...opened.namespaces], took_ms: took() };
    await opened.close();
    return answer;
  } catch (error) {
    const { code, detail } = troubleOf(error);
    return { works: false, reason: code, detail, namespaces: [], took_ms: took() };
  }
}
