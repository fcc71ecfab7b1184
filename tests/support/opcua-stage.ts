/** Connections to OPC-UA servers in a database, with items, and what became of them. */
import { randomUUID } from 'node:crypto';
import { type Device, toDevice } from '../../src/access/device.ts';
import { OpcuaConnectionBody } from '../../src/ingest/opcua/connections/opcua-connection.ts';
import { createConnection } from '../../src/ingest/opcua/connections/set-connection.ts';
import type { Database } from '../../src/platform/database.ts';
import { createSealer } from '../../src/platform/sealer.ts';
import { numberName } from './opcua-names.ts';
import { nodeKey } from './opcua-server.ts';

export const sealer = createSealer('a secret for tests');

export type TestConnection = { readonly id: string; readonly device: Device };

export type NewItem = {
  readonly id: number;
  readonly point: string;
  readonly node?: string;
  readonly asset?: string;
  readonly field?: string;
};

/** A tenant with a site `north`, where discovery is on; resolves with its id. */
export async function addTenant({ pool }: Database): Promise<string> {
  const id = randomUUID();
  await pool.query(`insert into tenant (id, name) values ($1, 'test')`, [id]);
  await pool.query(
    `insert into site (id, tenant_id, slug, name, discovery, time_zone, shard) values ($1, $2, 'north', 'north', true, 'UTC', 7)`,
    [randomUUID(), id],
  );
  return id;
}

/** A connection of the tenant in the clear, with items. */
export async function addConnection(
  database: Database,
  tenantId: string,
  { items, ...body }: Partial<OpcuaConnectionBody> & { readonly items: readonly NewItem[] },
): Promise<TestConnection> {
  const whole = OpcuaConnectionBody.parse({
    name: `plant ${randomUUID()}`,
    site: 'north',
    endpoint_url: 'opc.tcp://127.0.0.1:1',
    security: { mode: 'none', policy: 'none' },
    publishing_interval_ms: 200,
    sampling_interval_ms: 100,
    bridge_ms: 30_000,
    ...body,
  });
  const made = await database.db
    .transaction()
    .execute((trx) => createConnection(trx, whole, { tenantId, source: 'api', sealer, at: new Date() }));
  await addItems(database, made.id, items);
  const { rows } = await database.pool.query(
    `select id, tenant_id as "tenantId", username, publish_grants as "publishGrants", subscribe_grants as "subscribeGrants"
     from device where id = $1`,
    [made.device_id],
  );
  return { id: made.id, device: toDevice(rows[0]) };
}

/** Adds items to a connection, and says so by its version. */
export async function addItems({ pool }: Database, connectionId: string, items: readonly NewItem[]): Promise<void> {
  await pool.query(
    `insert into opcua_item (connection_id, id, tenant_id, node, field, site_id, asset, point)
     select c.id, i.id, c.tenant_id, i.node, i.field, c.site_id, i.asset, i.point
     from opcua_connection c, unnest($2::integer[], $3::text[], $4::text[], $5::text[], $6::text[])
       as i (id, node, field, asset, point)
     where c.id = $1`,
    [
      connectionId,
      items.map(({ id }) => id),
      items.map(({ node, point }) => node ?? nodeKey(point)),
      items.map(({ field }) => field ?? ''),
      items.map(({ asset }) => asset ?? 'numbers'),
      items.map(({ point }) => point),
    ],
  );
  await pool.query('update opcua_connection set version = version + 1 where id = $1', [connectionId]);
}

/** The numbered nodes of the test server from the first on, as points of their own names. */
export const numberedItems = (count: number): NewItem[] =>
  Array.from({ length: count }, (_, index) => ({ id: index + 1, point: numberName(index) }));

export const nodeOf = (index: number): string => nodeKey(numberName(index));

export const nodeCalled = nodeKey;

/** Which of these numbers some numbered point of a connection has no reading of; the first few of them. */
export async function missingOf(
  { pool }: Database,
  connectionId: string,
  numbers: readonly number[],
): Promise<string[]> {
  const { rows } = await pool.query<{ line: string }>(
    `select i.point || ' ' || n as line
     from opcua_item i cross join unnest($2::integer[]) as n
     where i.connection_id = $1 and i.point ~ '^n[0-9]+$' and not exists (
       select from site s join asset a on a.site_id = s.id and a.name = i.asset
         join point p on p.asset_id = a.id and p.name = i.point join reading r on r.series_id = p.series_id
       where s.id = i.site_id and r.value = n)
     order by n, i.id limit 20`,
    [connectionId, numbers],
  );
  return rows.map(({ line }) => line);
}

// biome-ignore lint/suspicious/noExplicitAny: the row as it is.
export async function statusOf({ pool }: Database, connectionId: string): Promise<any> {
  const { rows } = await pool.query(
    `select c.*, (select json_object_agg(state, count) from (
       select state, count(*) from opcua_item where connection_id = c.id group by state) as s) as items
     from opcua_connection c where id = $1`,
    [connectionId],
  );
  return rows[0];
}

// biome-ignore lint/suspicious/noExplicitAny: the row as it is.
export async function itemOf({ pool }: Database, connectionId: string, id: number): Promise<any> {
  return (await pool.query('select * from opcua_item where connection_id = $1 and id = $2', [connectionId, id]))
    .rows[0];
}

export type GapRow = {
  readonly item_id: number | null;
  readonly from_at: Date;
  readonly to_at: Date | null;
  readonly reason: string;
  readonly state: string;
  readonly detail: string | null;
  readonly items_filled: number;
  readonly items_lost: number;
  readonly readings_found: number;
};

/** The gaps of a connection, in their order. */
export async function gapsOf({ pool }: Database, connectionId: string): Promise<GapRow[]> {
  return (
    await pool.query<GapRow>('select * from opcua_gap where connection_id = $1 order by from_at, id', [connectionId])
  ).rows;
}
