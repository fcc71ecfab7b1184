import { sql } from 'kysely';
import type { Caller } from '../../access/api-key.ts';
import { personOf } from '../../access/person.ts';
import { withinSites } from '../../access/site-store.ts';
import type { Db } from '../../platform/database.ts';
import { newId } from '../../platform/id.ts';
import { formatInstant } from '../../platform/instant.ts';
import { narrowed, readPage } from '../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../platform/paging.ts';
import { inverseOf, keptKinds, type LinkFilter, type LinkKind, WorkOrderLink } from './link.ts';

/** A work order, and who looks at its links: those to work orders that the caller may not see are not there. */
type Which = { readonly caller: Caller; readonly orderId: string };

/** The links of one work order to others that the caller may see. */
export async function listLinks(
  db: Db,
  which: Which,
  { filter, page }: { filter: LinkFilter; page: ListRequest },
): Promise<Rows<WorkOrderLink>> {
  let links = linksOf(db, which);
  if (filter.kind !== undefined) links = links.where(isOfKind(filter.kind, which));
  if (filter.external_id !== undefined) links = links.where('work_order_link.external_id', '=', filter.external_id);
  const found = narrowed(links, page);
  return readPage({ found, shown: shown(found, which) }, page, toLink);
}

/** One link of a work order. */
export async function findLink(db: Db, which: Which, id: string): Promise<WorkOrderLink | undefined> {
  const row = await shown(linksOf(db, which), which).where('work_order_link.id', '=', id).executeTakeFirst();
  return row && toLink(row);
}

type NewLink = {
  readonly tenantId: string;
  readonly kind: LinkKind;
  readonly orderId: string;
  readonly otherId: string;
  readonly createdBy: string | null;
  readonly externalId: string | null;
  readonly metadata: Record<string, unknown>;
  readonly at: Date;
};

/** Inserts a link and gives its id; undefined where the two are so to each other already. */
export async function insertLink(trx: Db, link: NewLink): Promise<string | undefined> {
  const { tenantId, kind, orderId, otherId, createdBy, externalId, metadata, at } = link;
  const isKept = keptKinds.includes(kind);
  const [from_id, to_id] = isKept ? [orderId, otherId] : [otherId, orderId];
  const inserted = await trx
    .insertInto('work_order_link')
    .values({
      ...{ id: newId(), tenant_id: tenantId, kind: isKept ? kind : inverseOf[kind], from_id, to_id },
      ...{ created_by: createdBy, external_id: externalId, metadata: JSON.stringify(metadata) },
      ...{ created_at: at, updated_at: at },
    })
    .onConflict((conflict) => conflict.doNothing())
    .returning('id')
    .executeTakeFirst();
  return inserted?.id;
}

/** Removes a link; false where it is there no more. */
export async function deleteLink(trx: Db, { tenantId, id }: { tenantId: string; id: string }): Promise<boolean> {
  const removed = await trx
    .deleteFrom('work_order_link')
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .returning('id')
    .executeTakeFirst();
  return removed !== undefined;
}

function isOfKind(kind: LinkKind, { orderId }: Which) {
  const from = sql`work_order_link.from_id = ${orderId}::uuid and work_order_link.kind = ${kind}`;
  const to = sql`work_order_link.to_id = ${orderId}::uuid and work_order_link.kind = ${inverseOf[kind]}`;
  return sql<boolean>`(${from} or ${to})`;
}

function linksOf(db: Db, { caller, orderId }: Which) {
  const order = sql`${orderId}::uuid`;
  return db
    .selectFrom('work_order_link')
    .innerJoin('work_order as other', (join) =>
      join.on(
        sql<boolean>`other.id = case when work_order_link.from_id = ${order} then work_order_link.to_id
          else work_order_link.from_id end`,
      ),
    )
    .innerJoin('site', 'site.id', 'other.site_id')
    .where('work_order_link.tenant_id', '=', caller.tenantId)
    .where(sql<boolean>`(work_order_link.from_id = ${order} or work_order_link.to_id = ${order})`)
    .where('other.deleted_at', 'is', null)
    .where(withinSites('other.site_id', caller));
}

function shown(links: ReturnType<typeof linksOf>, { orderId }: Which) {
  return links
    .leftJoin('app_user as creator', 'creator.id', 'work_order_link.created_by')
    .selectAll('work_order_link')
    .select(sql<boolean>`work_order_link.from_id = ${orderId}::uuid`.as('is_from'))
    .select(['other.id as work_order_id', 'other.number', 'other.title', 'other.status', 'site.slug as site'])
    .select(['creator.username', 'creator.email']);
}

type Row = Awaited<ReturnType<ReturnType<typeof shown>['executeTakeFirstOrThrow']>>;

function toLink(row: Row): WorkOrderLink {
  const kind = row.kind as LinkKind;
  return WorkOrderLink.parse({
    ...row,
    kind: row.is_from ? kind : inverseOf[kind],
    created_by_detail: personOf(row.created_by, row.username, row.email),
    created_at: formatInstant(row.created_at),
    updated_at: formatInstant(row.updated_at),
  });
}
