/**
 * The one seam between the two ways of storing readings, chosen when the table is made and recorded in storage_engine:
 *
 *   hypertable   TimescaleDB makes a chunk a day by itself and compresses old ones
 *   partitions   plain PostgreSQL; partitions are made here, ahead of time and on demand
 *
 * Everything above it is one SQL. Measured without compression, the two take and give readings equally fast.
 */
import type pg from 'pg';
import type { Log } from '../platform/log.ts';
import { dateOf, dayOf, findPartition, type Partition, partitionFor } from './partition.ts';

export type EngineKind = 'hypertable' | 'partitions';

export type StorageEngine = {
  readonly kind: EngineKind;
  /** Makes sure that readings of these days (see partition.ts) can be stored; days that it knows of cost nothing. */
  ensureDays(days: Iterable<number>): Promise<void>;
  /** Asks the database again, next time, which days there are: somebody has dropped some. */
  forgetDays(): void;
};

/** Any constant will do, as long as all processes that share the database take the same lock. */
const engineLock = 7_241_656;

/**
 * Makes the table `reading` in a freshly migrated database, or finds the one that is there. A database that was made
 * with TimescaleDB and has lost it is an error; one that was made without keeps its partitions whatever is installed.
 */
export async function prepareStorage(pool: pg.Pool, log: Log): Promise<StorageEngine> {
  const recorded = await findRecorded(pool);
  const kind = recorded ?? (await makeTable(pool, log));
  if (kind === 'hypertable') {
    await refuseMissingExtension(pool);
    return { kind, ensureDays: async () => {}, forgetDays: () => {} };
  }
  const engine = createPartitionEngine(pool, log);
  await engine.ensureDays([]);
  return engine;
}

async function findRecorded(pool: pg.Pool): Promise<EngineKind | undefined> {
  const { rows } = await pool.query<{ kind: EngineKind }>('select kind from storage_engine');
  return rows[0]?.kind;
}

async function refuseMissingExtension(pool: pg.Pool): Promise<void> {
  const { rowCount } = await pool.query(`select 1 from pg_extension where extname = 'timescaledb'`);
  if (rowCount) return;
  throw new Error(
    'this database stores readings in a TimescaleDB hypertable, and the extension timescaledb is not installed in it: restore the extension, or dump the readings and load them into a new database',
  );
}

async function makeTable(pool: pg.Pool, log: Log): Promise<EngineKind> {
  const available = await tryExtension(pool, log);
  return inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [engineLock]);
    const { rows } = await client.query<{ kind: EngineKind }>('select kind from storage_engine');
    if (rows[0]) return rows[0].kind;
    const kind = available ? 'hypertable' : 'partitions';
    await client.query(`
      create table reading (
        series_id integer not null,
        time timestamptz not null,
        value double precision,
        quality smallint not null default 0,
        primary key (series_id, time)
      )${kind === 'partitions' ? ' partition by range (time)' : ''}`);
    if (kind === 'hypertable') await makeHypertable(client);
    // A btree on time would cost 22 % of the inserts, this nothing; readings come nearly in the order of time.
    await client.query('create index reading_time on reading using brin (time) with (autosummarize = on)');
    await client.query('insert into storage_engine (kind) values ($1)', [kind]);
    log.info({ kind }, 'made the table of readings');
    return kind;
  });
}

/** Whether TimescaleDB is in the database now: it may be installed on the server without being preloaded or permitted. */
async function tryExtension(pool: pg.Pool, log: Log): Promise<boolean> {
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

async function makeHypertable(client: pg.ClientBase): Promise<void> {
  // The newer `with (tsdb.hypertable)` form adds a btree on time and a compression policy of its own.
  await client.query(
    `select create_hypertable('reading', by_range('time', interval '1 day'), create_default_indexes => false, if_not_exists => true)`,
  );
  await client.query(
    `alter table reading set (timescaledb.enable_columnstore = true, timescaledb.segmentby = 'series_id', timescaledb.orderby = 'time desc')`,
  );
}

function createPartitionEngine(pool: pg.Pool, log: Log): StorageEngine {
  let existing: ReadonlySet<string> = new Set();
  const known = new Set<number>();

  return {
    kind: 'partitions',
    ensureDays: async (days) => {
      const today = dayOf(Date.now());
      // Tomorrow's is made ahead, so that midnight does not have to wait for it.
      const missing = [today, today + 1, ...days].filter((day) => !known.has(day));
      if (missing.length === 0) return;
      if (missing.some((day) => findPartition(day, existing) === undefined)) {
        existing = await makePartitions(pool, { days: missing, today, log });
      }
      for (const day of missing) known.add(day);
    },
    forgetDays: () => {
      existing = new Set();
      known.clear();
    },
  };
}

type Wanted = { readonly days: number[]; readonly today: number; readonly log: Log };

async function makePartitions(pool: pg.Pool, { days, today, log }: Wanted): Promise<ReadonlySet<string>> {
  return inTransaction(pool, async (client) => {
    await client.query('select pg_advisory_xact_lock($1)', [engineLock]);
    const { rows } = await client.query<{ name: string }>(
      `select c.relname as name from pg_inherits i join pg_class c on c.oid = i.inhrelid where i.inhparent = 'reading'::regclass`,
    );
    const existing = new Set(rows.map((row) => row.name));
    for (const day of days) {
      if (findPartition(day, existing) !== undefined) continue;
      const partition = partitionFor(day, { today, existing });
      await attach(client, partition);
      existing.add(partition.name);
      log.debug({ partition: partition.name }, 'made a partition of readings');
    }
    return existing;
  });
}

/** Made apart and attached: `create table … partition of` would lock out every reader and writer meanwhile. */
async function attach(client: pg.ClientBase, { name, fromDay, toDay }: Partition): Promise<void> {
  await client.query(`create table ${name} (like reading including all)`);
  await client.query(
    `alter table reading attach partition ${name} for values from ('${dateOf(fromDay)}T00:00Z') to ('${dateOf(toDay)}T00:00Z')`,
  );
}

async function inTransaction<T>(pool: pg.Pool, work: (client: pg.PoolClient) => Promise<T>): Promise<T> {
  const client = await pool.connect();
  try {
    await client.query('begin');
    const result = await work(client);
    await client.query('commit');
    client.release();
    return result;
  } catch (error) {
    // The connection is thrown away: that rolls back, and it may be broken anyway.
    client.release(true);
    throw error;
  }
}
