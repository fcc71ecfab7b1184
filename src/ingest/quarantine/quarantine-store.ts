import { sql } from 'kysely';
import type pg from 'pg';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { payloadBytesMax, type QuarantineEntry } from './quarantine.ts';

/** Writes entries on the connection, and so in the transaction, that the caller has open. */
export async function insertQuarantine(client: pg.ClientBase, entries: readonly QuarantineEntry[]): Promise<void> {
  await client.query({
    name: 'insert-quarantine',
    text: `
      insert into quarantine
        (id, tenant_id, device_id, reason, detail, topic, payload, payload_truncated, received_at)
      select id, tenant_id, device_id, reason, detail, topic, payload, truncated, to_timestamp(received_ms / 1000)
      from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::text[], $5::text[], $6::text[], $7::bytea[], $8::boolean[], $9::float8[])
        as given (id, tenant_id, device_id, reason, detail, topic, payload, truncated, received_ms)`,
    values: [
      entries.map(() => newId()),
      entries.map(({ tenantId }) => tenantId),
      entries.map(({ deviceId }) => deviceId),
      entries.map(({ reason }) => reason),
      entries.map(({ detail }) => storableDetail(detail)),
      entries.map(({ topic }) => storableText(topic)),
      entries.map(({ payload }) => payload.subarray(0, payloadBytesMax)),
      entries.map(({ payload }) => payload.length > payloadBytesMax),
      entries.map(({ receivedMs }) => receivedMs),
    ],
  });
}

const detailLengthMax = 500;
const keptDaysMax = 30;
const keptEntriesMax = 10_000;
const deletedAtOnceMax = 10_000;
/** Of payloads, topics and details: of one tenant, and of all together. */
const tenantBytesMax = 64 * 1_048_576;
const allBytesMax = 1_024 * 1_048_576;

/** Deletes what came more than 30 days ago, and what is beyond the newest 10,000 entries or 64 MiB of a tenant, or 1 GiB of all. */
export async function deleteOldQuarantine(db: Db): Promise<void> {
  // A statement has a time limit, and devices that send nothing else may have filled the table by millions since.
  while ((await deleteSome(db)) > 0);
}

async function deleteSome(db: Db): Promise<number> {
  const { numAffectedRows } = await sql`
    delete from quarantine where id in (
      select q.id from tenant t
      cross join lateral (
        select id, received_at from quarantine where tenant_id = t.id
        order by received_at desc, id desc offset ${keptEntriesMax}
      ) q
      union all
      select q.id from tenant t
      join quarantine q on q.tenant_id = t.id and q.received_at < now() - make_interval(days => ${keptDaysMax})
      union all
      select id from (
        select id, sum(bytes) over (partition by tenant_id order by received_at desc, id desc) as of_tenant,
          sum(bytes) over (order by received_at desc, id desc) as of_all
        from (
          select id, tenant_id, received_at,
            octet_length(payload)::bigint + octet_length(topic) + octet_length(detail) as bytes
          from quarantine
        ) sized
      ) summed where of_tenant > ${tenantBytesMax} or of_all > ${allBytesMax}
      limit ${deletedAtOnceMax}
    )`.execute(db);
  return Number(numAffectedRows ?? 0);
}

/** The detail of a rejection as it is kept: 500 characters at most. */
export function storableDetail(detail: string): string {
  return storableText(detail.slice(0, detailLengthMax));
}

/** PostgreSQL's text holds no NUL, and a device may send one. */
function storableText(text: string): string {
  return text.replaceAll('\0', '�');
}
