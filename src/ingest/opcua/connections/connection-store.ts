import { type SelectQueryBuilder, sql } from 'kysely';
import type { Db } from '../../../platform/database.ts';
import { formatInstant } from '../../../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../../platform/paging.ts';
import type { DB } from '../../../platform/schema.ts';
import { laterThanBefore } from '../../../platform/version-store.ts';
import type { ConnectionState, SecurityMode, SecurityPolicy } from '../connection.ts';
import { OpcuaConnection, type OpcuaConnectionFilter } from './opcua-connection.ts';

/** What people set of a connection, as its row has it. */
export type ConnectionColumns = {
  readonly site_id: string;
  readonly name: string;
  readonly endpoint_url: string;
  readonly security_mode: SecurityMode;
  readonly security_policy: SecurityPolicy;
  readonly identity: 'anonymous' | 'username' | 'certificate';
  readonly username: string | null;
  readonly secret_sealed: Buffer | null;
  readonly certificate_fingerprint: string | null;
  readonly publishing_interval_ms: number;
  readonly sampling_interval_ms: number;
  readonly bridge_ms: number;
  readonly history: 'auto' | 'off';
  readonly is_enabled: boolean;
  readonly writable_nodes: string[];
};

type Which = { readonly tenantId: string; readonly id: string };

/** Connections of a tenant, newest first. */
export async function listConnections(
  db: Db,
  tenantId: string,
  { filter, page }: { filter: OpcuaConnectionFilter; page: ListRequest },
): Promise<Rows<OpcuaConnection>> {
  let connections = narrowed(connectionsOf(db, tenantId), page);
  if (filter.site !== undefined) connections = connections.where('site.slug', '=', filter.site);
  if (filter.state !== undefined) connections = connections.where('opcua_connection.state', '=', filter.state);
  if (filter.enabled !== undefined) connections = connections.where('is_enabled', '=', filter.enabled);
  const total = await connections.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(shown(connections), page).execute();
  return rowsOf(rows, total, toConnection);
}

/** One connection of a tenant. */
export async function findConnection(db: Db, { tenantId, id }: Which): Promise<OpcuaConnection | undefined> {
  const row = await shown(connectionsOf(db, tenantId)).where('opcua_connection.id', '=', id).executeTakeFirst();
  return row && toConnection(row);
}

/** The row of a connection, held until the transaction ends. */
export function lockConnection(trx: Db, { tenantId, id }: Which) {
  return trx
    .selectFrom('opcua_connection')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .forUpdate()
    .executeTakeFirst();
}

/** All connections that a file has set, of whatever tenant, held until the transaction ends. */
export function listFileConnections(trx: Db) {
  return trx
    .selectFrom('opcua_connection')
    .innerJoin('site', 'site.id', 'opcua_connection.site_id')
    .selectAll('opcua_connection')
    .select('site.slug')
    .where('source', '=', 'file')
    .forUpdate('opcua_connection')
    .execute();
}

/** How many connections a tenant has. */
export async function countConnections(db: Db, tenantId: string): Promise<number> {
  const { count } = await db
    .selectFrom('opcua_connection')
    .select((all) => all.fn.countAll().as('count'))
    .where('tenant_id', '=', tenantId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

type New = Which & { readonly deviceId: string; readonly source: 'api' | 'file'; readonly at: Date };

/** Adds a connection; false, adding nothing, where the tenant has one of that name. */
export async function insertConnection(
  trx: Db,
  columns: ConnectionColumns,
  { tenantId, id, deviceId, source, at }: New,
): Promise<boolean> {
  const state: ConnectionState = columns.is_enabled ? 'connecting' : 'disabled';
  const inserted = await trx
    .insertInto('opcua_connection')
    .values({
      ...columns,
      id,
      tenant_id: tenantId,
      device_id: deviceId,
      source,
      state,
      state_since: at,
      created_at: at,
      updated_at: at,
    })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'name']).doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted !== undefined;
}

/** Changes columns of a connection, and its state where it was switched off or on again; whoever reads it takes up the rest. */
export async function updateConnection(
  trx: Db,
  columns: Partial<ConnectionColumns>,
  { tenantId, id, at }: Which & { readonly at: Date },
): Promise<void> {
  const enabled = columns.is_enabled;
  await trx
    .updateTable('opcua_connection')
    .set({
      ...columns,
      version: sql`version + 1`,
      updated_at: laterThanBefore(at),
      ...(enabled !== undefined && {
        state: sql<string>`case when ${!enabled}::boolean then 'disabled' when state = 'disabled' then 'connecting' else state end`,
        reason: sql<string>`case when ${!enabled}::boolean then null else reason end`,
        detail: sql<string>`case when ${!enabled}::boolean then null else detail end`,
        state_since: sql<Date>`case when ${!enabled}::boolean = (state = 'disabled') then state_since else ${at} end`,
      }),
    })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

/** Whether the tenant has another connection of that name. */
export async function isNameTaken(db: Db, { tenantId, id, name }: Which & { name: string }): Promise<boolean> {
  const found = await db
    .selectFrom('opcua_connection')
    .select('id')
    .where('tenant_id', '=', tenantId)
    .where('name', '=', name)
    .where('id', '!=', id)
    .executeTakeFirst();
  return found !== undefined;
}

/** Deletes a connection with its items, its gaps and what was found at its server. */
export async function deleteConnection(trx: Db, { tenantId, id }: Which): Promise<void> {
  await trx.deleteFrom('opcua_connection').where('tenant_id', '=', tenantId).where('id', '=', id).execute();
}

function connectionsOf(db: Db, tenantId: string) {
  return db
    .selectFrom('opcua_connection')
    .innerJoin('site', 'site.id', 'opcua_connection.site_id')
    .where('opcua_connection.tenant_id', '=', tenantId);
}

const ofConnection = sql.raw('connection_id = opcua_connection.id');

const itemCounts = sql<Record<'total' | 'monitored' | 'polled' | 'failing' | 'gone', number>>`(
  select json_build_object('total', count(*), 'monitored', count(*) filter (where state = 'monitored'),
    'polled', count(*) filter (where state = 'polled'), 'failing', count(*) filter (where state = 'failing'),
    'gone', count(*) filter (where state = 'gone'))
  from opcua_item where ${ofConnection})`;

const openGaps = sql<number>`(
  select count(*)::integer from opcua_gap where ${ofConnection} and state in ('open', 'filling'))`;

function shown<O>(query: SelectQueryBuilder<DB, 'opcua_connection' | 'site', O>) {
  return query
    .selectAll('opcua_connection')
    .select(['site.slug', itemCounts.as('items'), openGaps.as('open_gaps')])
    .select(sql<number>`(extract(epoch from now() - opcua_connection.committed_through) * 1000)::float8`.as('lag_ms'));
}

type Row = Awaited<ReturnType<ReturnType<typeof shown>['executeTakeFirstOrThrow']>>;

const instantOrNull = (at: Date | null) => at && formatInstant(at);

function toConnection(row: Row): OpcuaConnection {
  const { id, name, source, device_id, endpoint_url, publishing_interval_ms, sampling_interval_ms, bridge_ms } = row;
  const { history, writable_nodes, username, certificate_fingerprint, state, reason, detail } = row;
  return OpcuaConnection.parse({
    id,
    name,
    site: row.slug,
    source,
    device_id,
    endpoint_url,
    security: { mode: row.security_mode, policy: row.security_policy },
    identity: { kind: row.identity, username, certificate_fingerprint },
    publishing_interval_ms,
    sampling_interval_ms,
    bridge_ms,
    history,
    enabled: row.is_enabled,
    writable_nodes,
    status: {
      state,
      reason,
      detail,
      since: formatInstant(row.state_since),
      server: row.server,
      last_value_at: instantOrNull(row.last_value_at),
      committed_through: instantOrNull(row.committed_through),
      lag_ms: row.lag_ms === null ? null : Math.max(0, row.lag_ms),
      items: row.items,
      open_gaps: row.open_gaps,
    },
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
