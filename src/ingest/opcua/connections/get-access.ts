import type { Db } from '../../../platform/database.ts';
import { refusals } from '../../../platform/refusals.ts';
import type { Sealer } from '../../../platform/sealer.ts';
import { loadApplication } from '../certificates/application.ts';
import { createTrust } from '../certificates/trust.ts';
import type { Application, Trust } from '../client/trust.ts';
import type { ConnectionSpec } from '../connection.ts';
import { findSpec } from './spec-store.ts';

/** What a session of its own with a connection's server takes. */
export type Access = {
  readonly spec: ConnectionSpec;
  readonly means: { readonly application: Application; readonly trust: Trust };
};

/** Throws opcua_connection_not_found; rejects with an error that names SECRET where that is another than when secrets were stored. */
export async function getAccess(
  db: Db,
  which: { readonly tenantId: string; readonly id: string },
  sealer: Sealer,
): Promise<Access> {
  const spec = await findSpec(db, which, sealer);
  if (!spec) throw refusals.opcuaConnectionNotFound(which.id);
  return { spec, means: { application: await loadApplication(db, sealer), trust: createTrust(db) } };
}
