import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { formatInstant } from '../../platform/instant.ts';
import { newestFirst, rowsOf } from '../../platform/page-store.ts';
import type { PageRequest, Rows } from '../../platform/paging.ts';
import { type EntryKind, ServiceEntry } from './service-entry.ts';

type Asked = {
  readonly tenantId: string;
  readonly assetId: string;
  readonly kinds: readonly EntryKind[];
  readonly withParts: boolean;
};

/** The service history of an asset, newest first; what it was found to be the same as is part of it. */
export async function listServiceEntries(db: Db, asked: Asked, page: PageRequest): Promise<Rows<ServiceEntry>> {
  const entries = sql<Row>`(${sql.join(
    asked.kinds.map((kind) => branches[kind](asked)),
    sql` union all `,
  )})`;
  const query = db.selectFrom(entries.as('entry'));
  const total = await query.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await newestFirst(query.selectAll(), { table: 'entry', column: 'at', page }).execute();
  return rowsOf(rows, total, toEntry);
}

type Row = {
  id: string;
  kind: EntryKind;
  at: Date;
  asset_id: string;
  asset: string;
  title: string;
  status: string;
  detail: Record<string, unknown>;
};

/** The assets whose history is asked for: the asset, what was merged into it, and its parts if they are wanted. */
function among({ tenantId, assetId, withParts }: Asked): RawBuilder<unknown> {
  const parts = sql`with recursive within (id) as (
      select ${assetId}::uuid
      union select part.id from asset part join within on part.parent_id = within.id where part.tenant_id = ${tenantId})
    select id from within`;
  const own = withParts ? parts : sql`select ${assetId}::uuid as id`;
  return sql`(select asset.id, asset.name from asset join (${own}) own on own.id in (asset.id, asset.merged_into)
    where asset.tenant_id = ${tenantId})`;
}

const branches: Record<EntryKind, (asked: Asked) => RawBuilder<unknown>> = {
  work_order: (asked) => sql`
    select w.id, 'work_order' as kind, w.created_at as at, w.asset_id, about.name as asset, w.title, w.status,
      jsonb_build_object('number', w.number, 'type', w.type, 'priority', w.priority, 'assigned_to', w.assigned_to,
        'insight', w.insight_id, 'started_at', w.started_at, 'completed_at', w.completed_at, 'resolution', w.resolution,
        'labor_minutes', w.labor_minutes) as detail
    from work_order w join ${among(asked)} about on about.id = w.asset_id
    where w.tenant_id = ${asked.tenantId} and w.deleted_at is null`,
  insight: (asked) => sql`
    select i.id, 'insight' as kind, i.opened_at as at, i.asset_id, about.name as asset, i.title, i.status,
      jsonb_build_object('rule_id', i.rule_id, 'severity', i.severity, 'category', i.category, 'episodes', i.episodes,
        'resolved_at', i.resolved_at) as detail
    from insight i join ${among(asked)} about on about.id = i.asset_id
    where i.tenant_id = ${asked.tenantId} and not i.shadow and i.withdrawn_at is null`,
  status_change: (asked) => sql`
    select c.id, 'status_change' as kind, c.at, c.asset_id, about.name as asset, c.from_status || ' → ' || c.to_status as title,
      c.to_status as status,
      jsonb_build_object('from', c.from_status, 'to', c.to_status, 'reason', c.reason, 'author', c.author) as detail
    from asset_status_change c join ${among(asked)} about on about.id = c.asset_id
    where c.tenant_id = ${asked.tenantId}`,
};

function toEntry({ id, kind, at, asset_id, asset, title, status, detail }: Row): ServiceEntry {
  const instants = Object.entries(detail).map(([name, value]) =>
    name.endsWith('_at') && typeof value === 'string' ? [name, formatInstant(new Date(value))] : [name, value],
  );
  const entry = { id, kind, at: formatInstant(at), asset_id, asset, title, status };
  const nothing = { work_order: null, insight: null, status_change: null };
  return ServiceEntry.parse({ ...entry, ...nothing, [kind]: Object.fromEntries(instants) });
}
