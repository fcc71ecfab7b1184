/** Telemetry of two sites, put straight into the tables, for tests of what becomes of it. */
import { randomUUID } from 'node:crypto';
import { type Database, openDatabase } from '../../src/platform/database.ts';
import { createLog } from '../../src/platform/log.ts';
import { prepareStorage, type StorageEngine } from '../../src/telemetry/storage/engine-store.ts';
import { listPieces, recordMade } from '../../src/telemetry/storage/piece-store.ts';
import type { RollupTable, TimeTable } from '../../src/telemetry/storage/time-table.ts';
import { createTestDatabase } from './database.ts';

export const dayMs = 86_400_000;
const log = createLog('silent');

export type Stage = Awaited<ReturnType<typeof openStage>>;

/** A database of its own, with a tenant, two sites `a` and `b`, and no telemetry yet. */
export async function openStage() {
  const own = await createTestDatabase();
  const database = openDatabase(own.url, { connectionsMax: 6, log });
  const engine = await prepareStorage(database.pool, log);
  const tenantId = randomUUID();
  const siteIds = { a: randomUUID(), b: randomUUID() };
  await database.pool.query(
    `with t as (insert into tenant (id, name) values ($1, 't'))
     insert into site (id, tenant_id, slug, name, shard) values ($2, $1, 'a', 'a', 0), ($3, $1, 'b', 'b', 0)`,
    [tenantId, siteIds.a, siteIds.b],
  );
  return {
    ...{ url: own.url, database, engine, tenantId, siteIds },
    addPoint: (site: 'a' | 'b', name: string | null = null) =>
      addPoint(database, { tenantId, siteId: siteIds[site], name }),
    fill: (span: Span) => fillReadings(database, engine, span),
    fillRollup: (table: RollupTable, span: Span) => fillRollup(database, engine, table, span),
    /** Whether each of some series has rows on each of some days: `1 1 0`. */
    days: (table: TimeTable, seriesId: number, starts: readonly number[]) =>
      daysOf(database, { table, seriesId, starts }),
    pieces: (table: TimeTable) => listPieces(database.db, engine.kind, table),
    age: (table: TimeTable) => agePieces(database, engine, table),
    settle: (throughMs: number) =>
      database.pool.query('update rollup_progress set settled_through = to_timestamp($1::float8 / 1000)', [throughMs]),
    close: async () => {
      await database.close();
      await own.drop();
    },
  };
}

async function addPoint(
  { pool }: Database,
  { tenantId, siteId, name }: { tenantId: string; siteId: string; name: string | null },
): Promise<number> {
  const { rows } = await pool.query<{ series_id: number }>(
    `with a as (insert into asset (id, tenant_id, site_id, name, uri, shard)
       values (gen_random_uuid(), $1, $2, gen_random_uuid(), gen_random_uuid(), 0) returning id)
     insert into point (id, tenant_id, asset_id, name, class) select gen_random_uuid(), $1, a.id, 'p', $3 from a returning series_id`,
    [tenantId, siteId, name],
  );
  return (rows[0] as { series_id: number }).series_id;
}

/** Series with a reading or a row every so often from one instant on and before another. */
type Span = {
  readonly seriesIds: readonly number[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly everyMs: number;
};

/** Makes it look as if everything had been stored in its own time. */
async function agePieces({ db }: Database, { kind }: StorageEngine, table: TimeTable): Promise<void> {
  const pieces = await listPieces(db, kind, table);
  await recordMade(
    db,
    pieces.map(({ name, fromMs }) => ({ name, madeMs: fromMs })),
  );
}

async function fillReadings(database: Database, engine: StorageEngine, { seriesIds, fromMs, toMs, everyMs }: Span) {
  await engine.ensureSpan('reading', fromMs, toMs - 1);
  await database.pool.query(
    `insert into reading (series_id, time, value)
     select series_id, to_timestamp(ms / 1000), series_id + ms / 1e9
     from unnest($1::integer[]) as series_id, generate_series($2::numeric, $3::numeric - 1, $4::numeric) as ms`,
    [seriesIds, fromMs, toMs, everyMs],
  );
  await agePieces(database, engine, 'reading');
}

async function fillRollup(
  database: Database,
  engine: StorageEngine,
  table: RollupTable,
  { seriesIds, fromMs, toMs, everyMs }: Span,
) {
  await engine.ensureSpan(table, fromMs, toMs - 1);
  await database.pool.query(
    `insert into ${table} (series_id, bucket, quality, count, nulls, first_time, last_time, first, last, min, max, sum, held_s, held_sum)
     select series_id, to_timestamp(ms / 1000), 0, 24, 0, to_timestamp(ms / 1000), to_timestamp(ms / 1000), 1, 1, 1, 1, 24, 60, 60
     from unnest($1::integer[]) as series_id, generate_series($2::numeric, $3::numeric - 1, $4::numeric) as ms`,
    [seriesIds, fromMs, toMs, everyMs],
  );
  await agePieces(database, engine, table);
}

async function daysOf(
  { pool }: Database,
  { table, seriesId, starts }: { table: TimeTable; seriesId: number; starts: readonly number[] },
): Promise<string> {
  const column = table === 'reading' ? 'time' : 'bucket';
  const { rows } = await pool.query<{ has: number }>(
    `select (exists (select from ${table} where series_id = $1 and ${column} >= to_timestamp(ms / 1000)
       and ${column} < to_timestamp(ms / 1000) + interval '24 hours'))::integer as has
     from unnest($2::float8[]) with ordinality as start (ms, place) order by place`,
    [seriesId, starts],
  );
  return rows.map(({ has }) => has).join(' ');
}
