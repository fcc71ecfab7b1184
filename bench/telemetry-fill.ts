/** What lies in the tables before anything is measured: written by the server itself, and rolled up by the program's own job. */
import { setTimeout as sleep } from 'node:timers/promises';
import { sql } from 'kysely';
import { lagMsDefault, settledAtOnceMs } from '../src/telemetry/rollups/rollup.ts';
import { announceNext, refreshRollups, type Step, settleStep } from '../src/telemetry/rollups/rollup-refresh.ts';
import { noteTouched } from '../src/telemetry/rollups/rollup-touched-store.ts';
import type { BenchDatabase, BenchPoint } from './telemetry-database.ts';

export const minuteMs = 60_000;
export const dayMs = 86_400_000;

/** How a series looks: noise at irregular times, or a state that seldom changes, on the minute. */
export type Look = 'noise' | 'status';

type Filling = {
  readonly points: readonly BenchPoint[];
  readonly fromMs: number;
  readonly toMs: number;
  readonly everyMs: number;
  readonly look?: Look;
};

const fillMsMax = dayMs;

/** Readings of all points, one every so often, in the order of time as they would have come; returns how many. */
export async function fill(
  bench: BenchDatabase,
  { points, fromMs, toMs, everyMs, look = 'noise' }: Filling,
): Promise<number> {
  const { database, engine } = bench;
  const seriesIds = points.map(({ seriesId }) => seriesId);
  const jitter = look === 'noise' ? everyMs * 0.9 : 0;
  const value =
    look === 'noise' ? `20 + 5 * sin(t.ms / 7e6 + s.id) + random()` : `(floor(t.ms / 5.4e6 + s.id) % 2)::float8`;
  await engine.ensureSpan('reading', fromMs, toMs);
  let count = 0;
  // In steps, so that a long span is not sorted as a whole.
  for (let startMs = fromMs; startMs < toMs; startMs += fillMsMax) {
    const endMs = Math.min(toMs, startMs + fillMsMax);
    const { rowCount } = await database.pool.query(
      `insert into reading (series_id, time, value)
       select s.id, to_timestamp((t.ms + random() * $4) / 1000), ${value}
       from generate_series($2::bigint, $3::bigint, $5::bigint) t (ms) cross join unnest($1::int4[]) s (id)`,
      [seriesIds, Math.ceil(startMs), Math.ceil(endMs) - 1, jitter, everyMs],
    );
    count += rowCount ?? 0;
  }
  return count;
}

/** Lets the job go over everything from an instant on as if it came now; what lies before it is to be noted as touched. */
export async function settleFrom({ database: { db } }: BenchDatabase, fromMs: number): Promise<void> {
  await sql`update rollup_progress set settled_through = to_timestamp(${fromMs}::float8 / 1000),
    announced_through = to_timestamp(${fromMs}::float8 / 1000)`.execute(db);
}

/** Rolls up what is there; `touched` are points whose readings lie before what is settled. */
export async function rollUp(bench: BenchDatabase, touched: Omit<Filling, 'everyMs'>): Promise<void> {
  const { db } = bench.database;
  const { points, fromMs, toMs } = touched;
  const spans = points.map(({ seriesId }) => ({ seriesId, fromMs, throughMs: toMs - 1 }));
  await db.transaction().execute((trx) => noteTouched(trx, spans));
  const { engine } = bench;
  await announceNext(db, lagMsDefault);
  // As in operation, by so much at a time: how rows lie together decides how fast they are read.
  for (let step: Step = 'done'; step !== 'nothing'; ) {
    step = await settleStep(db, { engine, spanMs: settledAtOnceMs });
    if (step === 'waiting') await sleep(50);
  }
  await refreshRollups(db, { engine });
}

/** Statistics and visibility, as the server's own upkeep leaves them after a while. */
export async function analyze({ database: { pool } }: BenchDatabase): Promise<void> {
  for (const table of ['reading', 'rollup_1m', 'rollup_15m', 'rollup_1h', 'rollup_1d'])
    await pool.query(`vacuum analyze ${table}`);
}
