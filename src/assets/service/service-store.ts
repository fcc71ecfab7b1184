import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import { newestFirst, rowsOf } from '../../platform/page-store.ts';
import type { PageRequest, Rows } from '../../platform/paging.ts';
import { type EntryKind, ServiceEntry } from './service-entry.ts';

type Asked = {
  readonly tenantId: string;
  readonly kinds: readonly EntryKind[];
  /** A piece of equipment, with its parts if they are wanted, or all of a site. */
  readonly of: { readonly assetId: string; readonly withParts: boolean } | { readonly siteId: string };
};

/** The service history of an asset or a site, newest first; what an asset was found to be the same as is part of it. */
export async function listServiceEntries(db: Db, asked: Asked, page: PageRequest): Promise<Rows<ServiceEntry>> {
  const kinds = asked.kinds.map((kind) => branches[kind](asked));
  const ofAll = (parts: readonly RawBuilder<unknown>[]) =>
    db.selectFrom(sql<Row>`(${sql.join(parts, sql` union all `)})`.as('entry'));
  const total = await ofAll(kinds)
    .select((count) => count.fn.countAll().as('count'))
    .executeTakeFirstOrThrow();
  const query = ofAll(kinds.map((kind) => newestOf(kind, page))).selectAll();
  const rows = await newestFirst(query, { table: 'entry', column: 'at', page }).execute();
  return rowsOf(rows, total, toEntry);
}

/** Of one kind no more than a page may show: an index has them in this order, and the three together have to be sorted. */
function newestOf(kind: RawBuilder<unknown>, { after, offset, limit }: PageRequest): RawBuilder<unknown> {
  const [at = ''] = after?.keys ?? [];
  const older = after ? sql`where (one.at, one.id) < (${at}::timestamptz, ${after.id}::uuid)` : sql``;
  const count = sql.lit((after ? 0 : offset) + limit + 1);
  return sql`(select * from (${kind}) one ${older} order by one.at desc, one.id desc limit ${count})`;
}

type Row = {
  id: string;
  kind: EntryKind;
  at: Date;
  asset_id: string | null;
  asset: string;
  title: string;
  status: string;
  detail: Record<string, unknown>;
};

/** The assets whose history is asked for: the asset, what was merged into it, and its parts if they are wanted. */
function among(tenantId: string, { assetId, withParts }: { assetId: string; withParts: boolean }): RawBuilder<unknown> {
  const parts = sql`with recursive within (id) as (
      select ${assetId}::uuid
      union select part.id from asset part join within on part.parent_id = within.id where part.tenant_id = ${tenantId})
    select id from within`;
  const own = withParts ? parts : sql`select ${assetId}::uuid as id`;
  return sql`(select asset.id, asset.name from asset join (${own}) own on own.id in (asset.id, asset.merged_into)
    where asset.tenant_id = ${tenantId})`;
}

/**
 * Joins the rows of a table to the equipment that they are about, and leaves those of what was asked for; of a site, by a column that
 * names it, also those that are about no equipment.
 */
function about({ tenantId, of }: Asked, row: 'w' | 'i' | 'c', siteColumn: string): RawBuilder<unknown> {
  const [assetId, tenant] = [sql.ref(`${row}.asset_id`), sql.ref(`${row}.tenant_id`)];
  if ('assetId' in of)
    return sql`join ${among(tenantId, of)} about on about.id = ${assetId} where ${tenant} = ${tenantId}`;
  return sql`left join asset about on about.id = ${assetId}
    where ${tenant} = ${tenantId} and ${sql.ref(siteColumn)} = ${of.siteId}`;
}

const branches: Record<EntryKind, (asked: Asked) => RawBuilder<unknown>> = {
  work_order: (asked) => sql`
    select w.id, 'work_order' as kind, w.created_at as at, w.asset_id, coalesce(about.name, '') as asset, w.title, w.status,
      jsonb_build_object('number', w.number, 'type', w.type, 'priority', w.priority, 'assigned_to', w.assigned_to,
        'insight', w.insight_id, 'started_at', w.started_at, 'completed_at', w.completed_at, 'resolution', w.resolution,
        'labor_minutes', w.labor_minutes) as detail
    from work_order w ${about(asked, 'w', 'w.site_id')} and w.deleted_at is null`,
  insight: (asked) => sql`
    select i.id, 'insight' as kind, i.opened_at as at, i.asset_id, coalesce(about.name, '') as asset, i.title, i.status,
      jsonb_build_object('rule_id', i.rule_id, 'severity', i.severity, 'category', i.category, 'episodes', i.episodes,
        'resolved_at', i.resolved_at) as detail
    from insight i ${about(asked, 'i', 'i.site_id')} and not i.shadow and i.withdrawn_at is null`,
  status_change: (asked) => sql`
    select c.id, 'status_change' as kind, c.at, c.asset_id, about.name as asset, c.from_status || ' → ' || c.to_status as title,
      c.to_status as status,
      jsonb_build_object('from', c.from_status, 'to', c.to_status, 'reason', c.reason, 'author', c.author) as detail
    from asset_status_change c ${about(asked, 'c', 'about.site_id')}`,
};

function toEntry({ id, kind, at, asset_id, asset, title, status, detail }: Row): ServiceEntry {
  const instants = Object.entries(detail).map(([name, value]) =>
    name.endsWith('_at') && typeof value === 'string' ? [name, formatInstant(new Date(value))] : [name, value],
  );
  const entry = { id, kind, at: formatInstant(at), asset_id, asset, title, status };
  const nothing = { work_order: null, insight: null, status_change: null };
  return ServiceEntry.parse({ ...entry, ...nothing, [kind]: Object.fromEntries(instants) });
}
