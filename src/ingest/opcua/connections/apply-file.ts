/** The connections of OPCUA_FILE are made as the file says, all or none. */
import { isDeepStrictEqual } from 'node:util';
import { revokeDevice } from '../../../access/registered-device-store.ts';
import { listTenants } from '../../../access/tenant-store.ts';
import type { Db } from '../../../platform/database.ts';
import { Refusal } from '../../../platform/refusal.ts';
import type { Sealer } from '../../../platform/sealer.ts';
import { type FileConnection, readConnectionFile } from './connection-file.ts';
import { deleteConnection, listFileConnections } from './connection-store.ts';
import { givenIdentity, openIdentity } from './identity.ts';
import type { OpcuaConnectionBody } from './opcua-connection.ts';
import { createConnection, setConnection } from './set-connection.ts';

type Given = {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly sealer: Sealer;
  readonly at: Date;
};

/** How many connections were made, changed and deleted. */
export type Applied = { readonly made: number; readonly changed: number; readonly deleted: number };

/** Reads the file and makes its connections what it says; rejects with a line for each mistake, having changed nothing. */
export async function applyConnectionFile(db: Db, path: string, { env, sealer, at }: Given): Promise<Applied> {
  const connections = await readConnectionFile(path, env);
  return db.transaction().execute(async (trx) => {
    const wanted = await byTenant(trx, path, connections);
    const known = await listFileConnections(trx);
    const counts = { made: 0, changed: 0, deleted: 0 };
    for (const row of known) {
      if (wanted.has(keyOf(row.tenant_id, row.name))) continue;
      const which = { tenantId: row.tenant_id, id: row.id };
      await deleteConnection(trx, which);
      await revokeDevice(trx, { ...which, id: row.device_id, at, isGone: true });
      counts.deleted++;
    }
    const rows = new Map(known.map((row) => [keyOf(row.tenant_id, row.name), row]));
    for (const [key, { tenantId, body }] of wanted) {
      const row = rows.get(key);
      const by = { tenantId, source: 'file', sealer, at } as const;
      try {
        if (!row) {
          await createConnection(trx, body, by);
          counts.made++;
        } else if (!isSame(row, body, sealer)) {
          await setConnection(trx, body, { ...by, id: row.id });
          counts.changed++;
        }
      } catch (error) {
        if (!(error instanceof Refusal)) throw error;
        throw new Error(`${path}: connection ${JSON.stringify(body.name)}: ${error.message}`, { cause: error });
      }
    }
    return counts;
  });
}

type Wanted = ReadonlyMap<string, { readonly tenantId: string; readonly body: OpcuaConnectionBody }>;

function keyOf(tenantId: string, name: string): string {
  return `${tenantId} ${name}`;
}

async function byTenant(trx: Db, path: string, connections: readonly FileConnection[]): Promise<Wanted> {
  const wanted = new Map<string, { tenantId: string; body: OpcuaConnectionBody }>();
  const tenants = new Map<string | undefined, string>();
  for (const { tenant, body } of connections) {
    const tenantId = tenants.get(tenant) ?? (await findTenant(trx, path, tenant));
    tenants.set(tenant, tenantId);
    const key = keyOf(tenantId, body.name);
    if (wanted.has(key)) throw new Error(`${path}: two connections are called ${JSON.stringify(body.name)}`);
    wanted.set(key, { tenantId, body });
  }
  return wanted;
}

async function findTenant(trx: Db, path: string, name: string | undefined): Promise<string> {
  const found = await listTenants(trx, name);
  const [only] = found;
  if (only && found.length === 1) return only.id;
  if (found.length > 1) throw new Error(`${path}: there are several tenants; say tenant: and the name of one`);
  throw new Error(name === undefined ? `${path}: there is no tenant yet` : `${path}: there is no tenant ${name}`);
}

type Row = Awaited<ReturnType<typeof listFileConnections>>[number];

function isSame(row: Row, body: OpcuaConnectionBody, sealer: Sealer): boolean {
  const { identity, security, site, enabled, ...rest } = body;
  const { id, username, secret_sealed } = row;
  const kind = row.identity as OpcuaConnectionBody['identity']['kind'];
  const stored = {
    ...Object.fromEntries(Object.keys(rest).map((key) => [key, row[key as keyof Row]])),
    security: { mode: row.security_mode, policy: row.security_policy },
    site: row.slug,
    enabled: row.is_enabled,
    identity: openIdentity({ id, identity: kind, username, secret_sealed }, sealer),
  };
  return isDeepStrictEqual(stored, { ...rest, security, site, enabled, identity: givenIdentity(identity) });
}
