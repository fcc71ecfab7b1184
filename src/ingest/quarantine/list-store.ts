import { isUtf8 } from 'node:buffer';
import { sql } from 'kysely';
import type pg from 'pg';
import type { Area } from '../../access/api-key.ts';
import type { Device } from '../../access/device.ts';
import type { Db } from '../../platform/database.ts';
import { formatInstant, parseInstant } from '../../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../../platform/page-store.ts';
import type { ListRequest, Position, Rows } from '../../platform/paging.ts';
import { storableDetail } from './quarantine-store.ts';
import { QuarantinedMessage, type QuarantineFilter } from './quarantined-message.ts';

/** The tenant's refused messages, newest first. */
export async function listQuarantine(
  db: Db,
  area: Area,
  filter: QuarantineFilter,
  page: ListRequest,
): Promise<Rows<QuarantinedMessage>> {
  const messages = narrowed(filtered(db, area.caller.tenantId, filter), page);
  const total = await messages.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const query = messages
    .leftJoin('device', 'device.id', 'quarantine.device_id')
    .selectAll('quarantine')
    .select('device.name as device');
  const rows = await inOrder(query, page).execute();
  return rowsOf(rows, total, toMessage);
}

/** One of the tenant's refused messages. */
export async function findQuarantined(db: Db, tenantId: string, id: string): Promise<QuarantinedMessage | undefined> {
  const row = await db
    .selectFrom('quarantine')
    .leftJoin('device', 'device.id', 'quarantine.device_id')
    .selectAll('quarantine')
    .select('device.name as device')
    .where('quarantine.tenant_id', '=', tenantId)
    .where('quarantine.id', '=', id)
    .executeTakeFirst();
  return row && toMessage(row);
}

/** A refused message as a replay needs it. */
export type Replayable = {
  readonly id: string;
  readonly topic: string;
  readonly payload: Buffer;
  readonly isTruncated: boolean;
  readonly receivedMs: number;
  /** Null for a device that nobody knows any more. */
  readonly device: Device | null;
  readonly position: Position;
};

export type ReplayQuery = {
  readonly tenantId: string;
  readonly filter: QuarantineFilter & { readonly id?: string };
  readonly after: Position | undefined;
  readonly limit: number;
};

/** The oldest refused messages of a tenant that a filter matches, behind a position. */
export async function listReplayable(db: Db, { tenantId, filter, after, limit }: ReplayQuery): Promise<Replayable[]> {
  let messages = filtered(db, tenantId, filter)
    .leftJoin('device', 'device.id', 'quarantine.device_id')
    .select(['quarantine.id', 'topic', 'payload', 'payload_truncated', 'device_id'])
    .select(['device.username', 'device.publish_grants', 'device.subscribe_grants'])
    .select([
      sql<number>`(extract(epoch from received_at) * 1000)::float8`.as('received_ms'),
      sql<string>`to_char(received_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`.as('position_at'),
    ]);
  if (filter.id !== undefined) messages = messages.where('quarantine.id', '=', filter.id);
  if (after) {
    messages = messages.where(
      sql<boolean>`(received_at, quarantine.id) > (${after.at}::timestamptz, ${after.id}::uuid)`,
    );
  }
  const rows = await messages.orderBy('received_at').orderBy('quarantine.id').limit(limit).execute();
  return rows.map((row) => ({
    id: row.id,
    topic: row.topic,
    payload: row.payload,
    isTruncated: row.payload_truncated,
    receivedMs: row.received_ms,
    device:
      row.device_id === null || row.username === null
        ? null
        : {
            id: row.device_id,
            tenantId,
            username: row.username,
            grants: row.publish_grants ?? [],
            subscribeGrants: row.subscribe_grants ?? [],
          },
    position: { at: row.position_at, id: row.id },
  }));
}

/** Removes a message on the connection, and so in the transaction, in which its readings are stored. */
export async function removeReplayed(client: pg.ClientBase, { tenantId, id }: { tenantId: string; id: string }) {
  await client.query('delete from quarantine where tenant_id = $1 and id = $2', [tenantId, id]);
}

/** Keeps a message with why its replay failed, on the connection that stored what of it was good. */
export async function keepReplayed(
  client: pg.ClientBase,
  { tenantId, id, reason, detail }: { tenantId: string; id: string; reason: string; detail: string },
): Promise<void> {
  await client.query(
    `update quarantine set reason = $3, detail = $4, replays = replays + 1,
       updated_at = greatest(now(), date_trunc('milliseconds', updated_at) + interval '1 millisecond')
     where tenant_id = $1 and id = $2`,
    [tenantId, id, reason, storableDetail(detail)],
  );
}

/** Deletes one message; false when it was not there. */
export async function deleteQuarantined(db: Db, { tenantId, id }: { tenantId: string; id: string }): Promise<boolean> {
  const deleted = await db
    .deleteFrom('quarantine')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst();
  return deleted !== undefined;
}

const deletedAtOnceMax = 10_000;

/** Deletes messages that a filter matches, 10,000 at most, and counts those that are left. */
export async function deleteMatching(
  trx: Db,
  { tenantId, filter }: { tenantId: string; filter: QuarantineFilter },
): Promise<{ deleted: number; remaining: number }> {
  const { numDeletedRows } = await trx
    .deleteFrom('quarantine')
    .where('tenant_id', '=', tenantId)
    .where('id', 'in', filtered(trx, tenantId, filter).select('quarantine.id').limit(deletedAtOnceMax))
    .executeTakeFirstOrThrow();
  const { count } = await filtered(trx, tenantId, filter)
    .select((counted) => counted.fn.countAll().as('count'))
    .executeTakeFirstOrThrow();
  return { deleted: Number(numDeletedRows), remaining: Number(count) };
}

function filtered(db: Db, tenantId: string, filter: QuarantineFilter) {
  let messages = db.selectFrom('quarantine').where('quarantine.tenant_id', '=', tenantId);
  if (filter.reason !== undefined) messages = messages.where('reason', '=', filter.reason);
  if (filter.device_id !== undefined) messages = messages.where('device_id', '=', filter.device_id);
  if (filter.topic !== undefined) messages = messages.where('topic', '=', filter.topic);
  if (filter.topic_prefix !== undefined)
    messages = messages.where(sql<boolean>`starts_with(topic, ${filter.topic_prefix})`);
  if (filter.topic_contains !== undefined)
    messages = messages.where(sql<boolean>`position(lower(${filter.topic_contains}) in lower(topic)) > 0`);
  if (filter.q !== undefined)
    messages = messages.where(sql<boolean>`position(lower(${filter.q}) in lower(detail)) > 0`);
  const [from, before] = [filter['received_at[gte]'], filter['received_at[lt]']].map(
    (given) => given && parseInstant(given, 'UTC'),
  );
  if (from) messages = messages.where('received_at', '>=', from);
  if (before) messages = messages.where('received_at', '<', before);
  return messages;
}

type Row = { payload: Buffer; received_at: Date; updated_at: Date };

function toMessage({ payload, received_at, updated_at, ...row }: Row): QuarantinedMessage {
  const encoding = isUtf8(payload) ? 'utf8' : 'base64';
  return QuarantinedMessage.parse({
    ...row,
    payload: payload.toString(encoding),
    payload_encoding: encoding,
    received_at: formatInstant(received_at),
    updated_at: formatInstant(updated_at),
  });
}
