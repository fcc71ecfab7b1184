/**
 * The work of rolling up, once a minute, in steps that are a short transaction each. Several processes may try: the lock of the
 * progress lets one work, and the others have nothing to do.
 *
 *   announce ─▶ nobody writes from before ─▶ settle, an hour at a time ─▶ touched to dirty ─▶ dirty, a week of some series at a time
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Db } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { keptSpans } from '../retention/horizon.ts';
import { listHorizons } from '../retention/horizon-store.ts';
import type { StorageEngine } from '../storage/engine-store.ts';
import { floorTo, lagMsDefault, levels, minuteMs, type SeriesSpan, settledAtOnceMs } from './rollup.ts';
import { announce, getProgress, hasReadings, lockProgress, refreshSpans, settle, skip } from './rollup-store.ts';
import {
  clearDirty,
  deleteNoted,
  dirtyWindowMs,
  findLeastDirty,
  listDirty,
  spreadTouched,
} from './rollup-touched-store.ts';

type Work = {
  readonly engine: StorageEngine;
  /** How far behind the clock readings are settled; the appender's must be the same. */
  readonly lagMs?: number | undefined;
  /** Hears of transactions that keep readings from being settled for long. */
  readonly log?: Log | undefined;
  /** Once aborted, it ends with the step that is under way. */
  readonly closing?: AbortSignal | undefined;
};

/** What one step of the work came to. `waiting`: somebody still writes from before what was announced. */
export type Step = 'done' | 'nothing' | 'busy' | 'waiting';

const dayMs = 1_440 * minuteMs;
const settleMsMax = 60 * minuteMs;
const behindMsMax = settledAtOnceMs + 10 * minuteMs;
const waits = { triesMax: 10, pauseMs: 200 } as const;

/** Brings the roll-ups up to date, as far as others let it; rejects with the database's error, and can be tried again. */
export async function refreshRollups(db: Db, work: Work): Promise<void> {
  const { closing } = work;
  await announceNext(db, work.lagMs ?? lagMsDefault);
  let spanMs = settledAtOnceMs;
  let tries = 0;
  for (;;) {
    if (closing?.aborted) return;
    const startedAt = performance.now();
    const step = await settleStep(db, { ...work, spanMs });
    if (step === 'busy') return;
    if (step === 'nothing') break;
    if (step === 'waiting' && ++tries > waits.triesMax) {
      await warnOfWaiting(db, work);
      break;
    }
    if (step === 'waiting') await sleep(waits.pauseMs);
    else spanMs = nextSpan(spanMs, performance.now() - startedAt);
  }
  for (const next of [spreadStep, dirtyStep]) {
    for (let step: Step = 'done'; step === 'done'; ) {
      if (closing?.aborted) return;
      step = await next(db, work);
    }
  }
  await deleteNoted(db);
}

/** Answers stay exact, and take longer the more has to be read as it came. */
async function warnOfWaiting(db: Db, { log, lagMs = lagMsDefault }: Work): Promise<void> {
  const { nowMs, settledMs } = await getProgress(db);
  const behindMs = nowMs - settledMs - lagMs;
  if (behindMs > behindMsMax) log?.warn({ behindMs }, 'roll-ups wait for a transaction that has been open for long');
}

/** Much that is to be made up for goes in longer steps, as long as they are short. */
function nextSpan(spanMs: number, tookMs: number): number {
  if (tookMs < 1_000) return Math.min(settleMsMax, spanMs * 2);
  return tookMs > 5_000 ? Math.max(minuteMs, floorTo(spanMs / 2, minuteMs)) : spanMs;
}

/** Announces what is older than the lag, unless what was announced before is still to be settled. */
export async function announceNext(db: Db, lagMs: number): Promise<Step> {
  return db.transaction().execute(async (trx) => {
    const progress = await lockProgress(trx);
    if (progress === undefined) return 'busy';
    if (progress.announcedMs > progress.settledMs && !progress.isForeign) return 'nothing';
    await announce(trx, lagMs);
    return 'done';
  });
}

/** Settles a span of what was announced, an hour at most, or skips a day in which nothing was read. */
export async function settleStep(
  db: Db,
  { engine, spanMs = settleMsMax }: Work & { readonly spanMs?: number },
): Promise<Step> {
  const planned = await db.transaction().execute(lockProgress);
  if (planned === undefined) return 'busy';
  const { settledMs: fromMs, announcedMs } = planned;
  if (fromMs >= announcedMs) return 'nothing';
  if (!planned.isClear) return 'waiting';
  const endOfDayMs = floorTo(fromMs, dayMs) + dayMs;
  const isLongAgo = endOfDayMs < announcedMs && fromMs % dayMs === 0;
  const toMs = Math.min(announcedMs, fromMs + spanMs, floorTo(fromMs, settleMsMax) + settleMsMax);
  await ensureSpans(engine, fromMs, toMs);
  return db.transaction().execute(async (trx) => {
    const progress = await lockProgress(trx);
    if (progress?.settledMs !== fromMs) return 'busy';
    if (isLongAgo && !(await hasReadings(trx, { fromMs, toMs: endOfDayMs }))) await skip(trx, endOfDayMs);
    else await settle(trx, { fromMs, toMs });
    return 'done';
  });
}

/** Takes over what some commits touched. */
export async function spreadStep(db: Db): Promise<Step> {
  return db.transaction().execute(async (trx) => {
    if ((await lockProgress(trx)) === undefined) return 'busy';
    return (await spreadTouched(trx)) > 0 ? 'done' : 'nothing';
  });
}

/** Rolls up again what is dirty first, within a week. */
export async function dirtyStep(db: Db, { engine }: Work): Promise<Step> {
  const leastMs = await findLeastDirty(db);
  if (leastMs === undefined) return 'nothing';
  const windowMs = floorTo(leastMs, dayMs);
  await ensureSpans(engine, windowMs, windowMs + dirtyWindowMs);
  return db.transaction().execute(async (trx) => {
    const progress = await lockProgress(trx);
    if (progress === undefined) return 'busy';
    const spans = await listDirty(trx, windowMs);
    if (spans.length === 0) return 'nothing';
    const { settledMs } = progress;
    await refreshSpans(trx, { spans: await refreshable(trx, spans, settledMs), settledMs });
    await clearDirty(trx, spans);
    return 'done';
  });
}

/**
 * Of some spans what is settled, the rest of which follows when it is, and whose readings are still there: a roll-up of readings
 * that were dropped stays as it is, whatever came to their time later.
 */
async function refreshable(trx: Db, spans: readonly SeriesSpan[], settledMs: number): Promise<SeriesSpan[]> {
  const seriesIds = [...new Set(spans.map(({ seriesId }) => seriesId))];
  const settled = spans.map((span) => ({ ...span, toMs: Math.min(span.toMs, settledMs) }));
  return keptSpans(settled, await listHorizons(trx, 'reading', seriesIds));
}

async function ensureSpans(engine: StorageEngine, fromMs: number, toMs: number): Promise<void> {
  for (const { table, widthMs } of levels) await engine.ensureSpan(table, floorTo(fromMs, widthMs), toMs);
}
