import { sql } from 'kysely';
import type { Db } from '../../../platform/database.ts';
import { formatInstant } from '../../../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../../platform/paging.ts';
import type { NodeKey } from '../connection.ts';
import { OpcuaNode } from './discovery.ts';

/** A part of a node's value as a look has found it. */
export type NodeRow = {
  readonly node: NodeKey;
  readonly field: string;
  readonly browsePath: string;
  readonly dataType: string | null;
  readonly unit: string | null;
  readonly low: number | null;
  readonly high: number | null;
  readonly description: string | null;
  readonly isReadable: boolean;
  readonly hasHistory: boolean;
};

const rowsAtOnce = 5_000;
/** Nodes that are gone are kept, the latest of them: their items are told of. */
const goneMax = 50_000;

/** Remembers what a look has found, and returns how many of it are new, or there again. */
export async function upsertNodes(
  trx: Db,
  connectionId: string,
  { rows, at }: { rows: readonly NodeRow[]; at: Date },
): Promise<number> {
  let added = 0;
  for (let from = 0; from < rows.length; from += rowsAtOnce) {
    const some = rows.slice(from, from + rowsAtOnce);
    const column = <K extends keyof NodeRow>(name: K) => some.map((row) => row[name]);
    const { rows: written } = await sql<{ found_at: Date }>`
      insert into opcua_node as n (connection_id, node, field, browse_path, data_type, unit, range_low, range_high, description,
        is_readable, has_history, found_at)
      select ${connectionId}, given.*, ${at}::timestamptz
      from unnest(${column('node')}::text[], ${column('field')}::text[], ${column('browsePath')}::text[],
        ${column('dataType')}::text[], ${column('unit')}::text[], ${column('low')}::float8[], ${column('high')}::float8[],
        ${column('description')}::text[], ${column('isReadable')}::boolean[], ${column('hasHistory')}::boolean[]) as given
      on conflict (connection_id, node, field) do update
      set browse_path = excluded.browse_path, data_type = excluded.data_type, unit = excluded.unit,
          range_low = excluded.range_low, range_high = excluded.range_high, description = excluded.description,
          is_readable = excluded.is_readable, has_history = excluded.has_history,
          found_at = case when n.gone_at is null then n.found_at else excluded.found_at end, gone_at = null
      where (n.browse_path, n.data_type, n.unit, n.range_low, n.range_high, n.description, n.is_readable, n.has_history, n.gone_at)
        is distinct from (excluded.browse_path, excluded.data_type, excluded.unit, excluded.range_low, excluded.range_high,
          excluded.description, excluded.is_readable, excluded.has_history, null)
      returning n.found_at`.execute(trx);
    added += written.filter(({ found_at }) => found_at.getTime() === at.getTime()).length;
  }
  return added;
}

type Seen = {
  readonly rows: readonly NodeRow[];
  /** Nodes that are there, whatever became of their parts. */
  readonly unclear: readonly NodeKey[];
  /** The path below which the look has seen everything; '' for all of the server. */
  readonly below: string;
  readonly at: Date;
};

/** Notes that what a whole look has not found is gone, and returns how much that is. */
export async function markGone(trx: Db, connectionId: string, { rows, unclear, below, at }: Seen): Promise<number> {
  const { numAffectedRows } = await sql`
    update opcua_node n set gone_at = ${at}
    where n.connection_id = ${connectionId} and n.gone_at is null
      and (${below} = '' or n.browse_path = ${below} or starts_with(n.browse_path, ${below} || '/'))
      and not (n.node = any(${unclear}::text[]))
      and not exists (
        select from unnest(${rows.map(({ node }) => node)}::text[], ${rows.map(({ field }) => field)}::text[]) as seen (node, field)
        where seen.node = n.node and seen.field = n.field)`.execute(trx);
  await sql`
    delete from opcua_node where connection_id = ${connectionId} and id in (
      select id from opcua_node where connection_id = ${connectionId} and gone_at is not null
      order by gone_at desc offset ${goneMax})`.execute(trx);
  return Number(numAffectedRows ?? 0);
}

/** Notes when the server was looked at. */
export async function updateLookedAt(trx: Db, connectionId: string, at: Date): Promise<void> {
  await trx.updateTable('opcua_connection').set({ discovered_at: at }).where('id', '=', connectionId).execute();
}

/** When the server was looked at last; null: never. */
export async function findLookedAt(db: Db, connectionId: string): Promise<Date | null> {
  const row = await db
    .selectFrom('opcua_connection')
    .select('discovered_at')
    .where('id', '=', connectionId)
    .executeTakeFirst();
  return row?.discovered_at ?? null;
}

/** How many items read a node that is gone, and is not read all the same. */
export async function countGoneItems(db: Db, connectionId: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`
    select count(*)::integer as count
    from opcua_item i join opcua_node n on n.connection_id = i.connection_id and n.node = i.node and n.field = i.field
    where i.connection_id = ${connectionId} and n.gone_at is not null
      and i.state not in ('monitored', 'polled')`.execute(db);
  return rows[0]?.count ?? 0;
}

/** All that the last look has found and that is not gone, in the order in which it was found. */
export async function listPresentNodes(db: Db, connectionId: string): Promise<NodeRow[]> {
  const { rows } = await sql<NodeRow>`
    select node, field, browse_path as "browsePath", data_type as "dataType", unit, range_low as low, range_high as high,
      description, is_readable as "isReadable", has_history as "hasHistory"
    from opcua_node where connection_id = ${connectionId} and gone_at is null order by id`.execute(db);
  return rows;
}

/** What of a connection's items a plan needs to know. */
export type ItemOfNode = {
  readonly id: number;
  readonly node: NodeKey;
  readonly field: string;
  readonly site: string;
  readonly asset: string;
  readonly point: string;
};

export async function listItemNodes(db: Db, connectionId: string): Promise<ItemOfNode[]> {
  const { rows } = await sql<ItemOfNode>`
    select i.id, i.node, i.field, s.slug as site, i.asset, i.point
    from opcua_item i join site s on s.id = i.site_id where i.connection_id = ${connectionId}`.execute(db);
  return rows;
}

/** The slugs of a tenant's sites. */
export async function listSlugs(db: Db, tenantId: string): Promise<string[]> {
  const rows = await db.selectFrom('site').select('slug').where('tenant_id', '=', tenantId).execute();
  return rows.map(({ slug }) => slug);
}

export type NodeFilter = {
  readonly which?: 'added' | 'gone' | 'unmapped' | undefined;
  readonly q?: string | undefined;
};

/** What was found at a server, the latest first. */
export async function listNodes(
  db: Db,
  connectionId: string,
  { filter, page }: { filter: NodeFilter; page: ListRequest },
): Promise<Rows<OpcuaNode>> {
  let nodes = db
    .selectFrom('opcua_node as n')
    .innerJoin('opcua_connection as c', 'c.id', 'n.connection_id')
    .leftJoin('opcua_item as i', (join) =>
      join
        .onRef('i.connection_id', '=', 'n.connection_id')
        .onRef('i.node', '=', 'n.node')
        .onRef('i.field', '=', 'n.field'),
    )
    .where('n.connection_id', '=', connectionId);
  const { which, q } = filter;
  nodes = which === 'gone' ? nodes.where('n.gone_at', 'is not', null) : nodes.where('n.gone_at', 'is', null);
  if (which === 'added') nodes = nodes.whereRef('n.found_at', '>=', 'c.discovered_at');
  if (which === 'unmapped') nodes = nodes.where('i.id', 'is', null);
  if (q !== undefined) {
    nodes = nodes.where(
      sql<boolean>`position(lower(${q}) in lower(concat_ws(' ', n.browse_path, n.field, n.node, n.description))) > 0`,
    );
  }
  const found = narrowed(nodes, page);
  const total = await found.select((all) => all.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(found.selectAll('n').select('i.id as item_id'), page).execute();
  return rowsOf(rows, total, toNode);
}

type Row = {
  node: string;
  field: string;
  browse_path: string;
  data_type: string | null;
  unit: string | null;
  range_low: number | null;
  range_high: number | null;
  description: string | null;
  is_readable: boolean;
  has_history: boolean;
  found_at: Date;
  gone_at: Date | null;
  item_id: number | null;
};

function toNode(row: Row): OpcuaNode {
  const { node, field, browse_path, data_type, unit, range_low, range_high, description, item_id } = row;
  return OpcuaNode.parse({
    node,
    field,
    browse_path,
    data_type,
    unit,
    range: range_low === null || range_high === null ? null : { low: range_low, high: range_high },
    description,
    readable: row.is_readable,
    history: row.has_history,
    item_id,
    found_at: formatInstant(row.found_at),
    gone_at: row.gone_at && formatInstant(row.gone_at),
  });
}
