/** Readings of merged points, moved in bounded steps by whichever process comes first; a crash costs one step at most. */
import type { Db } from '../../platform/database.ts';
import { endMerge, listOpenMerges, lockOpenMerge, noteBuckets, noteStep } from './merge-store.ts';
import type { SeriesMover } from './point-merge.ts';

/** Readings in one transaction: some tenths of a second. */
const readingsAtOnce = 10_000;
const mergesAtOnce = 1_000;
/** Names are in memory for half a minute, and a batch that waits for the database longer: what comes in late follows. */
const lateMs = 600_000;

/** Moves what is left of all mergings, until all is moved or `closing` is aborted. */
export async function moveMerged(
  db: Db,
  { mover, closing, limit = readingsAtOnce }: { mover: SeriesMover; closing?: AbortSignal; limit?: number },
): Promise<void> {
  for (const id of await listOpenMerges(db, mergesAtOnce)) {
    let isMore = true;
    while (isMore && !closing?.aborted)
      isMore = await db.transaction().execute((trx) => stepMerge(trx, { id, mover, limit }));
  }
}

type Step = { readonly id: string; readonly mover: SeriesMover; readonly limit: number };

/** One step of a merging, in the caller's transaction; false when nothing is left to move at present. */
export async function stepMerge(trx: Db, { id, mover, limit }: Step): Promise<boolean> {
  const merge = await lockOpenMerge(trx, id);
  if (!merge) return false;
  const step = await mover.moveReadings(trx, merge, limit);
  if (step.taken > 0) {
    await noteStep(trx, id, step);
    return true;
  }
  const rollups = await mover.moveRollups(trx, merge, limit);
  if (rollups.taken > 0) {
    await noteBuckets(trx, id, rollups.moved);
    return true;
  }
  if (merge.ageMs >= lateMs) await endMerge(trx, id);
  return false;
}
