import { sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import { type AuditActor, AuditEntry, type AuditFilter } from './audit-entry.ts';
import type { AccessChange } from './record-access.ts';

type NewEntry = AccessChange & {
  readonly id: string;
  readonly tenantId: string;
  readonly at: Date;
  readonly actor: AuditActor;
  readonly address: string | null;
  readonly requestId: string | null;
};

/** Adds an entry to the log. */
export async function insertAuditEntry(trx: Db, entry: NewEntry): Promise<void> {
  const { id, tenantId, at, action, actor, subject, before, after, address, requestId } = entry;
  await trx
    .insertInto('audit_entry')
    .values({
      id,
      tenant_id: tenantId,
      at,
      action,
      actor: JSON.stringify(actor),
      subject_kind: subject.kind,
      subject_id: subject.id,
      subject_name: subject.name,
      before: before && JSON.stringify(before),
      after: after && JSON.stringify(after),
      address,
      request_id: requestId,
    })
    .execute();
}

/** A tenant's entries, in the order that was asked for. */
export async function listAuditEntries(
  db: Db,
  tenantId: string,
  filter: AuditFilter,
  page: ListRequest,
): Promise<Rows<AuditEntry>> {
  let entries = db.selectFrom('audit_entry').where('tenant_id', '=', tenantId);
  if (filter.action) entries = entries.where('action', 'in', filter.action);
  if (filter.subject_kind) entries = entries.where('subject_kind', '=', filter.subject_kind);
  if (filter.subject_id) entries = entries.where('subject_id', '=', filter.subject_id);
  if (filter.actor_id) entries = entries.where(sql<boolean>`actor->>'id' = ${filter.actor_id}`);
  const found = narrowed(entries, page);
  const total = await found.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(found.selectAll('audit_entry'), page).execute();
  return rowsOf(rows, total, toEntry);
}

/** One entry of a tenant. */
export async function findAuditEntry(db: Db, tenantId: string, id: string): Promise<AuditEntry | undefined> {
  const row = await db
    .selectFrom('audit_entry')
    .selectAll()
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  return row && toEntry(row);
}

type Row = {
  id: string;
  at: Date;
  action: string;
  actor: unknown;
  subject_kind: string;
  subject_id: string;
  subject_name: string;
  before: unknown;
  after: unknown;
  address: string | null;
  request_id: string | null;
};

function toEntry(row: Row): AuditEntry {
  const at = formatInstant(row.at);
  const { id, action, actor, before, after, address, request_id } = row;
  const subject = { kind: row.subject_kind, id: row.subject_id, name: row.subject_name };
  return AuditEntry.parse({
    id,
    at,
    action,
    actor,
    subject,
    before,
    after,
    address,
    request_id,
    created_at: at,
    updated_at: at,
  });
}

const refusedKeptDays = 90;

/** Forgets the log-ins that were refused longer ago than that; of everything else nothing goes. */
export async function deleteOldRefusals(db: Db): Promise<void> {
  await sql`delete from audit_entry
    where action = 'session.refused' and at < now() - make_interval(days => ${refusedKeptDays})`.execute(db);
}
