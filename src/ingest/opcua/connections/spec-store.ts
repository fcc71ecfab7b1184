import type { Device } from '../../../access/device.ts';
import type { Db } from '../../../platform/database.ts';
import type { Sealer } from '../../../platform/sealer.ts';
import type { ConnectionSpec, SecurityMode, SecurityPolicy } from '../connection.ts';
import { openIdentity } from './identity.ts';

/** What a client needs for a connection of a tenant; undefined where there is none. Rejects, naming SECRET, where that is another. */
export async function findSpec(
  db: Db,
  { tenantId, id }: { tenantId: string; id: string },
  sealer: Sealer,
): Promise<ConnectionSpec | undefined> {
  const row = await db
    .selectFrom('opcua_connection as c')
    .innerJoin('device', 'device.id', 'c.device_id')
    .selectAll('c')
    .select(['device.username as device_username', 'publish_grants'])
    .where('c.tenant_id', '=', tenantId)
    .where('c.id', '=', id)
    .executeTakeFirst();
  if (!row) return undefined;
  const { device_id, device_username: username, publish_grants: grants } = row;
  const device: Device = { id: device_id, tenantId, username, grants, subscribeGrants: [] };
  const identity = row.identity as 'anonymous' | 'username' | 'certificate';
  return {
    id,
    tenantId,
    name: row.name,
    device,
    endpointUrl: row.endpoint_url,
    securityMode: row.security_mode as SecurityMode,
    securityPolicy: row.security_policy as SecurityPolicy,
    identity: openIdentity({ id, identity, username: row.username, secret_sealed: row.secret_sealed }, sealer),
    publishingIntervalMs: row.publishing_interval_ms,
    samplingIntervalMs: row.sampling_interval_ms,
    bridgeMs: row.bridge_ms,
    history: row.history as 'auto' | 'off',
    epoch: row.epoch,
  };
}
