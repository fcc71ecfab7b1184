/** Rolling up: how far it has come, and one step of it. Every step holds the lock of the one row of progress. */
import { type RawBuilder, sql } from 'kysely';
import type { Db } from '../../platform/database.ts';
import { instant, literalInstant, literalIntegers } from '../../platform/instant-store.ts';
import { alignSpans, floorTo, levels, type SeriesSpan, settledAtOnceMs } from './rollup.ts';
import { rollUpReadings, rollUpRows, rollupColumns } from './rollup-statement-store.ts';

/** How far the roll-ups have come, in milliseconds since the epoch. */
export type Progress = {
  readonly settledMs: number;
  readonly announcedMs: number;
  /** Whether all that had begun to write when it was announced has ended. */
  readonly isClear: boolean;
  /** Whether it was announced in a database that this one was restored from, whose transactions say nothing here. */
  readonly isForeign: boolean;
};

type Span = { readonly fromMs: number; readonly toMs: number };

/** The progress, locked until the transaction ends; undefined when another process works on it. */
export async function lockProgress(trx: Db): Promise<Progress | undefined> {
  const { rows } = await sql<Progress>`
    select ${epochMs('settled_through')} as "settledMs", ${epochMs('announced_through')} as "announcedMs",
      announced_xid < pg_snapshot_xmin(pg_current_snapshot()) as "isClear",
      announced_xid >= pg_current_xact_id() as "isForeign"
    from rollup_progress for update skip locked`.execute(trx);
  return rows[0];
}

/** The progress as of the transaction's snapshot, and the database's time. */
export async function getProgress(db: Db): Promise<KnownProgress> {
  return onlyProgress((await selectProgress().execute(db)).rows);
}

export type KnownProgress = { readonly settledMs: number; readonly announcedMs: number; readonly nowMs: number };

/** The statement of `getProgress`, for whoever sends several at once. */
export function selectProgress(): RawBuilder<KnownProgress> {
  return sql`
    select ${epochMs('settled_through')} as "settledMs", ${epochMs('announced_through')} as "announcedMs",
      ${epochMs('clock_timestamp()')} as "nowMs"
    from rollup_progress`;
}

/** What `selectProgress` found. */
export function onlyProgress([progress]: readonly KnownProgress[]): KnownProgress {
  if (progress === undefined) throw new Error('rollup_progress has lost its row; the migrations make it');
  return progress;
}

/**
 * Announces that what is older than `lagMs` is about to be settled, up to a bound of `settledAtOnceMs`. Whoever writes to that
 * without a word of it has a lower transaction number than this one: `refuse_stale` looks at the clock after it has its number, and
 * this takes the time at which its transaction began, which had none then.
 */
export async function announce(trx: Db, lagMs: number): Promise<void> {
  const width = sql`make_interval(secs => ${settledAtOnceMs / 1_000})`;
  const bound = sql`date_bin(${width}, now() - make_interval(secs => ${lagMs / 1_000}), '2000-01-03Z')`;
  await sql`
    update rollup_progress set announced_through = greatest(announced_through, ${bound}), announced_xid = pg_current_xact_id()
    where announced_through < ${bound} or announced_xid > pg_current_xact_id()`.execute(trx);
}

/** Settles a span, whole minutes that follow what is settled, and the wider buckets that end within. */
export async function settle(trx: Db, { fromMs, toMs }: Span): Promise<void> {
  await prepareStep(trx);
  for (const [i, { table, widthMs }] of levels.entries()) {
    const span = { fromMs: floorTo(fromMs, widthMs), toMs: floorTo(toMs, widthMs) };
    if (span.toMs <= span.fromMs) break;
    const source = i === 0 ? within('reading', 'time', span) : within(levelAt(i - 1).table, 'bucket', span);
    await insertRows(trx, table, i === 0 ? rollUpReadings(source, widthMs) : rollUpRows(source, widthMs));
  }
  await sql`update rollup_progress set settled_through = ${instant(toMs)}`.execute(trx);
}

/** Rolls some spans up again, of whole minutes that are settled, and whatever wider bucket they lie in. */
export async function refreshSpans(
  trx: Db,
  { spans, settledMs }: { readonly spans: readonly SeriesSpan[]; readonly settledMs: number },
): Promise<void> {
  if (spans.length === 0) return;
  await prepareStep(trx);
  for (const [i, { table, widthMs }] of levels.entries()) {
    const aligned = alignSpans(spans, { widthMs, endMs: floorTo(settledMs, widthMs) });
    if (aligned.length === 0) break;
    await deleteRows(trx, table, aligned);
    const source = i === 0 ? among('reading', 'time', aligned) : among(levelAt(i - 1).table, 'bucket', aligned);
    await insertRows(trx, table, i === 0 ? rollUpReadings(source, widthMs) : rollUpRows(source, widthMs));
  }
}

/** Whether there is any reading in a span; a day at most costs little, since it stops at the first. */
export async function hasReadings(db: Db, { fromMs, toMs }: Span): Promise<boolean> {
  const { rows } = await sql`
    select 1 from reading where time >= ${instant(fromMs)} and time < ${instant(toMs)} limit 1`.execute(db);
  return rows.length > 0;
}

/** Moves what is settled over a span without readings. */
export async function skip(trx: Db, toMs: number): Promise<void> {
  await sql`update rollup_progress set settled_through = ${instant(toMs)}`.execute(trx);
}

/** What is compiled is run once, and late rows may lie in chunks that are compressed, more of them than TimescaleDB opens by itself. */
async function prepareStep(trx: Db): Promise<void> {
  await sql`
    select set_config('jit', 'off', true), set_config('work_mem', '64MB', true),
      set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)`.execute(trx);
}

/** In the order of the key: whoever reads a series finds its rows in the order of time, and need not sort them. */
async function insertRows(trx: Db, table: string, rows: RawBuilder<unknown>): Promise<void> {
  await sql`insert into ${sql.raw(table)} (${rollupColumns}) ${rows} order by series_id, bucket`.execute(trx);
}

async function deleteRows(trx: Db, table: string, spans: readonly SeriesSpan[]): Promise<void> {
  await sql`
    delete from ${sql.raw(table)} t using ${spanTable(spans)}
    where t.series_id = span.series_id and t.bucket >= span.from_time and t.bucket < span.to_time
      and ${between('t.bucket', boundsOf(spans))}`.execute(trx);
}

function within(table: string, column: string, span: Span): RawBuilder<unknown> {
  return sql`(select * from ${sql.raw(table)} t where ${between(`t.${column}`, span)})`;
}

/** Rows of some spans, which do not overlap. The bounds of all of them say at planning which partitions there is nothing in. */
export function among(table: string, column: string, spans: readonly SeriesSpan[]): RawBuilder<unknown> {
  const time = sql.raw(`t.${column}`);
  return sql`(
    select t.* from ${spanTable(spans)}
    join ${sql.raw(table)} t on t.series_id = span.series_id and ${time} >= span.from_time and ${time} < span.to_time
    where ${between(`t.${column}`, boundsOf(spans))})`;
}

function spanTable(spans: readonly SeriesSpan[]): RawBuilder<unknown> {
  return sql`
    (select series_id, to_timestamp(from_s) as from_time, to_timestamp(to_s) as to_time
     from unnest(${literalIntegers(spans.map(({ seriesId }) => seriesId))}, ${literalSeconds(spans.map(({ fromMs }) => fromMs))},
       ${literalSeconds(spans.map(({ toMs }) => toMs))}) as given (series_id, from_s, to_s)) span`;
}

function literalSeconds(instantsMs: readonly number[]): RawBuilder<unknown> {
  if (!instantsMs.every(Number.isFinite)) throw new RangeError('a span begins or ends at no instant');
  return sql`${sql.lit(`{${instantsMs.map((ms) => ms / 1_000).join(',')}}`)}::float8[]`;
}

function boundsOf(spans: readonly SeriesSpan[]): Span {
  let fromMs = Number.POSITIVE_INFINITY;
  let toMs = Number.NEGATIVE_INFINITY;
  for (const span of spans) {
    fromMs = Math.min(fromMs, span.fromMs);
    toMs = Math.max(toMs, span.toMs);
  }
  return { fromMs, toMs };
}

function between(column: string, { fromMs, toMs }: Span): RawBuilder<unknown> {
  return sql`${sql.raw(column)} >= ${literalInstant(fromMs)} and ${sql.raw(column)} < ${literalInstant(toMs)}`;
}

function epochMs(expression: string): RawBuilder<number> {
  return sql<number>`(extract(epoch from ${sql.raw(expression)}) * 1000)::float8`;
}

function levelAt(index: number): (typeof levels)[number] {
  const level = levels[index];
  if (level === undefined) throw new RangeError(`there is no roll-up ${index}`);
  return level;
}
