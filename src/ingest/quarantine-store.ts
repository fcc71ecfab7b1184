import type pg from 'pg';
import { newId } from '../platform/id.ts';
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
      entries.map(({ detail }) => storableText(detail)),
      entries.map(({ topic }) => storableText(topic)),
      entries.map(({ payload }) => payload.subarray(0, payloadBytesMax)),
      entries.map(({ payload }) => payload.length > payloadBytesMax),
      entries.map(({ receivedMs }) => receivedMs),
    ],
  });
}

/** PostgreSQL's text holds no NUL, and a device may send one. */
function storableText(text: string): string {
  return text.replaceAll('\0', '�');
}
