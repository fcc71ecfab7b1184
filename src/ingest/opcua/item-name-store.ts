import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';

/** A connection as its messages are judged by. */
export type ConnectionOwner = {
  readonly id: string;
  readonly tenantId: string;
  readonly deviceId: string;
  readonly version: number;
};

/** Those of these connections that there are, of whatever tenants: a message's device decides. */
export async function listOwners(db: Db, ids: readonly string[]): Promise<ConnectionOwner[]> {
  const { rows } = await sql<ConnectionOwner>`
    select id, tenant_id as "tenantId", device_id as "deviceId", version
    from opcua_connection where id = any(${ids}::uuid[])`.execute(db);
  return rows;
}

/** The names of an item's point: the slug of its site, its asset and itself. */
export type ItemName = { readonly id: number; readonly site: string; readonly asset: string; readonly point: string };

/** Those of these items of a connection that there are. */
export async function listItemNames(db: Db, connectionId: string, ids: readonly number[]): Promise<ItemName[]> {
  const { rows } = await sql<ItemName>`
    select i.id, s.slug as site, i.asset, i.point
    from opcua_item i join site s on s.id = i.site_id
    where i.connection_id = ${connectionId} and i.id = any(${ids}::integer[])`.execute(db);
  return rows;
}
