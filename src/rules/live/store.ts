import { sql } from 'kysely';
import { type Db, isConnectionLoss } from '../../platform/database.ts';
import { instant } from '../../platform/instant-store.ts';
import { repairSpanMsMax } from '../../telemetry/append-store.ts';
import type { RuleAsset, RulePoint } from '../kernel/bind.ts';
import type { Machine } from '../kernel/machine.ts';
import type { Override } from '../language/override.ts';
import { listShardOverrides } from './override-store.ts';

/** Where a shard stands: the last closed tick, and the snapshot of the statement that read its readings. */
export type ShardClock = {
  readonly tickMs: number | null;
  readonly snapshot: string | null;
  /** The version of the rules that evaluated the tick. */
  readonly ruleSetHash: string | null;
  readonly databaseMs: number;
};

/** A machine as it was after `tickMs`. */
export type StoredMachine = {
  readonly assetId: string;
  readonly ruleId: string;
  readonly tickMs: number;
  readonly machine: Machine;
};

/** Whose asset an effect is about. */
export type AssetOwner = {
  readonly tenantId: string;
  readonly siteId: string;
  readonly name: string;
  readonly uri: string;
  readonly locationUri: string;
};

export type ModelAsset = {
  readonly asset: RuleAsset;
  readonly owner: AssetOwner;
  readonly points: readonly (RulePoint & { readonly seriesId: number })[];
};

/** All that rules need to know of a shard's assets; the version tells two of them apart. */
export type ShardModel = {
  readonly version: string;
  readonly assets: readonly ModelAsset[];
  readonly overrides: readonly Override[];
};

/** The shards that have assets, each with its row. */
export async function listShards(db: Db): Promise<number[]> {
  await sql`insert into rule_shard (shard) select distinct shard from asset on conflict do nothing`.execute(db);
  const rows = await db.selectFrom('rule_shard').select('shard').orderBy('shard').execute();
  return rows.map((row) => row.shard);
}

/** Locks a shard for the transaction; undefined while somebody else advances it. The clock is the database's own. */
export async function lockShard(trx: Db, shard: number): Promise<ShardClock | undefined> {
  const { rows } = await sql<ClockRow>`
    select (extract(epoch from tick_at) * 1000)::float8 as tick_ms, snapshot::text, rule_set_hash,
      (extract(epoch from clock_timestamp()) * 1000)::float8 as now_ms
    from rule_shard where shard = ${shard} for update skip locked`.execute(trx);
  const row = rows[0];
  return (
    row && {
      tickMs: row.tick_ms,
      snapshot: row.snapshot,
      ruleSetHash: row.rule_set_hash,
      databaseMs: row.now_ms,
    }
  );
}

type ClockRow = { tick_ms: number | null; snapshot: string | null; rule_set_hash: string | null; now_ms: number };

/**
 * Does work within the transaction that may fail by itself: its error is returned and what it wrote is undone. A lost
 * connection or a deadlock is thrown, since it ends the whole transaction.
 */
export async function inSavepoint(trx: Db, work: () => Promise<void>): Promise<unknown> {
  await sql`savepoint work`.execute(trx);
  try {
    await work();
    await sql`release savepoint work`.execute(trx);
    return undefined;
  } catch (error) {
    if (isConnectionLoss(error) || String((error as { code?: string }).code).startsWith('40')) throw error;
    await sql`rollback to savepoint work`.execute(trx);
    return error;
  }
}

/** Records that a shard has been evaluated through a tick, from readings as `snapshot` saw them. */
export async function saveShard(
  trx: Db,
  { shard, tickMs, snapshot }: { shard: number; tickMs: number; snapshot: string },
): Promise<void> {
  await sql`update rule_shard set tick_at = ${instant(tickMs)}, snapshot = ${snapshot}::pg_snapshot
    where shard = ${shard}`.execute(trx);
}

/** How often the assets and points of a shard have changed. */
export async function findModelVersion(trx: Db, shard: number): Promise<string> {
  const row = await trx.selectFrom('rule_shard_model').select('version').where('shard', '=', shard).executeTakeFirst();
  return String(row?.version ?? 0);
}

/**
 * The assets of a shard that have a class and are not retired, with their points and what feeds them or has them as a part, and the
 * overrides that hold or held there within the `backMs` that a repair goes back. An asset without a class is there for the points that
 * are expected to report, which no rule finds.
 */
export async function getShardModel(trx: Db, shard: number, backMs = repairSpanMsMax): Promise<ShardModel> {
  const version = await findModelVersion(trx, shard);
  const overrides = await listShardOverrides(trx, { shard, backMs });
  const { rows } = await sql<ModelRow>`
    select asset.id, asset.name, asset.class, asset.params, asset.tags, asset.tenant_id, asset.site_id, asset.uri, asset.location_uri, site.slug, site.time_zone,
      coalesce((select array_agg(r.from_asset_id::text) from asset_relation r
        where r.to_asset_id = asset.id and r.kind = 'feeds'), '{}')
      || coalesce((select array_agg(r.to_asset_id::text) from asset_relation r
        where r.from_asset_id = asset.id and r.kind = 'isPartOf'), '{}') as upstream,
      coalesce((select json_agg(json_build_object('id', p.id, 'name', p.name, 'seriesId', p.series_id, 'class', p.class, 'of', p.part_of,
        'unit', p.unit, 'expectedIntervalMs', p.expected_interval_ms,
        'expectedSinceMs', (extract(epoch from p.expected_since) * 1000)::float8) order by p.name)
        from point p where p.asset_id = asset.id and p.merged_into is null), '[]') as points
    from asset join site on site.id = asset.site_id
    where asset.shard = ${shard} and asset.status <> 'retired' and (asset.class is not null or exists (
      select from point p where p.asset_id = asset.id and p.merged_into is null and p.expected_interval_ms is not null))
    order by asset.id`.execute(trx);
  return { version, assets: rows.map(toModelAsset), overrides };
}

type ModelRow = {
  id: string;
  name: string;
  class: string | null;
  params: Record<string, number>;
  tags: string[];
  tenant_id: string;
  site_id: string;
  slug: string;
  uri: string;
  location_uri: string;
  time_zone: string;
  upstream: string[];
  points: {
    id: string;
    name: string;
    seriesId: number;
    class: string | null;
    of: string | null;
    unit: string | null;
    expectedIntervalMs: number | null;
    expectedSinceMs: number | null;
  }[];
};

function toModelAsset(row: ModelRow): ModelAsset {
  return {
    asset: {
      id: row.id,
      name: row.name,
      class: row.class ?? '',
      siteTimeZone: row.time_zone,
      params: row.params,
      upstream: row.upstream,
      site: { id: row.site_id, slug: row.slug },
      tenantId: row.tenant_id,
      uri: row.uri,
      tags: row.tags,
    },
    owner: {
      tenantId: row.tenant_id,
      siteId: row.site_id,
      name: row.name,
      uri: row.uri,
      locationUri: row.location_uri,
    },
    points: row.points.map(({ expectedIntervalMs, expectedSinceMs, ...point }) => ({
      ...point,
      class: row.class === null ? null : point.class,
      ...(expectedIntervalMs !== null && { expectedIntervalMs }),
      ...(expectedIntervalMs !== null && expectedSinceMs !== null && { expectedSinceMs }),
    })),
  };
}

/**
 * The least time of a reading per asset in commits that the snapshot `seenBefore` did not see and `seenNow` does: readings
 * that came after their tick was closed are among them.
 */
export async function listLateAssets(
  trx: Db,
  { shard, seenBefore, seenNow }: { shard: number; seenBefore: string; seenNow: string },
): Promise<{ assetId: string; timeMs: number }[]> {
  const { rows } = await sql<{ asset_id: string; time_ms: number }>`
    select asset_id, (extract(epoch from min(least_time)) * 1000)::float8 as time_ms
    from ingest_batch, unnest(asset_ids, least_times, shards) as touched (asset_id, least_time, shard)
    where xid >= pg_snapshot_xmin(${seenBefore}::pg_snapshot)
      and not pg_visible_in_snapshot(xid, ${seenBefore}::pg_snapshot)
      and pg_visible_in_snapshot(xid, ${seenNow}::pg_snapshot)
      and touched.shard = ${shard}
    group by asset_id`.execute(trx);
  return rows.map((row) => ({ assetId: row.asset_id, timeMs: row.time_ms }));
}

/** Batches that every shard has seen are of no use to anybody. */
export async function deleteSeenBatches(db: Db): Promise<void> {
  await sql`delete from ingest_batch
    where xid < (select min(pg_snapshot_xmin(snapshot)::text::numeric)::text::xid8 from rule_shard)
      and not exists (select 1 from rule_shard where snapshot is null)`.execute(db);
}

/** Forgets machines older than any repair goes back, but for the newest of those, which is where one would begin. */
export async function deleteOldMachines(db: Db, ageMsMax: number): Promise<void> {
  await sql`delete from rule_machine old using rule_machine later
    where later.asset_id = old.asset_id and later.rule_id = old.rule_id and later.tick_at > old.tick_at
      and later.tick_at < now() - make_interval(secs => ${ageMsMax / 1_000})`.execute(db);
}

/** The present machines of a shard, clocks included. */
export async function listMachines(trx: Db, shard: number): Promise<StoredMachine[]> {
  const { rows } = await sql<MachineRow>`
    select distinct on (asset_id, rule_id) asset_id, rule_id, (extract(epoch from tick_at) * 1000)::float8 as tick_ms,
      machine || jsonb_build_object('clockMs', clock_ms, 'gapMs', gap_ms) as machine
    from rule_machine where shard = ${shard} order by asset_id, rule_id, tick_at desc`.execute(trx);
  return rows.map(toMachine);
}

/** The machines of some assets as they were recorded last at or before a tick, with their clocks as of then. */
export async function listMachinesAt(
  trx: Db,
  { assetIds, tickMs }: { assetIds: readonly string[]; tickMs: number },
): Promise<StoredMachine[]> {
  const { rows } = await sql<MachineRow>`
    select distinct on (asset_id, rule_id) asset_id, rule_id, (extract(epoch from tick_at) * 1000)::float8 as tick_ms, machine
    from rule_machine where asset_id = any(${assetIds}::uuid[]) and tick_at <= ${instant(tickMs)}
    order by asset_id, rule_id, tick_at desc`.execute(trx);
  return rows.map(toMachine);
}

/** The insights of some assets that have been opened again after a tick, with the greatest number of episodes recorded since. */
export async function listReopened(
  trx: Db,
  { assetIds, tickMs }: { assetIds: readonly string[]; tickMs: number },
): Promise<{ assetId: string; ruleId: string; openedAt: number; episodes: number }[]> {
  const { rows } = await sql<{ assetId: string; ruleId: string; openedAt: number; episodes: number }>`
    select asset_id as "assetId", rule_id as "ruleId", (machine #>> '{insight,openedAt}')::float8 as "openedAt",
      max((machine #>> '{insight,episodes}')::int) as episodes
    from rule_machine
    where asset_id = any(${assetIds}::uuid[]) and tick_at > ${instant(tickMs)} and (machine #>> '{insight,episodes}')::int > 1
    group by 1, 2, 3`.execute(trx);
  return rows;
}

type MachineRow = { asset_id: string; rule_id: string; tick_ms: number; machine: Machine };

function toMachine({ asset_id, rule_id, tick_ms, machine }: MachineRow): StoredMachine {
  return { assetId: asset_id, ruleId: rule_id, tickMs: tick_ms, machine };
}

/** Adds machines after a tick that changed more than their clocks. */
export async function insertMachines(trx: Db, shard: number, machines: readonly StoredMachine[]): Promise<void> {
  if (machines.length === 0) return;
  await sql`insert into rule_machine (asset_id, rule_id, tick_at, shard, machine, clock_ms, gap_ms)
    select asset_id, rule_id, to_timestamp(tick_ms / 1000), ${shard}, machine,
      (machine ->> 'clockMs')::float8, (machine ->> 'gapMs')::float8
    from unnest(${machines.map((m) => m.assetId)}::uuid[], ${machines.map((m) => m.ruleId)}::text[],
      ${machines.map((m) => m.tickMs)}::float8[], ${machines.map((m) => JSON.stringify(m.machine))}::jsonb[])
      as added (asset_id, rule_id, tick_ms, machine)
    on conflict (asset_id, rule_id, tick_at)
    do update set machine = excluded.machine, clock_ms = excluded.clock_ms, gap_ms = excluded.gap_ms`.execute(trx);
}

/** Sets the clocks of machines whose newest row is otherwise as it was. */
export async function updateClocks(trx: Db, machines: readonly StoredMachine[]): Promise<void> {
  if (machines.length === 0) return;
  await sql`update rule_machine set clock_ms = now.clock_ms, gap_ms = now.gap_ms
    from unnest(${machines.map((m) => m.assetId)}::uuid[], ${machines.map((m) => m.ruleId)}::text[],
      ${machines.map((m) => m.tickMs)}::float8[], ${machines.map((m) => m.machine.clockMs)}::float8[],
      ${machines.map((m) => m.machine.gapMs)}::float8[]) as now (asset_id, rule_id, tick_ms, clock_ms, gap_ms)
    where rule_machine.asset_id = now.asset_id and rule_machine.rule_id = now.rule_id
      and rule_machine.tick_at = to_timestamp(now.tick_ms / 1000)`.execute(trx);
}

/** Forgets what was recorded of some machines after a tick, before it is evaluated again. */
export async function deleteMachinesAfter(
  trx: Db,
  { machines, tickMs }: { machines: readonly { assetId: string; ruleId: string }[]; tickMs: number },
): Promise<void> {
  await sql`delete from rule_machine
    using unnest(${machines.map((m) => m.assetId)}::uuid[], ${machines.map((m) => m.ruleId)}::text[]) as gone (asset_id, rule_id)
    where rule_machine.asset_id = gone.asset_id and rule_machine.rule_id = gone.rule_id
      and rule_machine.tick_at > ${instant(tickMs)}`.execute(trx);
}
