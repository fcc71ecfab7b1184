/**
 * The upkeep of stored telemetry, woken by jobs; one process at a time does it, whichever comes first:
 *
 *   take the lock ─▶ drop what is kept no longer ─▶ compress closed chunks, or put closed partitions in order ─▶ release
 *   (held by another: nothing to do)
 */
import type { Db } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { compressPiece } from '../storage/compress-store.ts';
import type { EngineKind } from '../storage/engine-store.ts';
import { listPieces, type Piece } from '../storage/piece-store.ts';
import { sortPiece } from '../storage/sort-store.ts';
import { type TimeTable, timeTables } from '../storage/time-table.ts';
import { aloneInUpkeep, askNow } from '../storage/upkeep-store.ts';
import { type Retained, type Retention, retain } from './retain.ts';

export type Upkeep = {
  readonly retention: Retention;
  /** How long ago a piece must have closed before it is compressed or put in order, in milliseconds. */
  readonly compressAfterMs: number;
  readonly log: Log;
};

/** `compressed` counts partitions put in order, too. */
export type Kept = Retained & { readonly compressed: number };

const dayMs = 86_400_000;

/**
 * Does what is due, by the clock of the database unless another time is given; undefined where another process is at it. `db` has
 * connections to spare and a limit on statements of an hour: compressing a day of 10,000 points each second takes ten minutes.
 * Ends early, and without harm, once aborted.
 */
export async function keepStorage(
  db: Db,
  { retention, compressAfterMs, log }: Upkeep,
  { signal, ...given }: { signal: AbortSignal; nowMs?: number },
): Promise<Kept | undefined> {
  return aloneInUpkeep(db, async () => {
    const nowMs = given.nowMs ?? (await askNow(db));
    const retained = await retain(db, retention, { nowMs, log, signal });
    const compressed = await compressDue(db, { retention, compressAfterMs, log, nowMs, signal });
    return { ...retained, compressed };
  });
}

type Compressing = Upkeep & { readonly nowMs: number; readonly signal: AbortSignal };

async function compressDue(db: Db, { retention, compressAfterMs, log, nowMs, signal }: Compressing): Promise<number> {
  let done = 0;
  for (const table of timeTables) {
    const pieces = await listPieces(db, retention.kind, table);
    const tidy = findTidier(retention.kind, table);
    if (tidy === undefined) continue;
    for (const piece of pieces.filter((one) => tidy.isDue(one) && one.toMs <= nowMs - compressAfterMs)) {
      if (signal.aborted || done >= tidiedMax) return done;
      if (await tryTidy(() => tidy.work(db, piece, signal), { piece, log, signal })) done++;
    }
  }
  return done;
}

/** A backlog is worked off in several runs, so that the next drop does not wait for all of it. */
const tidiedMax = 50;

type Tidier = {
  readonly isDue: (piece: Piece) => boolean;
  readonly work: (db: Db, piece: Piece, signal: AbortSignal) => Promise<void>;
};

/** What is done with closed pieces of a table; undefined for partitions of roll-ups, which are written in order. */
function findTidier(kind: EngineKind, table: TimeTable): Tidier | undefined {
  if (kind === 'hypertable') return { isDue: ({ state }) => state !== 'compressed', work: compressPiece };
  if (table !== 'reading') return undefined;
  // A partition of a year holds what is imported of old years, and may be written to for long.
  return { isDue: ({ state, fromMs, toMs }) => state !== 'sorted' && toMs - fromMs === dayMs, work: sortPiece };
}

/** One piece that cannot be worked on now, since somebody writes into it, keeps no other from it. */
async function tryTidy(
  work: () => Promise<void>,
  { piece, log, signal }: { piece: Piece; log: Log; signal: AbortSignal },
): Promise<boolean> {
  try {
    await work();
    log.debug({ piece: piece.name }, 'compressed a chunk, or put a partition in order');
    return true;
  } catch (error) {
    if (!signal.aborted) log.warn({ err: error, piece: piece.name }, 'closed telemetry is in use; trying later');
    return false;
  }
}
