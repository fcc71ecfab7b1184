/** Connections are checked whole and then written; each has a device of its own, which comes and goes with it. */
import type { Area } from '../../../access/api-key.ts';
import { newUsername } from '../../../access/register-device.ts';
import { insertRegisteredDevice, revokeDevice } from '../../../access/registered-device-store.ts';
import { findSiteBySlug } from '../../../access/site-store.ts';
import type { Db } from '../../../platform/database.ts';
import { requireMatch } from '../../../platform/etag.ts';
import { newId } from '../../../platform/id.ts';
import { refusals } from '../../../platform/refusals.ts';
import type { Sealer } from '../../../platform/sealer.ts';
import {
  type ConnectionColumns,
  countConnections,
  deleteConnection,
  findConnection,
  insertConnection,
  isNameTaken,
  lockConnection,
  updateConnection,
} from './connection-store.ts';
import { sealIdentity } from './identity.ts';
import type { OpcuaConnection, OpcuaConnectionBody, OpcuaConnectionChange } from './opcua-connection.ts';

/** Each has a session, and a thread of statements, of its own. */
const connectionsMax = 200;

/** The grant of a connection's device, and the topic of its messages. */
export function topicOf(connectionId: string): string {
  return `opcua/${connectionId}`;
}

type By = { readonly tenantId: string; readonly source: 'api' | 'file'; readonly sealer: Sealer; readonly at: Date };

/**
 * Makes a connection, which is read from as soon as a process has seen it. Throws validation_failed for a site that there is
 * not, a name that is taken, and the connection after the two-hundredth.
 */
export async function createConnection(trx: Db, body: OpcuaConnectionBody, by: By): Promise<OpcuaConnection> {
  const { tenantId, at, source } = by;
  const [id, deviceId] = [newId(), newId()];
  const columns = await columnsOf(trx, { ...body }, { ...by, id });
  if ((await countConnections(trx, tenantId)) >= connectionsMax) {
    throw refusals.invalidBody('', 'too_many', `${connectionsMax} connections are the most; delete one first`);
  }
  const device = {
    id: deviceId,
    tenant_id: tenantId,
    name: body.name,
    username: newUsername(`opcua ${body.name}`),
    password_argon2id: null,
    certificate_cn: null,
    publish_grants: [topicOf(id)],
    subscribe_grants: [],
    site_id: columns.site_id ?? null,
    asset_name: null,
    protocol: 'opcua',
    external_id: null,
    metadata: '{}',
  };
  await insertRegisteredDevice(trx, device, at);
  const isNew = await insertConnection(trx, columns as ConnectionColumns, { tenantId, id, deviceId, source, at });
  if (!isNew) throw nameTaken(body.name);
  return getConnection(trx, { tenantId, id });
}

type Which = {
  readonly area: Area;
  readonly id: string;
  readonly ifMatch: string | undefined;
  readonly sealer: Sealer;
  readonly at: Date;
};

/**
 * Changes what the body gives. Throws opcua_connection_not_found, precondition_failed, opcua_connection_of_file and
 * validation_failed.
 */
export async function changeConnection(
  trx: Db,
  body: OpcuaConnectionChange,
  { area, id, ifMatch, sealer, at }: Which,
): Promise<OpcuaConnection> {
  const { tenantId } = area.caller;
  const before = await requirePresent(trx, { area, id, ifMatch });
  if (before.source === 'file') throw refusals.opcuaConnectionOfFile(id);
  if (Object.keys(body).length > 0) await setConnection(trx, body, { tenantId, id, sealer, at });
  return getConnection(trx, { tenantId, id });
}

/** Writes what is given of a connection that is there. Throws validation_failed. */
export async function setConnection(
  trx: Db,
  given: OpcuaConnectionChange,
  { tenantId, id, sealer, at }: Given & { readonly at: Date },
): Promise<void> {
  await updateConnection(trx, await columnsOf(trx, given, { tenantId, id, sealer }), { tenantId, id, at });
}

/** Deletes a connection with its items and gaps; its points and their readings stay, and its device is revoked. */
export async function removeConnection(trx: Db, { area, id, ifMatch, at }: Omit<Which, 'sealer'>): Promise<void> {
  const { tenantId } = area.caller;
  const before = await requirePresent(trx, { area, id, ifMatch });
  if (before.source === 'file') throw refusals.opcuaConnectionOfFile(id);
  await deleteConnection(trx, { tenantId, id });
  await revokeDevice(trx, { tenantId, id: before.device_id, at, isGone: true });
}

/** A connection of the tenant; throws opcua_connection_not_found. */
export async function getConnection(db: Db, which: { tenantId: string; id: string }): Promise<OpcuaConnection> {
  const found = await findConnection(db, which);
  if (!found) throw refusals.opcuaConnectionNotFound(which.id);
  return found;
}

async function requirePresent(trx: Db, { area, id, ifMatch }: Pick<Which, 'area' | 'id' | 'ifMatch'>) {
  const row = await lockConnection(trx, { tenantId: area.caller.tenantId, id });
  if (!row) throw refusals.opcuaConnectionNotFound(id);
  requireMatch(ifMatch, row.updated_at);
  return row;
}

type Given = Pick<By, 'tenantId' | 'sealer'> & { readonly id: string };

async function columnsOf(
  trx: Db,
  body: OpcuaConnectionChange,
  { tenantId, id, sealer }: Given,
): Promise<Partial<ConnectionColumns>> {
  const { site, security, identity, enabled, ...same } = body;
  const found = site === undefined ? undefined : await findSiteBySlug(trx, tenantId, site);
  if (site !== undefined && !found) throw refusals.invalidBody('/site', 'not_found', 'there is no such site');
  if (same.name !== undefined && (await isNameTaken(trx, { tenantId, id, name: same.name })))
    throw nameTaken(same.name);
  const given = Object.entries(same).filter(([, value]) => value !== undefined);
  return {
    ...Object.fromEntries(given),
    ...(found && { site_id: found.id }),
    ...(security && { security_mode: security.mode, security_policy: security.policy }),
    ...(identity && sealIdentity(identity, { sealer, id })),
    ...(enabled !== undefined && { is_enabled: enabled }),
  };
}

function nameTaken(name: string) {
  return refusals.invalidBody('/name', 'conflict', `another connection is called ${JSON.stringify(name)}`);
}
