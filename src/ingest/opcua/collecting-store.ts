import { sql } from 'kysely';
import type { Quality } from '../../assets/quality.ts';
import type { Db } from '../../platform/database.ts';
import { listLatest } from '../../telemetry/latest-store.ts';
import type { ConnectionState, DeadbandKind, ItemReport, ItemSpec, Value } from './connection.ts';

/** A connection that is to be read, and where its reading stands. */
export type Wanted = {
  readonly id: string;
  readonly tenantId: string;
  readonly version: number;
};

/** Every enabled connection of every tenant, for the process that reads them. */
export async function listWanted(db: Db): Promise<Wanted[]> {
  const { rows } = await sql<Wanted>`
    select id, tenant_id as "tenantId", version from opcua_connection where is_enabled order by id`.execute(db);
  return rows;
}

export type Progress = { readonly throughMs: number | null; readonly resumeSealed: Buffer | null };

/** How far a connection is committed, in ms since 1970, and what is needed to take up its subscriptions. */
export async function findProgress(db: Db, connectionId: string): Promise<Progress | undefined> {
  const { rows } = await sql<Progress>`
    select extract(epoch from committed_through)::double precision * 1000 as "throughMs", resume_sealed as "resumeSealed"
    from opcua_connection where id = ${connectionId}`.execute(db);
  return rows[0];
}

/** What is read of a connection. */
export async function listItemSpecs(db: Db, connectionId: string): Promise<ItemSpec[]> {
  const { rows } = await sql<ItemSpec & { deadbandKind: DeadbandKind }>`
    select i.id, i.node, i.field, s.slug as site, i.asset, i.point, i.sampling_interval_ms as "samplingIntervalMs",
      i.deadband_kind as "deadbandKind", i.deadband
    from opcua_item i join site s on s.id = i.site_id
    where i.connection_id = ${connectionId} order by i.id`.execute(db);
  return rows;
}

const statusOf: Record<Quality, number> = { good: 0, uncertain: 0x4000_0000, bad: 0x8000_0000 };

/**
 * What each item of a connection said last, as far as it is stored. Not of a point that was merged into another, which may have another
 * unit.
 */
export async function listLastValues(db: Db, connectionId: string): Promise<Value[]> {
  const { rows } = await sql<{ itemId: number; seriesId: number }>`
    select i.id as "itemId", p.series_id as "seriesId"
    from opcua_item i
    join asset a on a.site_id = i.site_id and a.tenant_id = i.tenant_id and a.name = i.asset
    join point p on p.asset_id = a.id and p.tenant_id = i.tenant_id and p.name = i.point and p.merged_into is null
    where i.connection_id = ${connectionId}`.execute(db);
  const latest = await listLatest(
    db,
    rows.map(({ seriesId }) => seriesId),
  );
  return rows.flatMap(({ itemId, seriesId }) => {
    const reading = latest.get(seriesId);
    if (!reading) return [];
    const { time, value, quality } = reading;
    return [{ itemId, timeMs: time.getTime(), value, status: statusOf[quality] }];
  });
}

export async function updateResume(db: Db, connectionId: string, sealed: Buffer | null): Promise<void> {
  await sql`update opcua_connection set resume_sealed = ${sealed} where id = ${connectionId}`.execute(db);
}

/** What there is to say of a connection; null is nothing new. Times in ms since 1970, by the server's clock. */
export type ConnectionStatus = {
  readonly id: string;
  readonly state: ConnectionState;
  readonly reason: string | null;
  readonly detail: string | null;
  readonly sinceMs: number;
  /** As JSON. */
  readonly server: string | null;
  readonly lastValueMs: number | null;
  readonly throughMs: number | null;
};

/** Writes how connections are doing; what is committed never goes back, and one that was disabled meanwhile stays so. */
export async function updateStatuses(db: Db, statuses: readonly ConnectionStatus[]): Promise<void> {
  const column = <K extends keyof ConnectionStatus>(name: K) => statuses.map((status) => status[name]);
  await sql`
    update opcua_connection c set
      state = case when c.is_enabled then given.state else c.state end,
      reason = case when c.is_enabled then given.reason end,
      detail = case when c.is_enabled then given.detail end,
      state_since = case when c.is_enabled and c.state <> given.state then to_timestamp(given.since / 1000.0) else c.state_since end,
      server = coalesce(given.server, c.server),
      last_value_at = greatest(c.last_value_at, to_timestamp(given.last_value / 1000.0)),
      committed_through = greatest(c.committed_through, to_timestamp(given.through / 1000.0))
    from unnest(${column('id')}::uuid[], ${column('state')}::text[], ${column('reason')}::text[], ${column('detail')}::text[],
      ${column('sinceMs')}::double precision[], ${column('server')}::jsonb[], ${column('lastValueMs')}::double precision[],
      ${column('throughMs')}::double precision[])
      as given (id, state, reason, detail, since, server, last_value, through)
    where c.id = given.id`.execute(db);
}

const reportsAtOnce = 5_000;

/** Writes what is known of items of a connection; of those that there are no more, nothing. */
export async function updateItems(db: Db, connectionId: string, reports: readonly ItemReport[]): Promise<void> {
  for (let from = 0; from < reports.length; from += reportsAtOnce) {
    const some = reports.slice(from, from + reportsAtOnce);
    const column = <K extends keyof ItemReport>(name: K) => some.map((report) => report[name]);
    await sql`
      update opcua_item i set
        state = given.state, status = given.status, detail = given.detail,
        state_since = case when i.state = given.state then i.state_since else now() end,
        data_type = coalesce(given.data_type, i.data_type),
        revised_sampling_ms = given.sampling, revised_bridge_ms = given.bridge
      from unnest(${column('itemId')}::integer[], ${column('state')}::text[], ${column('status')}::text[],
        ${column('detail')}::text[], ${column('dataType')}::text[], ${column('revisedSamplingMs')}::double precision[],
        ${column('revisedBridgeMs')}::double precision[])
        as given (id, state, status, detail, data_type, sampling, bridge)
      where i.connection_id = ${connectionId} and i.id = given.id`.execute(db);
  }
}
