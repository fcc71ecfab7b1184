/**
 * How readings get into the table: one statement a batch, ordered by its key, on one connection.
 *
 *   rows ─▶ sort, drop repeats ─▶ make days ─▶ copy, or insert … on conflict do nothing ─▶ commit ─▶ was it late? ─▶ done
 *                                                         └─ ingest_batch, same commit               └─ ingest_batch, its own
 *
 * Rules read a tick once, when it closes at its time + grace. A reading that is committed after that would never be seen;
 * so whatever may be late leaves a row in ingest_batch, by which its shard finds it. Two cases: the reading was late when
 * it came (it is older than half the grace), or the commit itself stalled until its grace was over.
 *
 * Roll-ups likewise settle a minute once (see rollup.ts). Readings older than half of their lag leave a row in rollup_touched in the
 * same commit; a batch that takes so long to reach the table that others of its readings would be too late for it is refused
 * by the database, and tried again.
 */
import type pg from 'pg';
import { qualities } from '../assets/quality.ts';
import { withClient } from '../platform/database.ts';
import { type Arrival, type Column, sortArrivals, type Touched, touchedAssets } from './arrival.ts';
import { float8Array, int2Array, int4Array, timestampArray } from './binary-arrays.ts';
import { type Copier, createCopier } from './copy-store.ts';
import { lagMsDefault, type MinuteRun, runColumns, touchedRuns } from './rollups/rollup.ts';
import type { StorageEngine } from './storage/engine-store.ts';

export type Appended = {
  /** Stored now. */
  readonly stored: number;
  /** There already with the same value, or twice in the batch. */
  readonly duplicates: number;
  /** There already with another value, which stays: the first wins. */
  readonly conflicts: number;
};

/** What becomes of one row; see `Appended`. */
export type Outcome = 'stored' | 'duplicate' | 'conflict';

export type Appender = {
  /**
   * Resolves once the readings are committed, and whatever `alongside` writes through the same connection with them.
   * Rejects with the database's error; trying the same batch again is then harmless.
   */
  append(rows: readonly Arrival[], alongside?: Alongside): Promise<Appended>;
  /** The same, and tells of each row, in their order, what became of it. Costs more, for doors whose callers want to know. */
  judge(rows: readonly Arrival[], alongside?: Alongside): Promise<readonly Outcome[]>;
};

type Alongside = (client: pg.ClientBase) => Promise<void>;

const clockAgeMsMax = 1_000;

/** How far back rules go over late readings by themselves; older ones are stored, and looked at on request. */
export const repairSpanMsMax = 35 * 24 * 3_600_000;

/** How far back they go when somebody asks for it. */
export const askedRepairSpanMsMax = 366 * 24 * 3_600_000;

/** How often a batch is tried that takes too long to reach the table. */
const triesMax = 3;

/** An appender on `pool`; `graceMs` is the time that a tick waits for its readings, `lagMs` the one that roll-ups wait. */
export function createAppender(
  pool: pg.Pool,
  { engine, graceMs, lagMs = lagMsDefault }: { engine: StorageEngine; graceMs: number; lagMs?: number },
): Appender {
  // An upper bound of the database's clock: what it said, and how long ago it was asked.
  let clock = { databaseMs: 0, askedAt: Number.NEGATIVE_INFINITY };
  const databaseNowMsMax = () => clock.databaseMs + performance.now() - clock.askedAt;

  const commit = async <Stored, T>(column: Column, steps: Steps<Stored, T>, tries = triesMax): Promise<T> => {
    const { alongside, insert, conclude } = steps;
    await engine.ensureDays(column.days);
    const appended = withClient(pool, async (client) => {
      if (performance.now() - clock.askedAt > clockAgeMsMax) clock = await askClock(client);
      const nowMs = databaseNowMsMax();
      const afterMs = nowMs - repairSpanMsMax;
      const late: Late = {
        assets: touchedAssets(column, { afterMs, throughMs: nowMs - graceMs / 2 }),
        runs: touchedRuns(column, nowMs - lagMs / 2),
        untilMs: nowMs + lagMs / 2,
      };
      if (alongside) await client.query('begin');
      const stored = await insert(client, column, late);
      if (alongside) {
        await alongside(client);
        await client.query('commit');
      }
      const doneMs = databaseNowMsMax();
      const overdue = touchedAssets(column, { afterMs, throughMs: doneMs - graceMs });
      const stalled = overdue.filter(({ timeMs }) => timeMs > nowMs - graceMs / 2);
      if (stalled.length > 0) await insertBatch(client, stalled);
      return conclude(client, { column, stored });
    });
    return appended.catch((error: unknown) => {
      if (isPartitionGone(error)) engine.forgetDays();
      if (tries > 1 && isStale(error)) return commit(column, steps, tries - 1);
      throw error;
    });
  };

  const copier = createCopier();
  return {
    append: (rows, alongside) => {
      // A copy that fails would take the transaction of what comes alongside with it.
      const insert = alongside ? insertReadings : copyOrInsert(copier);
      return commit(sortArrivals(rows), { alongside, insert, conclude: countRepeats });
    },
    judge: (rows, alongside) =>
      commit(sortArrivals(rows), {
        alongside,
        insert: insertReturning,
        conclude: (client, stored) => judgeRows(client, rows, stored),
      }),
  };
}

/** What of a batch comes late: for rules, for roll-ups, and until when the rest of it has to be in the table. */
type Late = { readonly assets: Touched[]; readonly runs: MinuteRun[]; readonly untilMs: number };

type Steps<Stored, T> = {
  readonly alongside: Alongside | undefined;
  readonly insert: (client: pg.ClientBase, column: Column, late: Late) => Promise<Stored>;
  readonly conclude: (client: pg.ClientBase, done: { column: Column; stored: Stored }) => Promise<T>;
};

/** Whether a row found no partition, which was there and has been dropped since: trying again makes it anew. */
export function isPartitionGone(error: unknown): boolean {
  return error instanceof Error && (error as { code?: string }).code === '23514';
}

/** Whether a batch took so long that some of its readings had become late on the way: see `refuse_stale` of the migrations. */
function isStale(error: unknown): boolean {
  return error instanceof Error && (error as { code?: string }).code === 'FL001';
}

async function askClock(client: pg.ClientBase): Promise<{ databaseMs: number; askedAt: number }> {
  const askedAt = performance.now();
  const { rows } = await client.query<{ ms: number }>(
    `select (extract(epoch from clock_timestamp()) * 1000)::float8 as ms`,
  );
  return { databaseMs: rows[0]?.ms ?? Number.NaN, askedAt };
}

const insertText = `
  with late as (
    insert into ingest_batch (asset_ids, least_times, shards)
    select array_agg(asset_id), array_agg(least_time), array_agg(shard)
    from unnest($5::uuid[], $6::timestamptz[], $7::int2[]) as touched (asset_id, least_time, shard)
    having count(*) > 0
  ), touched as (
    insert into rollup_touched (series_ids, from_minutes, through_minutes, least_minute, greatest_minute)
    select $8::int4[], $9::int4[], $10::int4[], $11::int4, $12::int4 where $11::int4 is not null
  )
  insert into reading (series_id, time, value, quality)
  select * from unnest($1::int4[], $2::timestamptz[], $3::float8[], $4::int2[])
  where (select refuse_stale(to_timestamp($13::float8 / 1000)))
  on conflict (series_id, time) do nothing`;

/** The same with the keys that were stored, as `keyOf` writes them. */
async function insertReturning(client: pg.ClientBase, column: Column, late: Late): Promise<ReadonlySet<string>> {
  const { rows } = await client.query<{ key: string }>({
    name: 'append-readings-returning',
    text: `${insertText} returning ${keyText('reading')} as key`,
    values: insertValues(column, late),
  });
  return new Set(rows.map(({ key }) => key));
}

function keyText(table: string): string {
  return `${table}.series_id || ' ' || (extract(epoch from ${table}.time) * 1000000)::bigint`;
}

/** What became of each row: the first of its key that the table took, or what the table has already, alike or not. */
async function judgeRows(
  client: pg.ClientBase,
  rows: readonly Arrival[],
  { column, stored }: { column: Column; stored: ReadonlySet<string> },
): Promise<Outcome[]> {
  const kept = stored.size < rows.length ? await findKept(client, column) : new Map<string, Kept>();
  const seen = new Set<string>();
  return rows.map((row) => {
    const key = keyOf(row);
    if (stored.has(key) && !seen.has(key)) {
      seen.add(key);
      return 'stored';
    }
    const there = kept.get(key);
    return there && there.value === row.value && qualities[there.quality] === row.quality ? 'duplicate' : 'conflict';
  });
}

type Kept = { readonly key: string; readonly value: number | null; readonly quality: number };

async function findKept(client: pg.ClientBase, column: Column): Promise<ReadonlyMap<string, Kept>> {
  const { rows } = await client.query<Kept>({
    name: 'find-kept-readings',
    text: `
      select ${keyText('r')} as key, r.value, r.quality
      from unnest($1::int4[], $2::timestamptz[]) as given (series_id, time)
      join reading r on r.series_id = given.series_id and r.time = given.time`,
    values: binaryColumns(column).slice(0, 2),
  });
  return new Map(rows.map((row) => [row.key, row]));
}

/** A reading's key in the table, whose times are kept to the microsecond. */
function keyOf({ point, timeMs }: Arrival): string {
  return `${point.seriesId} ${Math.round(timeMs * 1_000)}`;
}

function copyOrInsert(copier: Copier) {
  return async (client: pg.ClientBase, column: Column, late: Late): Promise<number> => {
    const isLive = late.assets.length === 0 && late.runs.length === 0;
    const copied = isLive ? await copier.copy(client, column, late.untilMs) : undefined;
    if (copied !== undefined) return copied;
    const stored = await insertReadings(client, column, late);
    copier.noteInserted(column.seriesIds.length - stored);
    return stored;
  };
}

async function insertReadings(client: pg.ClientBase, column: Column, late: Late): Promise<number> {
  const { rowCount } = await client.query({
    name: 'append-readings',
    text: insertText,
    values: insertValues(column, late),
  });
  return rowCount ?? 0;
}

async function insertBatch(client: pg.ClientBase, touched: Touched[]): Promise<void> {
  await client.query({
    name: 'append-stalled',
    text: `insert into ingest_batch (asset_ids, least_times, shards) values ($1, $2, $3)`,
    values: touchedColumns(touched),
  });
}

/** Of the rows that were not stored, those whose value in the table is another than theirs. */
async function countRepeats(
  client: pg.ClientBase,
  { column, stored }: { column: Column; stored: number },
): Promise<Appended> {
  const before = { duplicates: column.duplicates, conflicts: column.conflicts };
  const repeated = column.seriesIds.length - stored;
  if (repeated === 0) return { stored, ...before };
  const { rows } = await client.query<{ conflicts: number }>({
    name: 'count-conflicts',
    text: `
      select count(*)::integer as conflicts
      from unnest($1::int4[], $2::timestamptz[], $3::float8[], $4::int2[]) as given (series_id, time, value, quality)
      join reading r on r.series_id = given.series_id and r.time = given.time
      where (r.value, r.quality) is distinct from (given.value, given.quality)`,
    values: binaryColumns(column),
  });
  const conflicts = rows[0]?.conflicts ?? 0;
  return {
    stored,
    duplicates: before.duplicates + repeated - conflicts,
    conflicts: before.conflicts + conflicts,
  };
}

function insertValues(column: Column, { assets, runs, untilMs }: Late): unknown[] {
  const { seriesIds, fromMinutes, throughMinutes, leastMinute, greatestMinute } = runColumns(runs);
  const minutes = runs.length === 0 ? [null, null] : [leastMinute, greatestMinute];
  const runArrays = [int4Array(seriesIds), int4Array(fromMinutes), int4Array(throughMinutes)];
  return [...binaryColumns(column), ...touchedColumns(assets), ...runArrays, ...minutes, untilMs];
}

function binaryColumns(column: Column): Buffer[] {
  return [
    int4Array(column.seriesIds),
    timestampArray(column.timesMs),
    float8Array(column.values),
    int2Array(column.qualities),
  ];
}

function touchedColumns(touched: Touched[]): [string[], Buffer, Buffer] {
  return [
    touched.map(({ assetId }) => assetId),
    timestampArray(touched.map(({ timeMs }) => timeMs)),
    int2Array(touched.map(({ shard }) => shard)),
  ];
}
