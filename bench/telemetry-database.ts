/**
 * Databases for the benchmark of telemetry, with the program's own migrations and storage: one on an embedded PostgreSQL in a
 * temporary folder, whose readings lie in partitions, and one on the server that TIMESCALE_URL names, where they lie in a hypertable.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import type { PointRef } from '../src/assets/point-store.ts';
import { type Database, openDatabase } from '../src/platform/database.ts';
import { type EmbeddedPostgres, startEmbeddedPostgres, stopLeftPostgres } from '../src/platform/embedded-postgres.ts';
import { createLog } from '../src/platform/log.ts';
import { migrate } from '../src/platform/migrate.ts';
import { prepareStorage, type StorageEngine } from '../src/telemetry/storage/engine-store.ts';
import { onEnd } from './ended.ts';

/** A server on which databases are made for the benchmark, and dropped after it. */
export type BenchServer = {
  readonly name: 'partitions' | 'hypertable';
  readonly version: string;
  make(): Promise<BenchDatabase>;
  close(): Promise<void>;
};

export type BenchDatabase = {
  readonly database: Database;
  readonly engine: StorageEngine;
  readonly tenantId: string;
  drop(): Promise<void>;
};

const log = createLog('error');

/** The embedded PostgreSQL. */
export async function openEmbeddedServer(): Promise<BenchServer> {
  const folder = await mkdtemp(join(tmpdir(), 'faultline-bench-'));
  let server: EmbeddedPostgres | undefined;
  const end = async () => {
    await (server ? server.stop() : stopLeftPostgres(folder, log));
    await rm(folder, { recursive: true, force: true });
    forget();
  };
  const forget = onEnd(end);
  server = await startEmbeddedPostgres(folder, log);
  return openServer('partitions', server.url, end);
}

/** A server with TimescaleDB, which stays as it is but for a database that comes and goes. */
export async function openTimescaleServer(url: string): Promise<BenchServer> {
  return openServer('hypertable', url, async () => undefined);
}

async function openServer(name: BenchServer['name'], url: string, close: () => Promise<void>): Promise<BenchServer> {
  const [row] = await onServer(
    url,
    `select current_setting('server_version') as version,
    (select default_version from pg_available_extensions where name = 'timescaledb') as timescale`,
  );
  const timescale = name === 'hypertable' ? `, TimescaleDB ${row?.timescale}` : '';
  return { name, version: `PostgreSQL ${row?.version}${timescale}`, make: () => makeDatabase(name, url), close };
}

async function makeDatabase(kind: BenchServer['name'], serverUrl: string): Promise<BenchDatabase> {
  const name = `faultline_bench_${randomBytes(6).toString('hex')}`;
  await onServer(serverUrl, `create database ${name}`);
  const drop = async () => {
    await onServer(serverUrl, `drop database if exists ${name} with (force)`);
    forget();
  };
  const forget = onEnd(drop);
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  await migrate(url.href, join(import.meta.dirname, '../migrations'));
  const database = openDatabase(url.href, { connectionsMax: 4, log, statementMsMax: 1_800_000 });
  const engine = await prepareStorage(database.pool, log);
  if (engine.kind !== kind) throw new Error(`readings lie in ${engine.kind} there, and should in ${kind}`);
  const tenantId = await insertSite(database.pool);
  return {
    database,
    engine,
    tenantId,
    drop: async () => {
      await database.close();
      await drop();
    },
  };
}

async function onServer(url: string, statement: string): Promise<Record<string, string>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(statement)).rows;
  } finally {
    await client.end();
  }
}

const pointsPerAsset = 50;

async function insertSite(pool: pg.Pool): Promise<string> {
  const [tenantId, siteId] = [randomUUID(), randomUUID()];
  await pool.query(`insert into tenant (id, name, time_zone) values ($1, 'bench', 'UTC')`, [tenantId]);
  await pool.query(
    `insert into site (id, tenant_id, slug, name, time_zone, shard) values ($1, $2, 'bench', 'Bench', 'UTC', 7)`,
    [siteId, tenantId],
  );
  return tenantId;
}

/** A point of the benchmark, as appenders and queries know it. */
export type BenchPoint = PointRef;

/** Makes so many more points, on assets of fifty each. */
export async function insertPoints(
  { database: { pool }, tenantId }: BenchDatabase,
  count: number,
): Promise<BenchPoint[]> {
  const assets = Math.ceil(count / pointsPerAsset);
  const { rows } = await pool.query<{ pointId: string; seriesId: number; assetId: string }>(
    `with made as (
       insert into asset (id, tenant_id, site_id, name, uri, shard)
       select id, $1, (select id from site where tenant_id = $1), 'a-' || id, 'bench:' || id, 7
       from (select gen_random_uuid() as id from generate_series(1, $2)) a returning id
     )
     insert into point (id, tenant_id, asset_id, name, unit)
     select gen_random_uuid(), $1, id, 'p-' || n, 'degC' from (select id, n from made, generate_series(1, ${pointsPerAsset}) n limit $3) p
     returning id as "pointId", series_id as "seriesId", asset_id as "assetId"`,
    [tenantId, assets, count],
  );
  return rows.map((row) => ({ ...row, shard: 7, states: null }));
}
