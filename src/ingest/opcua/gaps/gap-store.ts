import { sql } from 'kysely';
import type { Db } from '../../../platform/database.ts';
import { newId } from '../../../platform/id.ts';
import { formatInstant } from '../../../platform/instant.ts';
import { inOrder, narrowed, rowsOf } from '../../../platform/page-store.ts';
import type { ListRequest, Rows } from '../../../platform/paging.ts';
import type { FoundGap } from '../connection.ts';
import { OpcuaGap, type OpcuaGapFilter } from './gap.ts';

type Which = { readonly tenantId: string; readonly connectionId: string };

const keptDays = 90;
const deletedAtOnce = 5_000;
/** A gap that begins so soon after one that waits is the same one, going on. */
const sameMs = 10_000;

/**
 * Records a gap, or that one which still waits goes on; with `lost` it is not to be asked for, for that reason. True where
 * it is another one.
 */
export async function insertGap(
  db: Db,
  { itemId, fromMs, toMs, reason }: FoundGap,
  { tenantId, connectionId, lost }: Which & { readonly lost: string | null },
): Promise<boolean> {
  const state = lost === null ? 'open' : 'lost';
  const { rows } = await sql<{ id: string }>`
    update opcua_gap set to_at = greatest(to_at, to_timestamp(${toMs} / 1000.0)), updated_at = now()
    where id = (
      select id from opcua_gap
      where tenant_id = ${tenantId} and connection_id = ${connectionId} and item_id is not distinct from ${itemId}::integer
        and reason = ${reason} and state = ${state}
        and from_at <= to_timestamp(${fromMs} / 1000.0) and to_at >= to_timestamp((${fromMs - sameMs}) / 1000.0)
      order by from_at desc, id desc limit 1)
    and state = ${state} returning id`.execute(db);
  if (rows.length > 0) return false;
  await sql`
    insert into opcua_gap (id, tenant_id, connection_id, item_id, from_at, to_at, reason, state, detail)
    select ${newId()}, ${tenantId}, id, ${itemId}::integer, to_timestamp(${fromMs} / 1000.0),
      to_timestamp(${Math.max(fromMs, toMs)} / 1000.0), ${reason}, ${state}, ${lost}
    from opcua_connection where id = ${connectionId}`.execute(db);
  return true;
}

/** A gap whose samples are to be looked for; times in ms since 1970, by the server's clock. */
export type OpenGap = {
  readonly id: string;
  readonly itemId: number | null;
  readonly fromMs: number;
  readonly toMs: number;
};

/** Takes the oldest gap of a connection that waits, or was being filled when the program ended; undefined where none does. */
export async function takeGap(db: Db, { tenantId, connectionId }: Which): Promise<OpenGap | undefined> {
  const { rows } = await sql<OpenGap>`
    update opcua_gap set state = 'filling', updated_at = now()
    where tenant_id = ${tenantId} and id = (
      select id from opcua_gap
      where connection_id = ${connectionId} and state in ('open', 'filling') and to_at is not null
      order by from_at, id limit 1)
    returning id, item_id as "itemId", extract(epoch from from_at)::double precision * 1000 as "fromMs",
      extract(epoch from to_at)::double precision * 1000 as "toMs"`.execute(db);
  return rows[0];
}

/** Gives up the gaps of a connection that wait: it does not ask for history any more. */
export async function giveUpGaps(db: Db, { tenantId, connectionId }: Which, detail: string): Promise<void> {
  await sql`
    update opcua_gap set state = 'lost', detail = ${detail}, updated_at = now()
    where tenant_id = ${tenantId} and connection_id = ${connectionId} and state in ('open', 'filling')`.execute(db);
}

export type GapResult = {
  readonly state: 'open' | 'filled' | 'partly' | 'lost';
  readonly detail: string | null;
  readonly itemsFilled: number;
  readonly itemsLost: number;
  readonly readingsFound: number;
};

/** Writes what became of a gap. */
export async function updateGap(
  db: Db,
  { tenantId, id }: { tenantId: string; id: string },
  result: GapResult,
): Promise<void> {
  await db
    .updateTable('opcua_gap')
    .set({
      state: result.state,
      detail: result.detail,
      items_filled: result.itemsFilled,
      items_lost: result.itemsLost,
      readings_found: result.readingsFound,
      updated_at: new Date(),
    })
    .where('tenant_id', '=', tenantId)
    .where('id', '=', id)
    .execute();
}

/** Gaps of a connection of the tenant, the latest first. */
export async function listGaps(
  db: Db,
  { tenantId, connectionId }: Which,
  { filter, page }: { filter: OpcuaGapFilter; page: ListRequest },
): Promise<Rows<OpcuaGap>> {
  let gaps = db.selectFrom('opcua_gap').where('tenant_id', '=', tenantId).where('connection_id', '=', connectionId);
  if (filter.state !== undefined) gaps = gaps.where('state', '=', filter.state);
  if (filter.reason !== undefined) gaps = gaps.where('reason', '=', filter.reason);
  gaps = narrowed(gaps, page);
  const total = await gaps.select((count) => count.fn.countAll().as('count')).executeTakeFirstOrThrow();
  const rows = await inOrder(gaps.selectAll(), page).execute();
  return rowsOf(rows, total, (row) =>
    OpcuaGap.parse({
      ...row,
      from: formatInstant(row.from_at),
      to: row.to_at && formatInstant(row.to_at),
      created_at: formatInstant(row.created_at),
      updated_at: formatInstant(row.updated_at),
    }),
  );
}

/** Forgets gaps of more than 90 days ago, whatever became of them. */
export async function deleteOldGaps(db: Db): Promise<void> {
  for (;;) {
    const { numAffectedRows } = await sql`
      delete from opcua_gap where id in (
        select id from opcua_gap where coalesce(to_at, from_at) < now() - make_interval(days => ${keptDays}) limit ${deletedAtOnce}
      )`.execute(db);
    if (Number(numAffectedRows ?? 0) < deletedAtOnce) return;
  }
}
