/**
 * A database for the benchmarks of rules: an embedded PostgreSQL in a temporary folder with the program's own migrations and
 * storage, one site of air handlers of `rules-plant.ts`, and as much history of them as is asked for.
 */
import { randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres, stopLeftPostgres } from '../src/platform/embedded-postgres.ts';
import { createLog } from '../src/platform/log.ts';
import { migrate } from '../src/platform/migrate.ts';
import { float8Array, int2Array, int4Array, timestampArray } from '../src/telemetry/binary-arrays.ts';
import { prepareStorage, type StorageEngine } from '../src/telemetry/storage/engine-store.ts';
import { onEnd } from './ended.ts';
import { plantPoints, plantValues, pointCount } from './rules-plant.ts';

export type PlantDatabase = {
  /** A folder that goes with the database, for other files of the benchmark. */
  readonly folder: string;
  readonly database: Database;
  readonly engine: StorageEngine;
  close(): Promise<void>;
};

/** An asset of the plant as the database knows it; points are in the order of `plantPoints`. */
export type PlantAsset = {
  readonly id: string;
  readonly shard: number;
  readonly points: readonly { id: string; seriesId: number }[];
};

const shard = 7;

/** Starts the server, empty. */
export async function openPlantDatabase(): Promise<PlantDatabase> {
  const folder = await mkdtemp(join(tmpdir(), 'faultline-bench-'));
  const log = createLog('error');
  let server: EmbeddedPostgres | undefined;
  const end = async () => {
    await (server ? server.stop() : stopLeftPostgres(folder, log));
    await rm(folder, { recursive: true, force: true });
    forget();
  };
  const forget = onEnd(end);
  server = await startEmbeddedPostgres(folder, log);
  await migrate(server.url, join(import.meta.dirname, '../migrations'));
  const database = openDatabase(server.url, { connectionsMax: 4, log, statementMsMax: 600_000 });
  return {
    folder,
    database,
    engine: await prepareStorage(database.pool, log),
    close: async () => {
      await database.close();
      await end();
    },
  };
}

/** Makes a site with so many air handlers, all in one shard. */
export async function insertPlant({ pool }: Database, assetCount: number): Promise<PlantAsset[]> {
  const [tenantId, siteId] = [randomUUID(), randomUUID()];
  await pool.query(`insert into tenant (id, name, time_zone) values ($1, 'bench', 'UTC')`, [tenantId]);
  await pool.query(
    `insert into site (id, tenant_id, slug, name, time_zone, shard) values ($1, $2, $3, 'Bench', 'UTC', ${shard})`,
    [siteId, tenantId, `bench-${siteId.slice(0, 8)}`],
  );
  await pool.query(`insert into rule_shard (shard) values (${shard}) on conflict do nothing`);
  const ids = Array.from({ length: assetCount }, () => randomUUID());
  await pool.query(
    `insert into asset (id, tenant_id, site_id, name, uri, class, shard)
     select id, $2, $3, 'ahu-' || n, 'bench:' || id, 'brick:AHU', ${shard}
     from unnest($1::uuid[]) with ordinality as given (id, n)`,
    [ids, tenantId, siteId],
  );
  const { rows } = await pool.query<{ id: string; series_id: number; asset_id: string; name: string }>(
    `insert into point (id, tenant_id, asset_id, name, class, part_of, unit)
     select gen_random_uuid(), $2, asset_id, name, class, part_of, unit
     from unnest($1::uuid[]) as asset (asset_id), unnest($3::text[], $4::text[], $5::text[], $6::text[]) as p (name, class, part_of, unit)
     returning id, series_id, asset_id, name`,
    [ids, tenantId, ...(['name', 'class', 'of', 'unit'] as const).map((key) => plantPoints.map((point) => point[key]))],
  );
  const pointOf = new Map(rows.map((row) => [`${row.asset_id} ${row.name}`, { id: row.id, seriesId: row.series_id }]));
  return ids.map((id) => ({
    id,
    shard,
    points: plantPoints.map(({ name }) => pointOf.get(`${id} ${name}`) as { id: string; seriesId: number }),
  }));
}

/** Minutes from `startMs` on; `firstMinute` is the plant's own at the first of them. */
export type Span = { readonly startMs: number; readonly minutes: number; readonly firstMinute?: number };

/** Stores the history of assets in the order of time, as a plant that reports every minute would have left it. */
export async function insertHistory(
  { database, engine }: PlantDatabase,
  assets: readonly PlantAsset[],
  { startMs, minutes, firstMinute = 0 }: Span,
): Promise<void> {
  const firstDay = Math.floor(startMs / dayMs);
  const days = Math.floor((startMs + minutes * 60_000) / dayMs) - firstDay + 1;
  await engine.ensureDays(Array.from({ length: days }, (_, day) => firstDay + day));
  const client = await database.pool.connect();
  try {
    await client.query('set synchronous_commit = off');
    const seriesIds = assets.flatMap(({ points }) => points.map(({ seriesId }) => seriesId));
    const stepMinutes = Math.max(1, Math.floor(rowsMax / seriesIds.length));
    for (let first = 0; first < minutes; first += stepMinutes) {
      const last = Math.min(minutes, first + stepMinutes);
      await insertMinutes(client, seriesIds, { startMs, first, last, firstMinute });
    }
    await client.query('vacuum reading');
    // As autovacuum does within a minute of such changes; without it the planner takes a plant for two assets.
    await client.query('analyze');
  } finally {
    client.release();
  }
}

const dayMs = 86_400_000;
const rowsMax = 144_000;

async function insertMinutes(
  client: pg.ClientBase,
  seriesIds: readonly number[],
  { startMs, first, last, firstMinute }: { startMs: number; first: number; last: number; firstMinute: number },
): Promise<void> {
  const assetCount = seriesIds.length / pointCount;
  const width = seriesIds.length;
  const count = (last - first) * width;
  const [ids, times, values] = [new Int32Array(count), new Float64Array(count), new Float64Array(count)];
  for (let minute = first, row = 0; minute < last; minute++) {
    for (let asset = 0; asset < assetCount; asset++, row += pointCount) {
      plantValues(asset, firstMinute + minute, values, row);
      for (let point = 0; point < pointCount; point++)
        ids[row + point] = seriesIds[asset * pointCount + point] as number;
    }
    times.fill(startMs + minute * 60_000, (minute - first) * width, (minute - first + 1) * width);
  }
  await client.query({
    name: 'insert-plant',
    text: `insert into reading (series_id, time, value, quality)
      select * from unnest($1::int4[], $2::timestamptz[], $3::float8[], $4::int2[])`,
    values: [int4Array(ids), timestampArray(times), float8Array(values), int2Array(new Int16Array(count))],
  });
}
