import { sql } from 'kysely';
import type { Db } from '../platform/database.ts';
import type { NewEvent } from './event.ts';

/** Appends one event to the log, in the transaction of what it tells of. */
export function appendEvent(trx: Db, event: NewEvent): Promise<void> {
  return appendEvents(trx, [event]);
}

/** Appends events in their order, in one statement and in the transaction of what they tell of; nothing for none. */
export async function appendEvents(trx: Db, events: readonly NewEvent[]): Promise<void> {
  if (events.length === 0) return;
  await sql`
    insert into event (tenant_id, site_id, type, subject_kind, subject_id, asset_id, actor, changes, data)
    select tenant_id, site_id, type, subject_kind, subject_id, asset_id, actor, changes, data
    from unnest(
      ${events.map(({ tenantId }) => tenantId)}::uuid[], ${events.map(({ siteId }) => siteId)}::uuid[],
      ${events.map(({ type }) => type)}::text[], ${events.map(({ subject }) => subject.kind)}::text[],
      ${events.map(({ subject }) => subject.id)}::text[], ${events.map(({ assetId }) => assetId)}::uuid[],
      ${events.map(({ actor }) => JSON.stringify(actor))}::jsonb[],
      ${events.map(({ changes }) => JSON.stringify(changes))}::jsonb[],
      ${events.map(({ data }) => JSON.stringify(data))}::jsonb[]
    ) with ordinality as given (tenant_id, site_id, type, subject_kind, subject_id, asset_id, actor, changes, data, place)
    order by place`.execute(trx);
}

const keptDays = 90;
const deletedAtOnce = 10_000;

/** Forgets events that are older than 90 days, some thousand a statement; any number of processes may do so. */
export async function deleteOldEvents(db: Db): Promise<void> {
  for (let deleted = deletedAtOnce; deleted === deletedAtOnce; ) {
    const { numAffectedRows = 0n } = await sql`
      delete from event where id in (
        select id from event where at < now() - make_interval(days => ${keptDays}) order by id limit ${deletedAtOnce}
        for update skip locked)`.execute(db);
    deleted = Number(numAffectedRows);
  }
}
