/**
 * Dropping what is kept no longer, table by table and piece by piece, each in a transaction of its own:
 *
 *   plan ─▶ (a piece) keep what evidence needs ─▶ note the horizon ─▶ drop ─▶ is all of it rolled up still? ─▶ commit
 *
 * What is broken off at any instant is gone on with by the next run. Readings go only after they are rolled up: somebody may
 * correct one of them until its row is locked, so the last look is after that.
 */
import type { Db } from '../../platform/database.ts';
import type { Log } from '../../platform/log.ts';
import { liftDecompressionLimit } from '../storage/compress-store.ts';
import type { EngineKind } from '../storage/engine-store.ts';
import { deleteRows, dropPiece, limitLockWait, listPieces, type Piece } from '../storage/piece-store.ts';
import { unmarkSorted } from '../storage/sort-store.ts';
import { everySeries } from './horizon.ts';
import { horizonsIn, listHorizonRows } from './horizon-store.ts';
import { type Keep, type KeptTable, keepOf, kept, type Policy } from './retention.ts';
import { type Deletion, type Group, type Hold, planTable, type TablePlan } from './retention-plan.ts';
import { listGroups, listHeldSince, listKeepPolicies, noteHeld, raiseHorizons } from './retention-store.ts';
import { findSettledMs } from './settled.ts';

/** The behaviour of other stages that retention needs. */
export type Keepers = {
  /** Readings that the evidence of open insights needs. */
  readonly listHolds: (db: Db) => Promise<readonly Hold[]>;
  /** Copies, within the transaction, what ended insights need of readings that are about to go: of these series, or of all. */
  readonly keepEvidence: (
    trx: Db,
    going: { fromMs: number; throughMs: number; seriesIds?: readonly number[] },
  ) => Promise<unknown>;
};

export type Retention = {
  readonly kind: EngineKind;
  readonly installation: Keep;
  readonly keepers: Keepers;
};

/** Series of which one transaction deletes rows: a day of 100 points each second is 8.6 M rows, which takes ten seconds. */
const seriesMax = 100;

/** A partition that has lost so large a part of its rows is written anew: deleting gives no room back by itself. */
const rewriteShareMin = 0.2;

export type PlannedGroup = Group & { readonly keep: Keep };

/** What would go at `nowMs`, by table, and the points with what holds for them; changes nothing. */
export async function planRetention(
  db: Db,
  { kind, installation, keepers }: Retention,
  { nowMs, policies }: { nowMs: number; policies?: readonly Policy[] },
): Promise<{ groups: PlannedGroup[]; plans: TablePlan[]; settledMs: number }> {
  const inForce = { policies: policies ?? (await listKeepPolicies(db)), installation };
  const groups = (await listGroups(db)).map((group) => ({ ...group, keep: keepOf(group, inForce) }));
  const settledMs = await findSettledMs(db);
  const holds = await keepers.listHolds(db);
  const horizonRows = await listHorizonRows(db);
  const plans: TablePlan[] = [];
  for (const table of kept) {
    const pieces = await listPieces(db, kind, table);
    const horizons = horizonsIn(table, horizonRows);
    const heldSince = await listHeldSince(db, table);
    plans.push(planTable({ table, pieces, groups, installation, holds, horizons, heldSince, nowMs, settledMs }));
  }
  return { groups, plans, settledMs };
}

export type Retained = {
  readonly dropped: number;
  readonly rowsDeleted: number;
  /** Pieces, and parts of them, left for the next run: somebody has them locked, or changed what is not rolled up again yet. */
  readonly left: number;
};

type Run = { readonly nowMs: number; readonly log: Log; readonly signal: AbortSignal };

/** Drops and deletes what is due. What somebody is at is left for the next run, and counted. Ends early once aborted. */
export async function retain(db: Db, retention: Retention, { nowMs, log, signal }: Run): Promise<Retained> {
  const { plans } = await planRetention(db, retention, { nowMs });
  const done = { dropped: 0, rowsDeleted: 0, left: 0 };
  for (const { table, drops, deletions, heldDays } of plans) {
    await noteHeld(db, { table, heldDays, nowMs });
    for (const piece of drops) {
      if (signal.aborted) return done;
      const isGone = await dropDue(db, retention, piece, table);
      done[isGone ? 'dropped' : 'left']++;
      // A later piece is not dropped before an earlier one: the horizon tells of all before it.
      if (!isGone) break;
      log.info({ piece: piece.name, bytes: piece.bytes }, 'dropped telemetry that is kept no longer');
    }
    const deleted = new Map<Piece, number>();
    for (const part of deletions.flatMap(partsOf)) {
      if (signal.aborted) return done;
      const rows = await deleteDue(db, retention, part, table);
      if (rows === undefined) done.left++;
      else done.rowsDeleted += rows;
      deleted.set(part.piece, (deleted.get(part.piece) ?? 0) + (rows ?? 0));
    }
    for (const [piece, rows] of deleted)
      if (piece.state === 'sorted' && rows > rewriteShareMin * (piece.rows ?? 0)) await unmarkSorted(db, piece);
  }
  if (done.rowsDeleted > 0) log.info({ rows: done.rowsDeleted }, 'deleted telemetry that is kept no longer');
  return done;
}

async function dropDue(db: Db, { kind, keepers }: Retention, piece: Piece, table: KeptTable): Promise<boolean> {
  const { fromMs, toMs } = piece;
  const isDone = await whenSettled(db, toMs, async (trx) => {
    if (table === 'reading') await keepers.keepEvidence(trx, { fromMs, throughMs: toMs });
    await raiseHorizons(trx, { table, seriesIds: [everySeries], beforeMs: toMs });
    await dropPiece(trx, kind, piece);
    return true;
  });
  return isDone ?? false;
}

function partsOf(deletion: Deletion): Deletion[] {
  const { seriesIds } = deletion;
  const count = Math.ceil(seriesIds.length / seriesMax);
  return Array.from({ length: count }, (_, i) => ({
    ...deletion,
    seriesIds: seriesIds.slice(i * seriesMax, (i + 1) * seriesMax),
  }));
}

function deleteDue(
  db: Db,
  { keepers }: Retention,
  { seriesIds, fromMs, beforeMs }: Deletion,
  table: KeptTable,
): Promise<number | undefined> {
  return whenSettled(db, beforeMs, async (trx) => {
    if (table === 'reading') await keepers.keepEvidence(trx, { fromMs, throughMs: beforeMs, seriesIds });
    await raiseHorizons(trx, { table, seriesIds, beforeMs });
    // Rows of a part of a compressed chunk are unpacked.
    await liftDecompressionLimit(trx);
    return deleteRows(trx, table, { seriesIds, fromMs, beforeMs });
  });
}

const lockNotAvailable = '55P03';

class NotSettled extends Error {
  override readonly name = 'NotSettled';
}

/**
 * Does work in a transaction; undefined, and nothing done, where a lock was not to be had in time, or where what is before an
 * instant has been changed and is not rolled up again.
 */
async function whenSettled<T>(db: Db, beforeMs: number, work: (trx: Db) => Promise<T>): Promise<T | undefined> {
  try {
    return await db.transaction().execute(async (trx) => {
      await limitLockWait(trx);
      const done = await work(trx);
      if ((await findSettledMs(trx)) < beforeMs) throw new NotSettled('changed, and not rolled up again yet');
      return done;
    });
  } catch (error) {
    if (error instanceof NotSettled || (error as { code?: string }).code === lockNotAvailable) return undefined;
    throw error;
  }
}
