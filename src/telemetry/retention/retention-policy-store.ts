/** The rows of retention policies, for those who set them; every statement names the tenant. */
import { type Kysely, sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { inOrder, narrowed, rowsOf } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import type { DB } from '../../platform/schema.ts';
import { laterThanBefore } from '../../platform/version-store.ts';
import { kept, type Policy } from './retention.ts';
import { columns, keepOfRow } from './retention-store.ts';

/** A policy as it is recorded; `site` is the slug of its site. */
export type PolicyRecord = Policy & {
  readonly id: string;
  readonly site: string | null;
  readonly note: string;
  readonly changedBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

export type PolicyFilter = {
  readonly tenantId: string;
  /** Those of the whole tenant, and of these sites; absent: of all. */
  readonly siteIds?: readonly string[] | undefined;
};

/** A tenant's policies, newest first. */
export async function listPolicies(db: Db, filter: PolicyFilter, page: ListRequest): Promise<Rows<PolicyRecord>> {
  let found = policiesOf(db, filter.tenantId);
  const { siteIds } = filter;
  if (siteIds !== undefined)
    found = found.where((is) =>
      is.or([is('p.site_id', 'is', null), is('p.site_id', '=', sql<string>`any(${siteIds}::uuid[])`)]),
    );
  found = narrowed(found, page);
  const total = await found.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(found.selectAll('p').select('site.slug as site'), page).execute();
  return rowsOf(rows, total, toRecord);
}

/** One of a tenant's policies; `isHeld`: until the transaction ends. */
export async function findPolicy(
  db: Db,
  tenantId: string,
  id: string,
  { isHeld = false } = {},
): Promise<PolicyRecord | undefined> {
  const policy = policiesOf(db, tenantId).selectAll('p').select('site.slug as site').where('p.id', '=', id);
  const row = await (isHeld ? policy.forUpdate('p') : policy).executeTakeFirst();
  return row && toRecord(row);
}

/** How many policies a tenant has. */
export async function countPolicies(db: Db, tenantId: string): Promise<number> {
  const row = await policiesOf(db, tenantId)
    .select((count) => count.fn.countAll<string>().as('count'))
    .executeTakeFirstOrThrow();
  return Number(row.count);
}

type Setting = Pick<PolicyRecord, 'keep' | 'note' | 'changedBy'>;

/** Writes a new policy; undefined where there is one for the same points already. */
export async function insertPolicy(
  trx: Db,
  { tenantId, siteId, class: name, ...setting }: Pick<Policy, 'tenantId' | 'siteId' | 'class'> & Setting,
): Promise<string | undefined> {
  const inserted = await trx
    .insertInto('retention_policy')
    .values({ id: newId(), tenant_id: tenantId, site_id: siteId, class: name, ...rowOf(setting) })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted?.id;
}

/** Changes what a policy says. */
export async function updatePolicy(
  trx: Db,
  { tenantId, id, at, ...setting }: { tenantId: string; id: string; at: Date } & Setting,
): Promise<void> {
  await trx
    .updateTable('retention_policy')
    .set({ ...rowOf(setting), updated_at: laterThanBefore(at) })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

/** Removes a policy; whether it was there. */
export async function deletePolicy(trx: Db, tenantId: string, id: string): Promise<boolean> {
  const { numDeletedRows } = await trx
    .deleteFrom('retention_policy')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .executeTakeFirst();
  return numDeletedRows > 0n;
}

/** Whether any point of a tenant calls itself by a class. */
export async function hasPointOfClass(db: Db, tenantId: string, name: string): Promise<boolean> {
  const { rows } = await sql<{ has: boolean }>`
    select exists (select from point where tenant_id = ${tenantId} and class = ${name}) as has`.execute(db);
  return rows[0]?.has ?? false;
}

function policiesOf(db: Kysely<DB>, tenantId: string) {
  return db
    .selectFrom('retention_policy as p')
    .leftJoin('site', 'site.id', 'p.site_id')
    .where('p.tenant_id', '=', tenantId);
}

function rowOf({ keep, note, changedBy }: Setting) {
  const days = Object.fromEntries(
    kept.map((table) => {
      const said = keep[table];
      return [columns[table], said === undefined ? null : said === Number.POSITIVE_INFINITY ? 0 : said];
    }),
  ) as Record<(typeof columns)[keyof typeof columns], number | null>;
  return { ...days, note, changed_by: changedBy };
}

type Row = Parameters<typeof keepOfRow>[0] & {
  id: string;
  tenant_id: string;
  site_id: string | null;
  site: string | null;
  class: string | null;
  note: string;
  changed_by: string;
  created_at: Date;
  updated_at: Date;
};

function toRecord(row: Row): PolicyRecord {
  return {
    id: row.id,
    tenantId: row.tenant_id,
    siteId: row.site_id,
    site: row.site,
    class: row.class,
    keep: keepOfRow(row),
    note: row.note,
    changedBy: row.changed_by,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
  };
}
