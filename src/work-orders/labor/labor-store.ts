import { sql } from 'kysely';
import { personOf } from '../../access/person.ts';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { formatInstant } from '../../platform/instant.ts';
import { narrowed, readPage } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import { laterThanBefore } from '../../platform/version-store.ts';
import { LaborEntry, type LaborFilter } from './labor-entry.ts';

/** A work order of a tenant. */
type Order = { readonly tenantId: string; readonly orderId: string };

/** The labour on one work order. */
export async function listLabor(
  db: Db,
  order: Order,
  { filter, page }: { filter: LaborFilter; page: ListRequest },
): Promise<Rows<LaborEntry>> {
  let entries = entriesOf(db, order);
  if (filter.user_id !== undefined) entries = entries.where('labor_entry.user_id', '=', filter.user_id);
  if (filter.running !== undefined)
    entries = entries.where('labor_entry.ended_at', filter.running ? 'is' : 'is not', null);
  if (filter.external_id !== undefined) entries = entries.where('labor_entry.external_id', '=', filter.external_id);
  const found = narrowed(entries, page);
  return readPage({ found, shown: shown(found) }, page, toEntry);
}

/** One entry of labour. */
export async function findEntry(db: Db, order: Order, id: string): Promise<LaborEntry | undefined> {
  const row = await shown(entriesOf(db, order)).where('labor_entry.id', '=', id).executeTakeFirst();
  return row && toEntry(row);
}

/** The id of the entry of a person's timer that runs on this work order. */
export async function findRunning(db: Db, order: Order, userId: string): Promise<string | undefined> {
  const row = await entriesOf(db, order)
    .select('labor_entry.id')
    .where('labor_entry.user_id', '=', userId)
    .where('labor_entry.ended_at', 'is', null)
    .executeTakeFirst();
  return row?.id;
}

/** The entries of timers that run on some work orders, each with the id of that. */
export function listRunning(
  db: Db,
  { tenantId, orderIds }: { tenantId: string; orderIds: readonly string[] },
): Promise<{ id: string; orderId: string }[]> {
  return db
    .selectFrom('labor_entry')
    .select(['id', 'work_order_id as orderId'])
    .where('tenant_id', '=', tenantId)
    .where(sql<boolean>`work_order_id = any(${[...orderIds]}::uuid[])`)
    .where('ended_at', 'is', null)
    .orderBy('id')
    .execute();
}

export type NewEntry = {
  readonly userId: string;
  readonly startedAt: Date;
  readonly endedAt: Date | null;
  readonly minutes: number;
  readonly note: string;
  readonly createdBy: string | null;
  readonly externalId: string | null;
  readonly metadata: Record<string, unknown>;
  readonly at: Date;
};

/** Inserts an entry and gives its id; undefined for a second timer of one person. */
export async function insertEntry(trx: Db, { tenantId, orderId }: Order, entry: NewEntry): Promise<string | undefined> {
  const row = await trx
    .insertInto('labor_entry')
    .values({
      ...{ id: newId(), tenant_id: tenantId, work_order_id: orderId },
      user_id: entry.userId,
      started_at: entry.startedAt,
      ended_at: entry.endedAt,
      minutes: entry.minutes,
      note: entry.note,
      created_by: entry.createdBy,
      external_id: entry.externalId,
      metadata: JSON.stringify(entry.metadata),
      created_at: entry.at,
      updated_at: entry.at,
    })
    .onConflict((conflict) => conflict.columns(['tenant_id', 'user_id']).where('ended_at', 'is', null).doNothing())
    .returning('id')
    .executeTakeFirst();
  return row?.id;
}

export type EntryColumns = {
  readonly started_at?: Date;
  readonly ended_at?: Date;
  readonly minutes?: number;
  readonly note?: string;
  readonly external_id?: string | null;
  readonly metadata?: string;
};

/** Changes an entry. */
export async function updateEntry(
  trx: Db,
  { tenantId, orderId }: Order,
  { id, columns, at }: { id: string; columns: EntryColumns; at: Date },
): Promise<void> {
  await trx
    .updateTable('labor_entry')
    .set({ ...columns, updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('work_order_id', '=', orderId)
    .where('id', '=', id)
    .execute();
}

/** Removes an entry. */
export async function deleteEntry(trx: Db, { tenantId, orderId }: Order, id: string): Promise<void> {
  await trx
    .deleteFrom('labor_entry')
    .where('tenant_id', '=', tenantId)
    .where('work_order_id', '=', orderId)
    .where('id', '=', id)
    .execute();
}

function entriesOf(db: Db, { tenantId, orderId }: Order) {
  return db
    .selectFrom('labor_entry')
    .where('labor_entry.tenant_id', '=', tenantId)
    .where('labor_entry.work_order_id', '=', orderId);
}

function shown(entries: ReturnType<typeof entriesOf>) {
  return entries
    .leftJoin('app_user as worker', 'worker.id', 'labor_entry.user_id')
    .selectAll('labor_entry')
    .select(['worker.username', 'worker.email']);
}

type Row = Awaited<ReturnType<ReturnType<typeof shown>['executeTakeFirstOrThrow']>>;

function toEntry(row: Row): LaborEntry {
  return LaborEntry.parse({
    ...row,
    user_detail: personOf(row.user_id, row.username, row.email),
    running: row.ended_at === null,
    started_at: formatInstant(row.started_at),
    ended_at: row.ended_at && formatInstant(row.ended_at),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
