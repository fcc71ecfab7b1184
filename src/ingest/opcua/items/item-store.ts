import { sql } from 'kysely';
import type { Db } from '../../../platform/database.ts';
import { formatInstant } from '../../../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../../platform/paging.ts';
import type { DeadbandKind } from '../connection.ts';
import { type ItemFilter, OpcuaItem } from './item.ts';

/** An item as its row has it. */
export type ItemColumns = {
  readonly id: number;
  readonly node: string;
  readonly field: string;
  readonly siteId: string;
  readonly asset: string;
  readonly point: string;
  readonly samplingIntervalMs: number | null;
  readonly deadbandKind: DeadbandKind;
  readonly deadband: number;
};

/** Items of a connection, those made last first. */
export async function listItems(
  db: Db,
  connectionId: string,
  { filter, page }: { filter: ItemFilter; page: ListRequest },
): Promise<Rows<OpcuaItem>> {
  const items = narrowed(filtered(db, connectionId, filter), page);
  const total = await items.select((all) => all.fn.countAll().as('count')).executeTakeFirstOrThrow();
  return rowsOf(await inOrder(shown(items), page).execute(), total, toItem);
}

/** Those of these nodes' fields that are items already, in the order in which they are given. */
export async function findItems(
  db: Db,
  connectionId: string,
  wanted: readonly { node: string; field: string }[],
): Promise<(ItemColumns & { ordinal: number })[]> {
  const { rows } = await sql<ItemColumns & { ordinal: number }>`
    select given.ordinal::integer, ${itemColumns}
    from unnest(${wanted.map(({ node }) => node)}::text[], ${wanted.map(({ field }) => field)}::text[])
      with ordinality as given (node, field, ordinal)
    join opcua_item i on i.connection_id = ${connectionId} and i.node = given.node and i.field = given.field`.execute(
    db,
  );
  return rows;
}

type PointNames = { readonly siteId: string; readonly asset: string; readonly point: string };

/** Those of a connection's items that are one of these points, each with the place of its point among them. */
export async function findItemsOfPoints(
  db: Db,
  connectionId: string,
  points: readonly PointNames[],
): Promise<(ItemColumns & { ordinal: number })[]> {
  const { rows } = await sql<ItemColumns & { ordinal: number }>`
    select given.ordinal::integer, ${itemColumns}
    from unnest(${points.map(({ siteId }) => siteId)}::uuid[], ${points.map(({ asset }) => asset)}::text[],
      ${points.map(({ point }) => point)}::text[]) with ordinality as given (site_id, asset, point, ordinal)
    join opcua_item i on i.connection_id = ${connectionId} and i.site_id = given.site_id and i.asset = given.asset
      and i.point = given.point`.execute(db);
  return rows;
}

const itemColumns = sql.raw(`
  i.id, i.node, i.field, i.site_id as "siteId", i.asset, i.point, i.sampling_interval_ms as "samplingIntervalMs",
  i.deadband_kind as "deadbandKind", i.deadband`);

/** How many items a connection has. */
export async function countItems(db: Db, connectionId: string): Promise<number> {
  const { count } = await db
    .selectFrom('opcua_item')
    .select((all) => all.fn.countAll().as('count'))
    .where('connection_id', '=', connectionId)
    .executeTakeFirstOrThrow();
  return Number(count);
}

/** Adds items, and changes those whose node and field are there; two may exchange their points. */
export async function writeItems(
  trx: Db,
  { tenantId, connectionId }: { tenantId: string; connectionId: string },
  items: readonly ItemColumns[],
): Promise<void> {
  const column = <K extends keyof ItemColumns>(name: K) => items.map((item) => item[name]);
  await sql`
    insert into opcua_item (connection_id, tenant_id, id, node, field, site_id, asset, point, sampling_interval_ms, deadband_kind, deadband)
    select ${connectionId}, ${tenantId}, given.*
    from unnest(${column('id')}::integer[], ${column('node')}::text[], ${column('field')}::text[], ${column('siteId')}::uuid[],
      ${column('asset')}::text[], ${column('point')}::text[], ${column('samplingIntervalMs')}::integer[],
      ${column('deadbandKind')}::text[], ${column('deadband')}::float8[]) as given
    on conflict (connection_id, node, field) do update
    set site_id = excluded.site_id, asset = excluded.asset, point = excluded.point,
        sampling_interval_ms = excluded.sampling_interval_ms, deadband_kind = excluded.deadband_kind,
        deadband = excluded.deadband`.execute(trx);
}

export type ItemSettings = {
  readonly sampling_interval_ms?: number | null | undefined;
  readonly deadband?: { readonly kind: DeadbandKind; readonly value: number } | undefined;
};

/** Changes those items of a connection that are meant, and returns how many there are. */
export async function updateItems(
  trx: Db,
  connectionId: string,
  { filter, settings }: { filter: ItemFilter; settings: ItemSettings },
): Promise<number> {
  const { sampling_interval_ms: sampling, deadband } = settings;
  const { numUpdatedRows } = await trx
    .updateTable('opcua_item')
    .set({
      ...(sampling !== undefined && { sampling_interval_ms: sampling }),
      ...(deadband && { deadband_kind: deadband.kind, deadband: deadband.value }),
    })
    .where('connection_id', '=', connectionId)
    .where('id', 'in', filtered(trx, connectionId, filter).select('i.id'))
    .executeTakeFirst();
  return Number(numUpdatedRows);
}

/** Deletes those items of a connection that are meant, and returns how many there were; points and readings stay. */
export async function deleteItems(trx: Db, connectionId: string, filter: ItemFilter): Promise<number> {
  const { numDeletedRows } = await trx
    .deleteFrom('opcua_item')
    .where('connection_id', '=', connectionId)
    .where('id', 'in', filtered(trx, connectionId, filter).select('i.id'))
    .executeTakeFirst();
  return Number(numDeletedRows);
}

/** Makes whoever reads the connection take up its items anew; ids before `nextItemId` are not given again. */
export async function raiseVersion(trx: Db, connectionId: string, nextItemId?: number): Promise<void> {
  await trx
    .updateTable('opcua_connection')
    .set({ version: sql`version + 1`, ...(nextItemId !== undefined && { next_item_id: nextItemId }) })
    .where('id', '=', connectionId)
    .execute();
}

/** What the last look at the server has found of these nodes' fields, in their order. */
export async function findFoundNodes(
  db: Db,
  connectionId: string,
  wanted: readonly { node: string; field: string }[],
): Promise<{ ordinal: number; unit: string | null; low: number | null; high: number | null }[]> {
  const { rows } = await sql<{ ordinal: number; unit: string | null; low: number | null; high: number | null }>`
    select given.ordinal::integer, n.unit, n.range_low as low, n.range_high as high
    from unnest(${wanted.map(({ node }) => node)}::text[], ${wanted.map(({ field }) => field)}::text[])
      with ordinality as given (node, field, ordinal)
    join opcua_node n on n.connection_id = ${connectionId} and n.node = given.node and n.field = given.field`.execute(
    db,
  );
  return rows;
}

/** The last look at the server's nodes tells, too: but what is read is there, whatever a look has overlooked. */
const shownState = sql<string>`(
  case when n.gone_at is not null and i.state not in ('monitored', 'polled') then 'gone' else i.state end)`;

function filtered(db: Db, connectionId: string, filter: ItemFilter) {
  const { ids, nodes, site, asset, state, q } = filter;
  let items = db
    .selectFrom('opcua_item as i')
    .innerJoin('site', 'site.id', 'i.site_id')
    .leftJoin('opcua_node as n', (join) =>
      join
        .onRef('n.connection_id', '=', 'i.connection_id')
        .onRef('n.node', '=', 'i.node')
        .onRef('n.field', '=', 'i.field'),
    )
    .where('i.connection_id', '=', connectionId);
  if (ids) items = items.where(sql<boolean>`i.id = any(${ids}::integer[])`);
  if (nodes) items = items.where(sql<boolean>`i.node = any(${nodes}::text[])`);
  if (site !== undefined) items = items.where('site.slug', '=', site);
  if (asset !== undefined) items = items.where('i.asset', '=', asset);
  if (state !== undefined) items = items.where(shownState, '=', state);
  if (q !== undefined) {
    // position(), not like: what people look for has % and _ in it.
    items = items.where(
      sql<boolean>`position(lower(${q}) in lower(concat_ws(' ', i.node, i.field, n.browse_path, i.asset, i.point))) > 0`,
    );
  }
  return items;
}

function shown(items: ReturnType<typeof filtered>) {
  return items.selectAll('i').select(['site.slug', 'n.browse_path', shownState.as('shown_state')]);
}

type Row = Awaited<ReturnType<ReturnType<typeof shown>['executeTakeFirstOrThrow']>>;

function toItem(row: Row): OpcuaItem {
  const { id, node, field, asset, point, sampling_interval_ms, deadband_kind, deadband, status, data_type } = row;
  const { state, shown_state, detail, revised_bridge_ms, revised_sampling_ms } = row;
  const isOverlooked = shown_state === 'gone' && state !== 'gone';
  return OpcuaItem.parse({
    id,
    node,
    field,
    site: row.slug,
    asset,
    point,
    browse_path: row.browse_path,
    sampling_interval_ms,
    deadband: { kind: deadband_kind, value: deadband },
    state: shown_state,
    status,
    detail: isOverlooked ? 'The last look at the server did not find the node.' : detail,
    since: formatInstant(row.state_since),
    data_type,
    revised_sampling_interval_ms: revised_sampling_ms,
    revised_bridge_ms,
  });
}
