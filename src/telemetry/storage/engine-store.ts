/**
 * The one seam between the two ways of storing telemetry, chosen when the tables are made and recorded in storage_engine:
 *
 *   hypertable   TimescaleDB makes the chunks by itself; closed ones are compressed
 *   partitions   plain PostgreSQL; partitions are made here, ahead of time and on demand
 *
 * Everything above it is one SQL. Measured without compression, the two take and give readings equally fast.
 */
import type pg from 'pg';
import type { Log } from '../../platform/log.ts';
import { inTransaction, lockEngine } from './engine-transaction-store.ts';
import { dayOf } from './partition.ts';
import { createPartitionMaker } from './partition-store.ts';
import { makeTables } from './table-store.ts';
import { type TimeTable, timeTables } from './time-table.ts';

export type EngineKind = 'hypertable' | 'partitions';

export type StorageEngine = {
  readonly kind: EngineKind;
  /** Makes sure that readings of these days (see partition.ts) can be stored; days that it knows of cost nothing. */
  ensureDays(days: Iterable<number>): Promise<void>;
  /**
   * Makes sure that rows of a table can be stored whose times lie between two instants, both within, in milliseconds since
   * the epoch; what it knows of costs nothing. Call it outside of the transaction that writes them: another one makes
   * what is missing, and would wait for that.
   */
  ensureSpan(table: TimeTable, fromMs: number, throughMs: number): Promise<void>;
  /** Asks the database again, next time, which days there are: somebody has dropped some. */
  forgetDays(): void;
};

/**
 * Makes the tables of telemetry that a migrated database does not have yet, or finds those that are there. A database that
 * was made with TimescaleDB and has lost it is an error; one that was made without keeps its partitions whatever is
 * installed.
 */
export async function prepareStorage(pool: pg.Pool, log: Log): Promise<StorageEngine> {
  const recorded = await findRecorded(pool);
  if (recorded?.movingTo) throw new Error(movingText(recorded.movingTo));
  if (recorded?.kind === 'hypertable') await refuseMissingExtension(pool);
  const kind = recorded?.isWhole ? recorded.kind : await makeStorage(pool, recorded?.kind, log);
  if (kind === 'hypertable') {
    return { kind, ensureDays: async () => {}, ensureSpan: async () => {}, forgetDays: () => {} };
  }
  const engine = createPartitionEngine(pool, log);
  await engine.ensureDays([]);
  return engine;
}

function movingText(to: EngineKind): string {
  return `telemetry is being moved to ${to}, which was broken off: finish it with \`npm run storage -- move --to ${to}\`, or give it up with \`npm run storage -- move --cancel\``;
}

type Recorded = { readonly kind: EngineKind; readonly isWhole: boolean; readonly movingTo: EngineKind | null };

/** The kind that is recorded, and whether all tables are there: an older version made fewer. */
async function findRecorded(pool: pg.Pool): Promise<Recorded | undefined> {
  const { rows } = await pool.query<Recorded>(
    `select kind, (select bool_and(to_regclass(name) is not null) from unnest($1::text[]) as name) as "isWhole",
       moving_to as "movingTo"
     from storage_engine`,
    [timeTables],
  );
  return rows[0];
}

async function refuseMissingExtension(pool: pg.Pool): Promise<void> {
  const { rowCount } = await pool.query(`select 1 from pg_extension where extname = 'timescaledb'`);
  if (rowCount) return;
  throw new Error(
    'this database stores readings in a TimescaleDB hypertable, and the extension timescaledb is not installed in it: restore the extension, or dump the readings and load them into a new database',
  );
}

async function makeStorage(pool: pg.Pool, recorded: EngineKind | undefined, log: Log): Promise<EngineKind> {
  const available = recorded === undefined && (await tryExtension(pool, log));
  return inTransaction(pool, async (client) => {
    await lockEngine(client);
    const { rows } = await client.query<{ kind: EngineKind }>('select kind from storage_engine');
    const kind = rows[0]?.kind ?? (available ? 'hypertable' : 'partitions');
    const tables = await makeTables(client, kind);
    await client.query('insert into storage_engine (kind) values ($1) on conflict do nothing', [kind]);
    if (tables.length > 0) log.info({ kind, tables }, 'made tables of telemetry');
    return kind;
  });
}

/** Whether TimescaleDB is in the database from now on: it may lie on the server without being preloaded or permitted. */
export async function tryExtension(pool: pg.Pool, log: Log): Promise<boolean> {
  const { rowCount } = await pool.query(`select 1 from pg_available_extensions where name = 'timescaledb'`);
  if (!rowCount) return false;
  try {
    await pool.query('create extension if not exists timescaledb');
    return true;
  } catch (error) {
    log.warn({ err: error }, 'TimescaleDB is on the server and cannot be used here; storing in native partitions');
    return false;
  }
}

function createPartitionEngine(pool: pg.Pool, log: Log): StorageEngine {
  const maker = createPartitionMaker(pool, log);
  return {
    kind: 'partitions',
    ensureDays: async (days) => {
      const today = dayOf(Date.now());
      // Tomorrow's is made ahead, so that midnight does not have to wait for it.
      await maker.ensureDays('reading', [today, today + 1, ...days]);
    },
    ensureSpan: (table, fromMs, throughMs) => maker.ensureDays(table, daysBetween(dayOf(fromMs), dayOf(throughMs))),
    forgetDays: maker.forgetDays,
  };
}

function daysBetween(first: number, last: number): number[] {
  return Array.from({ length: Math.max(0, last - first + 1) }, (_, i) => first + i);
}
