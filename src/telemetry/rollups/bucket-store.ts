/** Buckets from the roll-ups, and from the readings where those are not there yet: exact as of one snapshot. */
import { type RawBuilder, sql } from 'kysely';
import type pg from 'pg';
import { codeOf, qualities, qualityOf } from '../../assets/quality.ts';
import { type Db, poolOf } from '../../platform/database.ts';
import { literalInstant, literalIntegers } from '../../platform/instant-store.ts';
import { Refusal } from '../../platform/refusal.ts';
import { refusals } from '../../platform/refusals.ts';
import { bucketStart, nextBucketStart } from '../query/query-grid.ts';
import { type Horizons, horizonOf, keptSpans } from '../retention/horizon.ts';
import { type HorizonRow, horizonsIn, selectHorizons } from '../retention/horizon-store.ts';
import type { BucketQuery, Buckets, BucketValue, ReadingBefore, SeriesBuckets } from './bucket.ts';
import { composeBuckets } from './bucket-compose.ts';
import { decodePieces, pieceStatements } from './bucket-piece-store.ts';
import { planRead } from './bucket-plan.ts';
import { joinRows } from './bucket-rows.ts';
import { minuteMs } from './rollup.ts';
import { type KnownProgress, onlyProgress, selectProgress } from './rollup-store.ts';
import { type PendingQuery, type PendingRow, pendingOf, selectPending } from './rollup-touched-store.ts';
import { runScript, textOf } from './script-store.ts';

/** More buckets than any caller may ask for at once; those have limits of their own. */
const bucketsMax = 1_000_000;
const carryMsDefault = 24 * 60 * minuteMs;
const defaultQualities = ['good', 'uncertain'] as const;
const everything: readonly BucketValue[] = ['count', 'first', 'last', 'min', 'max', 'sum', 'mean', 'twa'];

/**
 * The buckets of some series over a span. Opens a transaction of its own, for reading only. Rejects with the refusal
 * `resolution_dropped` where retention has dropped what the buckets would be made of, and says from when on they are there.
 */
export async function readBuckets(db: Db, query: BucketQuery): Promise<Buckets> {
  const edgesMs = listEdges(query);
  const client = await poolOf(db).connect();
  try {
    const buckets = await readWithin(client, db, { ...query, edgesMs });
    client.release();
    return buckets;
  } catch (error) {
    // Nothing is under way when what was asked for is refused; else the connection may be broken.
    if (error instanceof Refusal) await client.query('rollback').catch(() => undefined);
    client.release(!(error instanceof Refusal));
    throw error;
  }
}

type Asked = BucketQuery & { readonly edgesMs: readonly number[] };

/** Two trips to the server: what is there and how it is to be read, then the rows. */
async function readWithin(client: pg.ClientBase, db: Db, asked: Asked): Promise<Buckets> {
  const { seriesIds, edgesMs, carryMsMax = carryMsDefault, values = everything } = asked;
  const startMs = edgesMs[0] as number;
  const sinceMs = carryMsMax > 0 ? startMs - carryMsMax : startMs;
  const looking = { seriesIds, sinceMs, startMs };
  const span = { seriesIds, fromMs: startMs - carryMsMax, toMs: edgesMs.at(-1) as number };
  const { settledMs, nowMs, horizons, pending, recent } = await look(client, db, { span, looking });
  const ofReadings = horizonsIn('reading', horizons);
  const plan = planRead(edgesMs, { seriesIds, settledMs, pending: keptSpans(pending, ofReadings) });
  refuseGone(horizonsIn(plan.base, horizons), { seriesIds, startMs });
  const gone =
    plan.base === 'reading' || sinceMs === startMs ? [] : seriesIds.filter((id) => horizonOf(ofReadings, id) > sinceMs);
  const older =
    gone.length > 0 ? [textOf(db, lastOf({ ...looking, ...rolledBefore(plan.base), seriesIds: gone }))] : [];
  const reading = { plan, seriesIds, values };
  const { rows, copied } = await runScript(client, [...older, ...pieceStatements(db, reading), 'commit']);
  const before = newestOf([...((gone.length > 0 ? rows[0] : []) as BeforeRow[]), ...recent], sinceMs);
  const wanted = new Set((asked.qualities ?? defaultQualities).map(codeOf));
  const composing = { edgesMs, wanted, carryMsMax, nowMs: asked.nowMs ?? nowMs };
  const series = new Map<number, SeriesBuckets>();
  for (const [seriesId, pieces] of decodePieces(copied, reading)) {
    const buckets = composeBuckets(joinRows(pieces), { ...composing, before: before.get(seriesId) });
    if (buckets.index.length > 0) series.set(seriesId, buckets);
  }
  return { edgesMs, series, before };
}

type Looking = { readonly seriesIds: readonly number[]; readonly sinceMs: number; readonly startMs: number };

/** Begins the transaction, and finds all that the plan depends on, and the newest readings before the span. */
async function look(client: pg.ClientBase, db: Db, { span, looking }: { span: PendingQuery; looking: Looking }) {
  const isCarried = looking.sinceMs < looking.startMs;
  const { rows } = await runScript(client, [
    // What is compiled is run once, and a few thousand rows are read faster by one process than by three.
    `begin isolation level repeatable read, read only; set local jit = off; set local max_parallel_workers_per_gather = 0; set local work_mem = '32MB'`,
    ...[selectProgress(), selectHorizons(span.seriesIds), selectPending(span)].map((select) => textOf(db, select)),
    ...(isCarried ? [textOf(db, lastOf({ ...looking, ...rawBefore }))] : []),
  ]);
  const [progress, horizons, pending, recent = []] = rows.slice(4);
  const { settledMs, nowMs } = onlyProgress(progress as KnownProgress[]);
  return {
    settledMs,
    nowMs,
    horizons: horizons as HorizonRow[],
    pending: pendingOf(span, pending as PendingRow[]),
    recent: recent as BeforeRow[],
  };
}

function listEdges({ width, startMs, endMs }: BucketQuery): number[] {
  const edges = [bucketStart(width, startMs)];
  for (let edge = edges[0] as number; edge < endMs; ) {
    edge = nextBucketStart(width, edge);
    edges.push(edge);
    if (edges.length > bucketsMax) throw new RangeError(`more than ${bucketsMax} buckets at once`);
  }
  return edges;
}

function refuseGone(
  horizons: Horizons,
  { seriesIds, startMs }: { seriesIds: readonly number[]; startMs: number },
): void {
  const horizonMs = seriesIds.reduce(
    (latest, seriesId) => Math.max(latest, horizonOf(horizons, seriesId)),
    Number.NEGATIVE_INFINITY,
  );
  if (startMs < horizonMs) throw refusals.resolutionDropped(new Date(horizonMs));
}

/** The newest of each series, not older than `sinceMs`; of several of one time the first. */
function newestOf(rows: readonly BeforeRow[], sinceMs: number): Map<number, ReadingBefore> {
  const before = new Map<number, ReadingBefore>();
  for (const { series_id, time_ms, value, quality } of rows) {
    if ((before.get(series_id)?.timeMs ?? sinceMs - 1) >= time_ms || time_ms < sinceMs) continue;
    before.set(series_id, { timeMs: time_ms, value, quality: qualityOf(quality) });
  }
  return before;
}

type BeforeRow = { series_id: number; time_ms: number; value: number | null; quality: number };
type LastOf = Looking & {
  readonly table: string;
  readonly order: string;
  readonly columns: string;
  readonly limit: number;
};

const rawBefore = { table: 'reading', order: 'time', columns: 'time, value, quality', limit: 1 };

/** A bucket has as many rows as its readings have qualities. */
function rolledBefore(table: string) {
  const columns = 'last_time as time, last as value, quality';
  return { table, order: 'bucket', columns, limit: qualities.length };
}

/** The newest reading before the span of each series; from the roll-ups where the readings may have been dropped. */
function lastOf({ table, order, columns, limit, seriesIds, sinceMs, startMs }: LastOf): RawBuilder<BeforeRow> {
  // A bucket that begins earlier may hold a reading that is late enough; none of them is longer than a day.
  const fromMs = table === 'reading' ? sinceMs : sinceMs - 1_440 * minuteMs;
  return sql<BeforeRow>`
    select series.id as series_id, (extract(epoch from time) * 1000)::float8 as time_ms, value, quality
    from unnest(${literalIntegers(seriesIds)}) as series (id), lateral (
      select ${sql.raw(columns)} from ${sql.raw(table)}
      where series_id = series.id and ${sql.raw(order)} >= ${literalInstant(fromMs)} and ${sql.raw(order)} < ${literalInstant(startMs)}
      order by ${sql.raw(order)} desc limit ${sql.lit(limit)}) newest`;
}
