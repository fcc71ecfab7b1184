import { sql } from 'kysely';
import { listWorkingKeys } from '../../access/api-keys/key-state-store.ts';
import { listOpenSessions } from '../../access/sessions/session-store.ts';
import type { Db } from '../../platform/database.ts';
import type { Event } from '../event.ts';
import { formatSnapshot, parseSnapshot, type Snapshot } from './snapshot.ts';

/** What a look at the database sees, and its clock then, in ms since 1970. */
export type Look = { readonly snapshot: Snapshot; readonly atMs: number };

/** Begins a look at the database, all of whose statements see the same; `work` gets what that is. */
export function lookingAt<T>(db: Db, work: (trx: Db, look: Look) => Promise<T>): Promise<T> {
  return db
    .transaction()
    .setIsolationLevel('repeatable read')
    .setAccessMode('read only')
    .execute(async (trx) => work(trx, await begin(trx)));
}

/** Few rows of very many are wanted, and a fresh partition has no statistics by which a planner could know. */
async function begin(trx: Db): Promise<Look> {
  const { rows } = await sql<{ snapshot: string; at_ms: number }>`
    select pg_current_snapshot()::text as snapshot, (extract(epoch from clock_timestamp()) * 1000)::float8 as at_ms,
      set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)`.execute(trx);
  const [row] = rows;
  const snapshot = row && parseSnapshot(row.snapshot);
  if (!snapshot) throw new Error(`PostgreSQL gave a snapshot of an unknown form: ${row?.snapshot}`);
  return { snapshot, atMs: row.at_ms };
}

/** An event with what decides who is told of it. */
export type FoundEvent = Omit<Event, 'at'> & {
  readonly at: Date;
  readonly tenantId: string;
  readonly siteId: string | null;
  /** The assets that were merged into its asset. */
  readonly mergedIds: readonly string[];
  readonly xid: number;
};

/** Events of some tenants that a snapshot did not see, in the order of writing, at most `limit`. */
export async function listEventsSince(
  trx: Db,
  { since, tenantIds, limit }: { since: Snapshot; tenantIds: readonly string[]; limit: number },
): Promise<FoundEvent[]> {
  // One that is visible and whose transaction is not came out of a dump of another server, whose numbers mean nothing here.
  const { rows } = await sql<FoundEvent>`
    select event.id::text, event.type, event.at, event.asset_id, event.actor, event.changes, event.data, site.slug as site,
      jsonb_build_object('kind', event.subject_kind, 'id', event.subject_id) as subject,
      event.tenant_id as "tenantId", event.site_id as "siteId", event.xid::text::float8 as xid,
      array(select id from asset where merged_into = event.asset_id) as "mergedIds"
    from event left join site on site.id = event.site_id
    where event.xid >= ${String(since.xmin)}::xid8
      and not pg_visible_in_snapshot(event.xid, ${formatSnapshot(since)}::pg_snapshot)
      and pg_visible_in_snapshot(event.xid, pg_current_snapshot())
      and event.tenant_id = any(${[...tenantIds]}::uuid[])
    order by event.id
    limit ${limit}`.execute(trx);
  return rows;
}

/** What a key, or a person's log-in, may do at present. */
export type Rights = {
  readonly id: string;
  readonly scopes: readonly string[];
  readonly siteIds: readonly string[] | null;
};

/** Those of some keys that let their holder in at present, each with what it may do. */
export async function listRights(trx: Db, ids: readonly string[]): Promise<Rights[]> {
  if (ids.length === 0) return [];
  return [...(await listWorkingKeys(trx, ids)), ...(await listOpenSessions(trx, ids))];
}

/** The sites of those of some assets or points that a tenant has, by their ids. */
export async function listSitesOf(
  db: Db,
  { tenantId, kind, ids }: { tenantId: string; kind: 'asset' | 'point'; ids: readonly string[] },
): Promise<ReadonlyMap<string, string>> {
  const named =
    kind === 'asset'
      ? sql`select id, site_id from asset where tenant_id = ${tenantId} and id = any(${[...ids]}::uuid[])`
      : sql`select point.id, site_id from point join asset on asset.id = point.asset_id
          where point.tenant_id = ${tenantId} and point.id = any(${[...ids]}::uuid[])`;
  const { rows } = await sql<{ id: string; site_id: string }>`${named}`.execute(db);
  return new Map(rows.map(({ id, site_id }) => [id, site_id]));
}
