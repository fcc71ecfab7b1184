import { isUtf8 } from 'node:buffer';
import { z } from 'zod';
import type { Area } from '../access/api-key.ts';
import type { Db } from '../platform/database.ts';
import { Id, Instant, text } from '../platform/fields.ts';
import { formatInstant } from '../platform/instant.ts';
import { newestFirst, rowsOf } from '../platform/page-store.ts';
import { PageQuery, type PageRequest, type Rows } from '../platform/paging.ts';

/** A message of a device that was refused, with the reason and the message itself. */
export const QuarantinedMessage = z
  .object({
    id: Id,
    reason: z.string().meta({ example: 'unknown_point' }),
    detail: z.string(),
    topic: z.string(),
    payload: z.string().describe('As text where it is UTF-8, else in Base64; payload_encoding tells.'),
    payload_encoding: z.enum(['utf8', 'base64']),
    payload_truncated: z.boolean(),
    device_id: Id.nullable(),
    device: z.string().nullable().describe('The name of the device.'),
    received_at: Instant,
  })
  .meta({ id: 'QuarantinedMessage' });
export type QuarantinedMessage = z.infer<typeof QuarantinedMessage>;

export const QuarantineQuery = PageQuery.extend({
  reason: text(100).optional(),
  device_id: Id.optional(),
  topic: text(1000).optional(),
});
type QuarantineFilter = Omit<z.output<typeof QuarantineQuery>, 'limit' | 'offset' | 'cursor'>;

/** The tenant's refused messages, newest first. */
export async function listQuarantine(
  db: Db,
  area: Area,
  filter: QuarantineFilter,
  page: PageRequest,
): Promise<Rows<QuarantinedMessage>> {
  let messages = db.selectFrom('quarantine').where('quarantine.tenant_id', '=', area.caller.tenantId);
  if (filter.reason !== undefined) messages = messages.where('reason', '=', filter.reason);
  if (filter.device_id !== undefined) messages = messages.where('device_id', '=', filter.device_id);
  if (filter.topic !== undefined) messages = messages.where('topic', '=', filter.topic);
  const total = await messages.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const query = messages
    .leftJoin('device', 'device.id', 'quarantine.device_id')
    .selectAll('quarantine')
    .select('device.name as device');
  const rows = await newestFirst(query, { table: 'quarantine', column: 'received_at', page }).execute();
  return rowsOf(rows, total, toMessage);
}

function toMessage({ payload, received_at, ...row }: { payload: Buffer; received_at: Date }): QuarantinedMessage {
  const encoding = isUtf8(payload) ? 'utf8' : 'base64';
  return QuarantinedMessage.parse({
    ...row,
    payload: payload.toString(encoding),
    payload_encoding: encoding,
    received_at: formatInstant(received_at),
  });
}
